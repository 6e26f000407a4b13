//! What a broker is told beyond what the services declare themselves, through its management.

mod management;
mod permissions;

use clap::Args;
use event_bus::{ENTITY_EXCHANGES, ManagementUrl, UNROUTED_POLICY, WATERMARK_EXCHANGE};
use serde_json::{Value, json};
use service::{HoldsSecrets, Review};

use crate::passwords::RolePasswords;
pub(crate) use management::{Management, ManagementError};
use permissions::{Permissions, of_each_service};

/// Settings of a broker whose users and permissions are Marquee's business.
#[derive(Args, Clone, Debug)]
pub(crate) struct BrokerArgs {
    /// RabbitMQ's management, as an administrator: http://USER:PASSWORD@HOST:PORT. Left out, RabbitMQ is left alone
    #[arg(long, env = "MARQUEE_MANAGEMENT_URL", value_name = "URL", hide_env_values = true)]
    management_url: Option<ManagementUrl>,
    /// The vhost that is made there for the exchanges and queues
    #[arg(long, env = "MARQUEE_VHOST", default_value = "marquee", value_name = "VHOST")]
    vhost: String,
}

impl BrokerArgs {
    /// Makes the vhost ready, if the management is given, and names it. Safe to repeat.
    ///
    /// # Errors
    /// [`ManagementError`]; what was done until then stays.
    pub(crate) async fn provision(&self, passwords: &RolePasswords) -> Result<Option<String>, ManagementError> {
        let Some(url) = &self.management_url else {
            return Ok(None);
        };
        provision(&Management::new(url), &self.vhost, passwords).await?;
        Ok(Some(format!("the vhost {} of {url}", self.vhost)))
    }
}

impl HoldsSecrets for BrokerArgs {
    fn show_secrets(&self, review: &mut Review) {
        if let Some(url) = &self.management_url {
            let (user, password) = url.credentials();
            let is_exposed = !url.bare().host_str().is_some_and(service::is_loopback);
            review.management("--management-url", url, (&user, &password), is_exposed);
        }
    }
}

/// Makes the vhost, the exchanges, and a user for each service that uses the broker, with the permissions it needs.
///
/// A user without a password in `passwords` keeps the one it has; a new one that was given none cannot log in. The
/// projections' users may not declare exchanges: those are made here, and again by every relay that connects.
async fn provision(management: &Management, vhost: &str, passwords: &RolePasswords) -> Result<(), ManagementError> {
    management.put(&["vhosts", vhost], &json!({})).await?;
    // Exchanges are declared in the name of who asks for it.
    let administrator = Permissions::all();
    let own = ["permissions", vhost, management.user()];
    management.put(&own, &administrator).await?;
    let topics = ENTITY_EXCHANGES.map(|exchange| (exchange, "topic"));
    for (exchange, kind) in topics.into_iter().chain([(WATERMARK_EXCHANGE, "fanout")]) {
        let durable = json!({"type": kind, "durable": true});
        management.put(&["exchanges", vhost, exchange], &durable).await?;
    }
    keep_unrouted(management, vhost).await?;
    for (user, permissions) in of_each_service() {
        make_user(management, user, passwords.of(user)).await?;
        management.put(&["permissions", vhost, user], &permissions).await?;
    }
    Ok(())
}

/// Makes the broker keep what nobody has bound, in a bounded queue, instead of dropping it. Safe to repeat.
///
/// # Errors
/// [`ManagementError`].
pub(crate) async fn keep_unrouted(management: &Management, vhost: &str) -> Result<(), ManagementError> {
    let policy: Value = serde_json::from_str(UNROUTED_POLICY.body).expect("the policy is JSON");
    management
        .put(&["policies", vhost, UNROUTED_POLICY.name], &policy)
        .await
}

/// The user has no tags: it may not see the management.
async fn make_user(management: &Management, user: &str, password: Option<&str>) -> Result<(), ManagementError> {
    let user_path = ["users", user];
    match password {
        Some(password) => {
            management
                .put(&user_path, &json!({"password": password, "tags": ""}))
                .await
        }
        None if management.exists(&user_path).await? => Ok(()),
        None => {
            management
                .put(&user_path, &json!({"password_hash": "", "tags": ""}))
                .await
        }
    }
}
