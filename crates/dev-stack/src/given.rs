//! Servers given by their urls: checked before anything relies on them.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::amqp_probe;
use crate::error::StartError;
use crate::url_text;

const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// The setting that names the database server.
pub(crate) const DATABASE_SETTING: &str = "MARQUEE_DATABASE_URL";
/// The setting that names the broker.
pub(crate) const AMQP_SETTING: &str = "MARQUEE_AMQP_URL";

/// Connects to the given database server once; where the url has several addresses, to one that answers.
pub(crate) async fn check_database(url: &str) -> Result<(), StartError> {
    let mut refusal = Ok(());
    for url in of_each_address(url) {
        match check_address(&url).await {
            Ok(()) => return Ok(()),
            Err(error) => refusal = refusal.and(Err(error)),
        }
    }
    refusal
}

/// The url with each of its addresses alone: `postgres://user@one:5432,two:5432/database` has two.
fn of_each_address(url: &str) -> Vec<String> {
    let authority = url.find("://").map_or(url.len(), |scheme| scheme + "://".len());
    let length = url[authority..].find(['/', '?', '#']).unwrap_or(url.len() - authority);
    let (end, userinfo) = (authority + length, url[authority..authority + length].rfind('@'));
    let start = userinfo.map_or(authority, |at| authority + at + 1);
    let addresses = url[start..end].split(',');
    addresses
        .map(|address| [&url[..start], address, &url[end..]].concat())
        .collect()
}

async fn check_address(url: &str) -> Result<(), StartError> {
    let refused = |reason: String| StartError::GivenUrl {
        setting: DATABASE_SETTING,
        reason,
    };
    // The error of a url that cannot be read is dropped: its text may show the url, and with it the password.
    let options: PgConnectOptions = url
        .parse()
        .map_err(|_: sqlx::Error| refused("it is no postgres://user:password@host:port/database url".to_owned()))?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    // A pooler in between knows nothing of that setting, and refuses it.
    let options = options.extra_float_digits(None);
    match tokio::time::timeout(CHECK_TIMEOUT, options.connect()).await {
        Ok(Ok(connection)) => {
            // Whether the goodbye arrives makes no difference.
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(sqlx::Error::Database(error))) => Err(refused(format!("{place} answers: {}", error.message()))),
        Ok(Err(sqlx::Error::Io(error))) => Err(refused(format!("{place} cannot be reached: {error}"))),
        Ok(Err(error)) => Err(refused(format!("{place} cannot be used: {error}"))),
        Err(_) => Err(refused(format!(
            "{place} did not answer in {} s",
            CHECK_TIMEOUT.as_secs()
        ))),
    }
}

/// Logs in to the given broker once; of a cluster, to one of the nodes that the url names.
pub(crate) async fn check_broker(url: &str) -> Result<(), StartError> {
    let nodes = url_text::nodes(url);
    let refused = |reason: String| StartError::GivenUrl {
        setting: AMQP_SETTING,
        reason,
    };
    let check = move || {
        let mut failures = Vec::new();
        for node in nodes {
            match amqp_probe::log_in(&node, CHECK_TIMEOUT) {
                Ok(()) => return Ok(()),
                Err(error) => failures.push(error.to_string()),
            }
        }
        Err(failures.join("; "))
    };
    match tokio::task::spawn_blocking(check).await {
        Ok(result) => result.map_err(refused),
        Err(error) => Err(refused(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::of_each_address;

    #[test]
    fn a_url_of_several_addresses_is_one_of_each() {
        for (url, each) in [
            (
                "postgres://me:a,b@one:1,two/db?x=1,2",
                vec!["postgres://me:a,b@one:1/db?x=1,2", "postgres://me:a,b@two/db?x=1,2"],
            ),
            ("postgres://one", vec!["postgres://one"]),
            ("no url", vec!["no url"]),
        ] {
            assert_eq!(of_each_address(url), each);
        }
    }
}
