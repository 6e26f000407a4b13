//! Makes connections to the primary, whichever of a url's addresses that is at the time.

use std::fmt::{self, Display};
use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use session::Settings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::{Instant, timeout_at};

use super::may_pass;
use super::own::{self, RefusedByPooler};
use super::url::DatabaseUrl;

/// How long an address may take to connect and to say what it is. The others are asked meanwhile.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the others may take once one has said that it is the primary: a younger one may be among them.
const YOUNGER_TIMEOUT: Duration = Duration::from_millis(500);

/// The server's timeline in hexadecimal digits, which are more at each promotion; none at a standby, or where nothing can
/// be written.
const TIMELINE: &str =
    "SELECT CASE WHEN NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
    THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END";

/// Where to connect, and how. Cheap enough to clone for each connection.
#[derive(Clone, Debug)]
pub struct Connector {
    pub(super) addresses: Vec<PgConnectOptions>,
    /// Whether it has to be found out which address is the primary's.
    pub(super) searches: bool,
    settings: Settings,
}

/// A connection to the primary.
pub(super) struct Found {
    /// Which address it is at.
    pub(super) place: usize,
    pub(super) connection: PgConnection,
}

/// Why an address is not the primary's.
enum Refusal {
    Silence,
    Standby,
    Failure(sqlx::Error),
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => write!(f, "no answer in {} s", ADDRESS_TIMEOUT.as_secs()),
            Self::Standby => f.write_str("it takes no writes"),
            Self::Failure(error) => error.fmt(f),
        }
    }
}

impl Connector {
    pub(super) fn new(url: &DatabaseUrl, application_name: &str) -> Self {
        let addresses = url.options().into_iter();
        let mut settings = Settings::default();
        for (name, value) in url.settings() {
            settings.set(name, value);
        }
        Self {
            addresses: addresses.map(|one| one.application_name(application_name)).collect(),
            searches: url.is_searched(),
            settings,
        }
    }

    /// Adds settings of the session.
    #[must_use]
    pub fn options<K: Display, V: Display>(mut self, options: impl IntoIterator<Item = (K, V)>) -> Self {
        for (name, value) in options {
            self.settings.set(name, value);
        }
        self
    }

    /// Connects, and sets the session up. Several addresses are asked at the same time, and those that do not answer are given
    /// up after three seconds, or half a second after a primary has; for the only one there is, the caller bounds the wait.
    ///
    /// The first time in a process, a second session shows whether sessions are one's own there.
    ///
    /// # Errors
    /// What the only server reports, or the first of several that all refuse for good. Otherwise [`sqlx::Error::Io`] that names
    /// all addresses and what is wrong with each. [`sqlx::Error::Configuration`] with [`session::SharedSessions`].
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.connect_bare().await?;
        self.establish(&mut connection).await?;
        Ok(connection)
    }

    /// Connects to a session as the server gives it.
    pub(super) async fn connect_bare(&self) -> Result<PgConnection, sqlx::Error> {
        let connected = match &self.addresses[..] {
            [only] if !self.searches => only.connect().await,
            _ => self.find().await.map(|found| found.connection),
        };
        connected.map_err(RefusedByPooler::explain)
    }

    /// Sets a new session up, and expects it to be one's own.
    pub(super) async fn establish(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mark = self.settings.establish(connection).await?;
        own::expect(self, connection, &mark).await
    }

    /// What a new session is given.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Gives a function that connects, for who does not know this type.
    pub fn into_function(self) -> impl Fn() -> BoxFuture<'static, Result<PgConnection, sqlx::Error>> + Send + Sync {
        move || {
            let connector = self.clone();
            async move { connector.connect().await }.boxed()
        }
    }

    /// Finds the primary. Of two, which can only be if one came back that was replaced, it is the one promoted last.
    pub(super) async fn find(&self) -> Result<Found, sqlx::Error> {
        let asking = self.addresses.iter().enumerate();
        let mut asking: FuturesUnordered<_> = asking
            .map(|(place, address)| async move { (place, ask(address).await) })
            .collect();
        let mut end = Instant::now() + ADDRESS_TIMEOUT;
        let mut primary: Option<(String, Found)> = None;
        let mut refusals: Vec<Refusal> = self.addresses.iter().map(|_| Refusal::Silence).collect();
        while let Ok(Some((place, answer))) = timeout_at(end, asking.next()).await {
            match answer {
                Ok(Some((timeline, connection))) => {
                    end = end.min(Instant::now() + YOUNGER_TIMEOUT);
                    if primary.as_ref().is_none_or(|(found, _)| *found < timeline) {
                        primary = Some((timeline, Found { place, connection }));
                    }
                }
                Ok(None) => refusals[place] = Refusal::Standby,
                Err(error) => refusals[place] = Refusal::Failure(error),
            }
        }
        match primary {
            Some((_, found)) => Ok(found),
            None => Err(self.none_found(refusals)),
        }
    }

    /// Why there is no primary.
    fn none_found(&self, mut refusals: Vec<Refusal>) -> sqlx::Error {
        let is_final = |refusal: &Refusal| matches!(refusal, Refusal::Failure(error) if !may_pass(error));
        if refusals.iter().all(is_final)
            && let Refusal::Failure(first) = refusals.swap_remove(0)
        {
            return first;
        }
        let refusals = refusals.iter().enumerate();
        let named = refusals.map(|(place, refusal)| format!("{}: {refusal}", self.name(place)));
        let reason = format!(
            "none of the addresses is a primary: {}",
            named.collect::<Vec<_>>().join("; ")
        );
        sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, reason))
    }

    /// What tells its sessions from those of other servers, databases and users.
    pub(super) fn place(&self) -> String {
        let addresses = self.addresses.iter().enumerate();
        let places = addresses.map(|(place, one)| {
            let socket = one.get_socket().map(|path| path.display().to_string());
            let at = socket.unwrap_or_default() + &self.name(place);
            format!("{}@{at}/{}", one.get_username(), one.get_database().unwrap_or_default())
        });
        places.collect::<Vec<_>>().join(",")
    }

    /// Host and port of an address.
    pub(super) fn name(&self, place: usize) -> String {
        let address = self.addresses.get(place);
        address.map_or_else(String::new, |one| format!("{}:{}", one.get_host(), one.get_port()))
    }
}

/// Tells whether a connection leads to a server that takes writes.
pub(super) async fn is_primary(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    Ok(timeline(connection).await?.is_some())
}

/// Gives the timeline of a server that takes writes, and the connection to it.
async fn ask(address: &PgConnectOptions) -> Result<Option<(String, PgConnection)>, sqlx::Error> {
    let mut connection = address.connect().await?;
    match timeline(&mut connection).await? {
        Some(timeline) => Ok(Some((timeline, connection))),
        None => {
            let _ = connection.close().await;
            Ok(None)
        }
    }
}

async fn timeline(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(TIMELINE).fetch_one(connection).await
}
