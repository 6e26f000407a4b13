//! Finding out that a session is one's own, and not one of a pooler's that serves other clients between two statements.
//!
//! Each new session is given a mark. One that has a mark already was another client's and was not emptied; one that has lost its
//! mark, or has another's, is not the one it was. A pooler that happens to have servers to spare may give two clients one each for
//! a while: so two sessions are held at the same time and let go of in both orders, after which they must still be themselves.
//!
//! All is asked in the simple protocol: the names of prepared statements of two clients may meet in a shared session.

use sqlx::{Error, Executor, PgConnection, Row, raw_sql};
use uuid::Uuid;

use crate::settings::{Settings, literal};

const MARK: &str = "SELECT pg_catalog.current_setting('marquee.session', true) AS mark";
/// How often two sessions are held and let go of in each order.
const ROUNDS: usize = 2;

/// The server's sessions are shared among clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pooler between Marquee and PostgreSQL shares the server's sessions among clients, where settings, locks and notifications \
     would be anybody's. Set pool_mode = session and server_reset_query = DISCARD ALL there for Marquee's databases, or name \
     PostgreSQL itself in the url; docs/operations.md, PgBouncer"
)]
pub struct SharedSessions;

/// What tells a session from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Settings {
    /// Sets a new session up, and makes sure that it is one's own, as far as a single session can tell.
    ///
    /// # Errors
    /// [`SharedSessions`] as [`Error::Configuration`]; what the server reports, of an unknown setting also.
    pub async fn establish(&self, session: &mut PgConnection) -> Result<Mark, Error> {
        let mark = Mark(Uuid::new_v4().to_string());
        let marking = format!(
            "{MARK}; SELECT pg_catalog.set_config('marquee.session', {}, false) AS mark; {}",
            literal(&mark.0),
            self.statement()
        );
        let answers = session.fetch_all(raw_sql(&marking)).await?;
        let before: Option<String> = answers.first().ok_or(Error::RowNotFound)?.try_get(0)?;
        if before.is_some_and(|before| !before.is_empty()) {
            return Err(shared());
        }
        mark.expect(session).await?;
        Ok(mark)
    }
}

impl Mark {
    async fn expect(&self, session: &mut PgConnection) -> Result<(), Error> {
        let found: Option<String> = session.fetch_one(raw_sql(MARK)).await?.try_get("mark")?;
        match found {
            Some(found) if found == self.0 => Ok(()),
            _ => Err(shared()),
        }
    }
}

/// Expects two sessions of the same server, each with its mark, to be two and to stay so. Nothing is in progress on them before
/// and after.
///
/// # Errors
/// [`SharedSessions`] as [`Error::Configuration`]; what the server reports.
pub async fn expect_own(one: (&mut PgConnection, &Mark), other: (&mut PgConnection, &Mark)) -> Result<(), Error> {
    let ((one, one_mark), (other, other_mark)) = (one, other);
    for _ in 0..ROUNDS {
        one.execute("BEGIN").await?;
        other.execute("BEGIN").await?;
        one.execute("ROLLBACK").await?;
        other.execute("ROLLBACK").await?;
        one_mark.expect(one).await?;
        other_mark.expect(other).await?;
        one.execute("BEGIN").await?;
        other.execute("BEGIN").await?;
        other.execute("ROLLBACK").await?;
        one.execute("ROLLBACK").await?;
        one_mark.expect(one).await?;
        other_mark.expect(other).await?;
    }
    Ok(())
}

/// Tells whether it failed because of [`SharedSessions`].
pub fn is_shared(error: &Error) -> bool {
    matches!(error, Error::Configuration(reason) if reason.is::<SharedSessions>())
}

fn shared() -> Error {
    Error::Configuration(Box::new(SharedSessions))
}
