//! Makes connections to the primary, whichever of a url's addresses that is at the time.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::url::DatabaseUrl;

/// How long one address may take to connect and to say what it is. The others are asked meanwhile.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(1);

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
}

/// A connection to the primary.
pub(super) struct Found {
    /// Which address it is at.
    pub(super) place: usize,
    pub(super) connection: PgConnection,
}

impl Connector {
    pub(super) fn new(url: &DatabaseUrl, application_name: &str) -> Self {
        let addresses = url.options().into_iter();
        Self {
            addresses: addresses.map(|one| one.application_name(application_name)).collect(),
            searches: url.is_searched(),
        }
    }

    /// Adds settings that the server applies to the session.
    #[must_use]
    pub fn options<K: Display, V: Display>(self, options: impl IntoIterator<Item = (K, V)> + Clone) -> Self {
        let addresses = self.addresses.into_iter();
        Self {
            addresses: addresses.map(|one| one.options(options.clone())).collect(),
            ..self
        }
    }

    /// Connects. Several addresses are asked at the same time, and one that does not answer is given up after a second; for the
    /// only one there is, the caller bounds the wait.
    ///
    /// # Errors
    /// What the only server reports, or [`sqlx::Error::Io`] that names all addresses and what is wrong with each.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        match &self.addresses[..] {
            [only] if !self.searches => only.connect().await,
            _ => Ok(self.find().await?.connection),
        }
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
        let asking = self
            .addresses
            .iter()
            .map(|address| timeout(ADDRESS_TIMEOUT, ask(address)));
        let mut primary: Option<(String, Found)> = None;
        let mut refusals = Vec::new();
        for (place, answer) in join_all(asking).await.into_iter().enumerate() {
            let refusal = match answer {
                Ok(Ok((Some(timeline), connection))) => {
                    if primary.as_ref().is_none_or(|(found, _)| *found < timeline) {
                        primary = Some((timeline, Found { place, connection }));
                    }
                    continue;
                }
                Ok(Ok((None, connection))) => {
                    let _ = connection.close().await;
                    "it takes no writes".to_owned()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer in {} s", ADDRESS_TIMEOUT.as_secs()),
            };
            refusals.push(format!("{}: {refusal}", self.name(place)));
        }
        primary.map(|(_, found)| found).ok_or_else(|| {
            let reason = format!("none of the addresses is a primary: {}", refusals.join("; "));
            sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, reason))
        })
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

async fn ask(address: &PgConnectOptions) -> Result<(Option<String>, PgConnection), sqlx::Error> {
    let mut connection = address.connect().await?;
    Ok((timeline(&mut connection).await?, connection))
}

async fn timeline(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(TIMELINE).fetch_one(connection).await
}
