//! Whether a process has its sessions for itself: found out once for each server, database and user, with a second session.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use session::{Mark, SharedSessions, is_shared};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::connector::Connector;
use super::url::DatabaseUrl;

/// How long the second session may take. One that is not to be had tells nothing.
const SECOND_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a process that waits for nobody waits for its databases before it starts.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// `protocol_violation`: what a pooler says, whatever is wrong.
const PROTOCOL_VIOLATION: &str = "08P01";

/// Where this process has found that sessions are its own. A pooler that is set otherwise later is noticed by the marks of sessions.
static FOUND: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The sessions of a url that a process was given are shared.
#[derive(Debug, thiserror::Error)]
#[error("{setting}, {url}, cannot be used")]
pub struct UnusableDatabase {
    /// The setting, for whoever has to change it.
    setting: String,
    url: DatabaseUrl,
    source: SharedSessions,
}

/// A connection that a pooler refuses.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} (SQLSTATE {PROTOCOL_VIOLATION}: not PostgreSQL says so but a pooler in between; docs/operations.md, PgBouncer)"
)]
pub(super) struct RefusedByPooler(sqlx::Error);

impl RefusedByPooler {
    /// Says who refuses, where it is a pooler.
    pub(super) fn explain(error: sqlx::Error) -> sqlx::Error {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(PROTOCOL_VIOLATION) {
            return sqlx::Error::Configuration(Box::new(Self(error)));
        }
        error
    }
}

/// Expects a session that was set up to be one's own, and a second one to be another.
pub(super) async fn expect(connector: &Connector, session: &mut PgConnection, mark: &Mark) -> Result<(), sqlx::Error> {
    let place = connector.place();
    if FOUND.lock().unwrap_or_else(PoisonError::into_inner).contains(&place) {
        return Ok(());
    }
    let comparing = async {
        let mut second = connector.connect_bare().await?;
        let second_mark = connector.settings().establish(&mut second).await?;
        session::expect_own((session, mark), (&mut second, &second_mark)).await?;
        // It was there to be compared with.
        let _: Result<(), sqlx::Error> = second.close().await;
        Ok(())
    };
    match timeout(SECOND_TIMEOUT, comparing).await {
        Ok(Ok(())) => {
            FOUND.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
            Ok(())
        }
        Ok(Err(error)) if is_shared(&error) => Err(error),
        unknown => {
            tracing::debug!(?unknown, "no second session to compare the first one with");
            session.ping().await
        }
    }
}

/// Refuses a database whose sessions are shared, for a process that is about to start. One that does not answer soon, or refuses
/// the login, is found out about when it is used.
///
/// # Errors
/// [`UnusableDatabase`], with [`SharedSessions`] as its source.
pub async fn refuse_shared_sessions(setting: &str, url: &DatabaseUrl) -> Result<(), UnusableDatabase> {
    let connecting = async {
        let connection = super::connect_options(url, "marquee").connect().await?;
        connection.close().await
    };
    match timeout(START_TIMEOUT, connecting).await {
        Ok(Err(error)) if is_shared(&error) => Err(UnusableDatabase {
            setting: setting.to_owned(),
            url: url.clone(),
            source: SharedSessions,
        }),
        _ => Ok(()),
    }
}

/// Tells whether an error comes from sessions that are shared: that of a setting, for which waiting does not help.
pub fn is_of_shared_sessions(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<SharedSessions>() {
            return true;
        }
        cause = error.source();
    }
    false
}
