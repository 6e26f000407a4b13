//! The relay: connects, stands by, leads, and after any failure pauses and begins again, for ever.
//!
//! States: connecting -> standby -> leader -> (failure) -> pausing -> connecting ... until told to stop.
//! Guarantees: every event of the log reaches the broker at least once, in log order. A relay without a broker never
//! holds the lease, so that one with a broker can.
//! Failure: pauses grow exponentially with jitter and begin small again after progress. A failure that time does not
//! heal (a gap, another log, an event without a message) is retried after a long pause and shown as `stopped` meanwhile:
//! it must not take the other services of the process down with it.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff};
use chrono::{SecondsFormat, Utc};
use domain::Position;
use event_bus::{AmqpUrl, BusError, ManagementUrl, Publisher, refusing_queues};
use event_store::{Hint, LogReader, RelayCheckpoint, RelayState};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::leadership::{release, stand_by};
use crate::publishing::Publishing;
use crate::status::{RelayStatus, StatusBoard};
use crate::wake::Wake;
use crate::{RelayConfig, RelayError};

/// How a relay names its connection to the broker.
pub const CONNECTION_NAME: &str = "marquee event-relay";

/// Publishes the log while it is the leader.
pub struct Relay {
    config: RelayConfig,
    broker: AmqpUrl,
    management: Option<ManagementUrl>,
    pool: PgPool,
    hint: Arc<Hint>,
    status: StatusBoard,
    holder: Uuid,
}

impl Relay {
    /// Makes a relay over a pool of its role on the event store (three connections at a time). `hint` is told by
    /// whoever appends in the same process. Nothing is connected yet.
    pub fn new(config: RelayConfig, pool: PgPool, broker: AmqpUrl, hint: Arc<Hint>) -> Self {
        Self {
            config,
            broker,
            management: None,
            pool,
            hint,
            status: StatusBoard::new(),
            holder: Uuid::now_v7(),
        }
    }

    /// Lets the relay ask the broker's management which queue refuses what it publishes.
    #[must_use]
    pub fn with_management(self, management: Option<ManagementUrl>) -> Self {
        Self { management, ..self }
    }

    /// Follows the relay's state.
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.status.watch()
    }

    /// Runs until told to stop. Dropping the future is a crash: the next relay goes back to the checkpoint.
    pub async fn run(self, stop: CancellationToken) {
        let wake = Wake::new(self.hint.clone(), self.pool.clone());
        let mut pauses = self.pauses();
        let mut known = None;
        let mut refused_since = None;
        while !stop.is_cancelled() {
            let (ended, progress) = self.term(&wake, &mut known, &stop).await;
            let Err(error) = ended else { break };
            if progress {
                (pauses, refused_since) = (self.pauses(), None);
            }
            let error = self.explain(error, &mut refused_since).await;
            let pause = match error.halt_code() {
                Some(_) => self.config.halt_pause,
                None => pauses.next().unwrap_or(self.config.back_off.1),
            };
            self.report(&error, pause);
            stop.run_until_cancelled(sleep(pause)).await;
        }
        self.status.update(|status| {
            *status = RelayStatus {
                confirmed: status.confirmed,
                head: status.head,
                ..Default::default()
            }
        });
    }

    /// One term: from connecting to the end of the leadership. Tells, too, whether the broker confirmed anything.
    async fn term(
        &self,
        wake: &Wake,
        known: &mut Option<RelayCheckpoint>,
        stop: &CancellationToken,
    ) -> (Result<(), RelayError>, bool) {
        let opened = stop
            .run_until_cancelled(Publisher::open(&self.broker, CONNECTION_NAME))
            .await;
        let mut publisher = match opened {
            None => return (Ok(()), false),
            Some(Err(error)) => return (Err(error.into()), false),
            Some(Ok(publisher)) => publisher,
        };
        self.status.connected();
        let (ended, progress) = self.lead(wake, known, &mut publisher, stop).await;
        let ended = match ended {
            Ok(()) => {
                publisher.close().await;
                Ok(())
            }
            Err(RelayError::Disconnected) => match publisher.why_closed().await {
                Some(reason) => Err(reason.into()),
                None => Err(RelayError::Disconnected),
            },
            // What is still on its way is given up at once: waiting for a broker that failed gains nothing.
            Err(error) => Err(error),
        };
        (ended, progress)
    }

    /// Says of a refused message since when, and by which queue, as far as the management knows.
    async fn explain(&self, error: RelayError, refused_since: &mut Option<String>) -> RelayError {
        let RelayError::Bus(BusError::Nacked) = error else {
            return error;
        };
        let since = refused_since.get_or_insert_with(|| Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
        let queues = match &self.management {
            Some(management) => refusing_queues(management, &self.broker).await,
            None => None,
        };
        RelayError::Refused {
            since: since.clone(),
            queues,
        }
    }

    async fn lead(
        &self,
        wake: &Wake,
        known: &mut Option<RelayCheckpoint>,
        publisher: &mut Publisher,
        stop: &CancellationToken,
    ) -> (Result<(), RelayError>, bool) {
        let state = RelayState::new(self.pool.clone());
        let lease = match stand_by(&state, self.holder, publisher, &self.config, &self.status, stop).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return (Ok(()), false),
            Err(error) => return (Err(error), false),
        };
        let source = (LogReader::new(self.pool.clone()), state.clone(), lease.clone());
        let led = match Publishing::begin(&self.config, &self.status, wake, publisher, source, known.as_ref()).await {
            Ok(mut publishing) => {
                let from = publishing.confirmed().position;
                let ended = publishing.run(stop).await;
                let confirmed = publishing.confirmed();
                self.status.update(|status| status.confirmed = confirmed.position);
                let has_published = confirmed.position > from;
                if confirmed.position > Position(0) {
                    *known = Some(confirmed.clone());
                }
                (ended, has_published)
            }
            Err(error) => (Err(error), false),
        };
        release(&state, &lease).await;
        led
    }

    fn pauses(&self) -> ExponentialBackoff {
        let (shortest, longest) = self.config.back_off;
        pauses::doubling(shortest, longest).build()
    }

    fn report(&self, error: &RelayError, pause: Duration) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        // With its causes: as JSON the library writes down the outermost only.
        let cause = service::with_causes(error);
        match error.halt_code() {
            Some(code) => tracing::error!(
                code,
                error = cause,
                pause_ms,
                "the relay has stopped; events wait in the log"
            ),
            None => tracing::warn!(error = cause, pause_ms, "the relay begins again after a pause"),
        }
        self.status.failed(error);
    }
}
