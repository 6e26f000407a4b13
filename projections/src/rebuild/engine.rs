//! What operations of one projection work with: its code, its database, the log.

use std::sync::Arc;
use std::time::Duration;

use event_store::LogReader;
use service::database::{self, Connector, DatabaseUrl, PoolOptions};

use crate::Projection;

/// Connections that read the log ahead.
const LOG_CONNECTIONS_MAX: u32 = 4;
/// Reading some thousand events takes longer than a query, the more so under load.
const LOG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(25);
const LOG_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the keeper's statements may take; dropping a large generation is the longest.
const KEEPER_STATEMENT_TIMEOUT_MS: u64 = 60_000;
/// The worker waits for the log while a transaction is open.
const WORKER_IDLE_TIMEOUT_MS: u64 = 120_000;
/// How often the server looks whether the worker is still there while it executes a statement for it.
const CONNECTION_CHECK_INTERVAL_MS: u64 = 1_000;

/// One projection's operations, ready to be started. Nothing is connected before one is.
pub(crate) struct Engine {
    projection: Arc<dyn Projection>,
    database_url: DatabaseUrl,
    log: LogReader,
}

impl Engine {
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(
        projection: Arc<dyn Projection>,
        database_url: DatabaseUrl,
        event_store_url: &DatabaseUrl,
    ) -> Self {
        let options = PoolOptions {
            application_name: "marquee-rebuild-log",
            connections_max: LOG_CONNECTIONS_MAX,
            acquire_timeout: LOG_ACQUIRE_TIMEOUT,
            statement_timeout: LOG_STATEMENT_TIMEOUT,
        };
        Self {
            projection,
            database_url,
            log: LogReader::new(database::pool(event_store_url, options)),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    pub(crate) fn log(&self) -> &LogReader {
        &self.log
    }

    /// The name of the worker's session, by which it is found when its process is gone.
    pub(crate) fn worker_name(&self) -> String {
        format!("marquee-rebuild-{}", self.name())
    }

    pub(crate) fn keeper_options(&self) -> Connector {
        database::connect_options(&self.database_url, "marquee-rebuild-keeper")
            .options([("statement_timeout", KEEPER_STATEMENT_TIMEOUT_MS)])
    }

    /// Statements are not bounded: loading and comparing take as long as they take, and the keeper can end them.
    /// What is half built need not be on the disk; the switch waits for it.
    pub(crate) fn worker_options(&self) -> Connector {
        database::connect_options(&self.database_url, &self.worker_name())
            .options([
                ("statement_timeout", 0),
                ("idle_in_transaction_session_timeout", WORKER_IDLE_TIMEOUT_MS),
                ("client_connection_check_interval", CONNECTION_CHECK_INTERVAL_MS),
            ])
            .options([("synchronous_commit", "off")])
    }
}
