//! What a private broker is told beyond what the services declare themselves.

use std::time::Duration;

use event_bus::UNROUTED_POLICY;
use reqwest::header::CONTENT_TYPE;
use service::BoxError;
use url::Url;

use crate::up::local_client;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the broker keep what nobody has bound, in a bounded queue, instead of dropping it. Safe to repeat.
///
/// `management_url` takes the user and password of `amqp_url`; the policy is of its vhost.
///
/// # Errors
/// The management does not answer, or refuses.
pub(crate) async fn keep_unrouted(management_url: &str, amqp_url: &str) -> Result<(), BoxError> {
    let amqp_url = Url::parse(amqp_url)?;
    let vhost = match amqp_url.path().trim_start_matches('/') {
        "" => "%2f",
        vhost => vhost,
    };
    let policy = format!(
        "{}/api/policies/{vhost}/{}",
        management_url.trim_end_matches('/'),
        UNROUTED_POLICY.name
    );
    let request = local_client()?
        .put(policy)
        .basic_auth(amqp_url.username(), amqp_url.password())
        .header(CONTENT_TYPE, "application/json")
        .body(UNROUTED_POLICY.body)
        .timeout(TIMEOUT);
    request.send().await?.error_for_status()?;
    Ok(())
}
