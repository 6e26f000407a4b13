//! The consumer of a projection: supervises one session after the other, for ever.
//!
//! States: connecting -> waiting (another process is active) -> consuming <-> healing (from the log), held (keeps its
//! place and tries again); paused by an operator, version mismatch and log diverged apply nothing, leave the queue to
//! others and look again from time to time.
//!
//! Guarantees: at every commit *applied = checkpoint*, each position exactly once and in order. Only a range that a
//! watermark or the log itself has closed is applied. A session never cancels its consumption and never gives single
//! messages back; it closes its channel, and the broker puts what is unacknowledged back in its place.
//!
//! Without a broker the read model is kept up to date from the log alone.
//!
//! Failure: what may go better another time (a database away, an event type that newer code knows) is tried again with
//! the place held. Any other error ends the session: everything it holds is dropped, a new one starts at the checkpoint.
//!
//! Acknowledging *through* a watermark's delivery may acknowledge held events of later ranges, when messages came out
//! of order. If the consumer dies then, the broker does not send them again, and that is safe: their own watermark is
//! still to come, what is held does not agree with its totals, and the range is applied from the log.

mod advance;
mod alone;
mod building;
mod ending;
mod healing;
mod inbox;
mod leaderless;
mod lookout;
mod presence;
mod session;
mod work;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use backon::BackoffBuilder;
use domain::Position;
use event_bus::{AmqpUrl, QueueSpec};
use event_store::LogReader;
use service::BoxError;
use service::database::{self, Connector, DatabaseUrl, PoolOptions};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::control::Row;
use crate::rebuild::task::Rebuilds;
use crate::status::Progress;
use crate::{ConsumerArgs, Projection, State};
use alone::Alone;
use ending::Ending;
use leaderless::Leaderless;
use lookout::{Lookout, Sight};
use presence::Presence;
use session::Session;

/// The first pause after a failure.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
/// A session that lived this long starts the pauses anew.
const SESSION_PROVEN: Duration = Duration::from_secs(1);

/// Keeps a read model up to date with the log.
pub struct Consumer {
    projection: Arc<dyn Projection>,
    database: Connector,
    presence_pool: PgPool,
    lookout: Lookout,
    log: LogReader,
    amqp_url: AmqpUrl,
    args: ConsumerArgs,
    progress: Arc<Progress>,
    /// Starts rebuilds, where they can be run.
    rebuilds: Option<Rebuilds>,
    auto_rebuild_spent: AtomicBool,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Consumer")
            .field("projection", &self.projection.name())
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Makes a consumer; nothing is connected before [`Self::run`]. Must be called inside a tokio runtime.
    pub fn new(
        projection: Arc<dyn Projection>,
        database_url: &DatabaseUrl,
        log: LogReader,
        amqp_url: AmqpUrl,
        args: ConsumerArgs,
    ) -> Self {
        let database = database::connect_options(database_url, "marquee-projection-consumer")
            .options([("statement_timeout", args.iteration_ms_max)])
            // Each statement is a probe of keys, whatever the values: to plan it anew each time was an eighth of this session's CPU.
            .options([("plan_cache_mode", "force_generic_plan")])
            // The plan may be made while a table is new and looks small, and must serve when it is large. A scan, where there
            // is no other way, looks expensive to the planner, which would then compile it.
            .options([("enable_seqscan", "off"), ("jit", "off")]);
        let presence_pool = database::pool(
            database_url,
            PoolOptions {
                application_name: "marquee-projection-presence",
                connections_max: 1,
                ..Default::default()
            },
        );
        let progress = Arc::new(Progress::new(projection.name()));
        Self {
            projection,
            database,
            presence_pool,
            lookout: Lookout::default(),
            log,
            amqp_url,
            args,
            progress,
            rebuilds: None,
            auto_rebuild_spent: AtomicBool::new(false),
        }
    }

    /// Lets the consumer start rebuilds: of a new projection on an old log, and for newer code if the settings say so.
    #[must_use]
    pub(crate) fn with_rebuilds(self, rebuilds: Rebuilds) -> Self {
        Self {
            rebuilds: Some(rebuilds),
            ..self
        }
    }

    /// Tells of each commit of this consumer.
    pub fn committed(&self) -> watch::Receiver<Position> {
        self.progress.committed()
    }

    /// What the consumer shows of itself.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Consumes until `stop` is cancelled. What is in progress then is dropped; nothing is lost by it.
    ///
    /// # Errors
    /// None: whatever goes wrong is shown, and tried again after a pause.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        let presence = Presence::new(Arc::clone(&self.progress), self.presence_pool.clone());
        let mut delays = self.retry_delays();
        let mut alone = Alone::default();
        let mut leaderless = Leaderless::default();
        loop {
            let started = Instant::now();
            presence.works().await;
            let (mut ending, opened_at) = self.session(&presence, &stop).await;
            if opened_at.is_some_and(|opened_at| opened_at.elapsed() >= self.args.silence()) {
                // It had the broker for long enough to hear that somebody goes on, or to ask the log by itself.
                alone = Alone::default();
            }
            leaderless.note(&ending, started);
            if let Ending::Bus(_) = ending {
                self.progress.is(ending.state());
                presence.goes_on();
                match stop.run_until_cancelled(alone.catch_up(&self, &stop)).await {
                    None => break,
                    Some(Err(Ending::Paused)) => ending = Ending::Paused,
                    Some(Err(other)) => {
                        self.progress.failed(&ending);
                        ending = other;
                    }
                    Some(Ok(())) => {}
                }
            } else {
                alone = Alone::default();
            }
            if let Ending::Stopped = ending {
                break;
            }
            let is_paused = matches!(ending, Ending::Paused);
            if !is_paused {
                // Before the state, which is never to be seen without its reason.
                self.progress.failed(&ending);
            }
            self.progress.is(ending.state());
            presence.ends(is_paused);
            match ending {
                Ending::Bus(_) => self.lookout.end(&self.progress),
                _ => self.lookout.begin(|| self.sight()),
            }
            if is_paused {
                if stop
                    .run_until_cancelled(self.pause(self.args.retry_delay_max()))
                    .await
                    .is_none()
                {
                    break;
                }
                continue;
            }
            match stop.run_until_cancelled(leaderless.replace_queue_if_due(&self)).await {
                None => break,
                Some(Err(error)) => self.progress.failed(&error),
                Some(Ok(())) => {}
            }
            self.auto_rebuild(&ending).await;
            if started.elapsed() >= SESSION_PROVEN {
                delays = self.retry_delays();
            }
            let delay = delays.next().unwrap_or(RETRY_DELAY_MIN);
            if stop.run_until_cancelled(self.pause(delay)).await.is_none() {
                break;
            }
        }
        self.lookout.end(&self.progress);
        self.progress.is(State::Stopped);
        Ok(())
    }

    /// Waits until it is time to look again, which is at once when an operator has changed something.
    async fn pause(&self, at_most: Duration) {
        // Told or not, the row is looked at next.
        drop(tokio::time::timeout(at_most, self.progress.changed()).await);
    }

    /// Runs a session, and gives how it ended and when it was open.
    async fn session(&self, presence: &Presence, stop: &CancellationToken) -> (Ending, Option<Instant>) {
        let opened = stop.run_until_cancelled(self.within_limit(Session::open(self))).await;
        let mut session = match opened.map(Result::flatten) {
            None => return (Ending::Stopped, None),
            Some(Err(ending)) => return (ending, None),
            Some(Ok(session)) => session,
        };
        presence.goes_on();
        let opened_at = Instant::now();
        let ending = session.run(stop).await;
        session.close().await;
        (ending, Some(opened_at))
    }

    /// The watchdog: what takes longer than an attempt may hangs, and ends the session, which closes its connections.
    async fn within_limit<T>(&self, work: impl Future<Output = T>) -> Result<T, Ending> {
        let limit_ms = self.args.iteration_ms_max;
        let done = tokio::time::timeout(self.args.iteration_max(), work).await;
        done.map_err(|_elapsed| Ending::Stuck { limit_ms })
    }

    /// Refuses a generation that other code has made.
    fn check_version(&self, row: &Row) -> Result<(), Ending> {
        if row.is_of(&*self.projection) {
            self.version_matched();
            return Ok(());
        }
        Err(Ending::VersionMismatch {
            projection: self.projection.name(),
            generation: row.generation.to_string(),
            version: row.version,
            binding_version: row.binding_version,
            code_version: self.projection.version(),
            code_binding_version: self.projection.binding_version(),
        })
    }

    /// Pauses between attempts: doubling, with jitter, without end.
    fn retry_delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        pauses::doubling(RETRY_DELAY_MIN, self.args.retry_delay_max()).build()
    }

    /// The name of the consumer's connections in the broker's lists.
    fn connection_name(&self) -> String {
        format!("projection {}", self.projection.name())
    }

    fn sight(&self) -> Sight {
        Sight {
            url: self.amqp_url.clone(),
            queue: self.queue().name,
            connection_name: self.connection_name(),
            progress: Arc::clone(&self.progress),
        }
    }

    /// The queue: one per projection and set of bindings.
    fn queue(&self) -> QueueSpec {
        QueueSpec {
            name: format!("{}.v{}", self.projection.name(), self.projection.binding_version()),
            bindings: self.projection.bindings().to_vec(),
            prefetch: self.args.prefetch,
        }
    }
}
