//! What a projection shows of itself: its consumer's state, its position and its lag.

mod elsewhere;
pub(crate) mod foreign;
pub(crate) mod progress;
mod routes;
mod told;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Position;
use event_store::LogReader;
use metrics::gauge;
use serde::Serialize;
use service::BoxError;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::control::Row;
use crate::diverged::Diverged;
use crate::{Paused, Projection, Reads, metric};
use elsewhere::Elsewhere;
pub use elsewhere::{RebuildSummary, RetiredGeneration};
pub(crate) use progress::Progress;
pub(crate) use routes::router;

/// How often the lag is measured for the metrics.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the event store may take to answer.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the projection's database may take to tell what stands beside the row it has just given.
const BESIDE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a projection's consumer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProjectionState)]
pub enum State {
    /// It connects to its database, the event store and the broker.
    Connecting,
    /// It is connected and has received nothing yet; another process may be the active consumer.
    Waiting,
    /// It applies what it receives.
    Consuming,
    /// It applies from the log.
    Healing,
    /// An operator has paused it.
    Paused,
    /// It cannot apply what comes next, keeps its place and tries again.
    Held,
    /// The generation was made by another version of the code; it is served, and nothing is applied.
    VersionMismatch,
    /// The log is not the one the read model was made from; nothing is applied.
    LogDiverged,
    /// It has ended.
    Stopped,
}

impl State {
    /// Tells whether somebody has to see to it.
    pub(crate) fn needs_attention(self) -> bool {
        matches!(self, Self::Held | Self::VersionMismatch | Self::LogDiverged)
    }

    /// What is to be shown, given what is known now: the consumer's word may be older than what an operator has changed.
    fn given(self, known: &Known) -> Self {
        match self {
            Self::Stopped => self,
            _ if known.is_diverged == Some(true) => Self::LogDiverged,
            // Only the consumer tells of other code, together with what the two are.
            Self::VersionMismatch if known.is_of_this_code != Some(true) => self,
            _ if known.is_paused == Some(true) => Self::Paused,
            Self::LogDiverged if known.is_diverged == Some(false) => Self::Connecting,
            Self::VersionMismatch => Self::Connecting,
            Self::Paused if known.is_paused == Some(false) => Self::Connecting,
            _ => self,
        }
    }
}

/// What the databases say of whether a consumer may apply; none where one does not answer.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    is_diverged: Option<bool>,
    is_of_this_code: Option<bool>,
    is_paused: Option<bool>,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
            Self::Consuming => "consuming",
            Self::Healing => "healing",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::VersionMismatch => "version_mismatch",
            Self::LogDiverged => "log_diverged",
            Self::Stopped => "stopped",
        })
    }
}

/// How a projection is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// What its consumer in this process is doing.
    pub state: State,
    /// Everything up to here is applied; null while the database does not answer.
    pub position: Option<i64>,
    /// Where the log ends; null while the event store does not answer.
    pub head: Option<i64>,
    /// Events between the two; null when the log does not have the checkpoint's event.
    pub lag_events: Option<i64>,
    /// Age in seconds of the oldest event that is not applied; null when the lag is.
    pub lag_seconds: Option<i64>,
    /// Positions the checkpoint moved on by in a second, over the last five; null until that is known.
    pub events_per_second: Option<f64>,
    /// The live generation.
    pub generation: Option<i64>,
    /// Version of the code that made the live generation.
    pub version: Option<i32>,
    /// Version of the code that runs here.
    pub code_version: i32,
    /// The generation that a rollback would switch to; null when there is none.
    pub retired_generation: Option<RetiredGeneration>,
    /// The last rebuild or rollback; null when there has been none.
    pub rebuild: Option<RebuildSummary>,
    /// Who has paused it, when and why; null unless it is paused.
    pub paused: Option<Paused>,
    /// Streams that are parked.
    pub parked_streams: Option<i64>,
    /// The queue on the broker; null while this process cannot ask it.
    pub queue: Option<QueueStatus>,
    /// Ranges that this process had to read from the log because the bus did not deliver them.
    pub healed_ranges: u64,
    /// Events applied from them.
    pub healed_events: u64,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<DateTime<Utc>>,
}

/// A projection's queue on the broker, as it was some seconds ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// Messages in it: those that wait to be delivered, and those that this process was given and has not acknowledged.
    pub messages: u32,
    /// Consumers as the broker counts them: the active one, not those that wait to become it.
    pub consumers: u32,
}

/// One projection, to be asked how it is.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) reads: Reads,
    pub(crate) log: LogReader,
    pub(crate) progress: Arc<Progress>,
}

impl Observed {
    /// Asks the database and then the event store; what does not answer is null. In this order: what a read model has applied
    /// was in the log before.
    pub(crate) async fn status(&self) -> ProjectionStatus {
        let (row, elsewhere) = self.row().await.unzip();
        let elsewhere = elsewhere.unwrap_or_default();
        let checkpoint = row.as_ref().map(|row| row.checkpoint);
        let position = checkpoint.map(|checkpoint| checkpoint.position);
        let place = timeout(LOG_TIMEOUT, self.log.place(position.unwrap_or_default())).await;
        let place = place.ok().and_then(Result::ok);
        let known = Known {
            is_diverged: checkpoint
                .zip(place)
                .map(|(checkpoint, place)| place.event_id != checkpoint.event_id),
            is_of_this_code: row.as_ref().map(|row| row.is_of(&*self.projection)),
            is_paused: row.as_ref().map(|row| row.paused.is_some()),
        };
        let is_diverged = known.is_diverged == Some(true);
        let diverged = position.filter(|_| is_diverged).map(|position| Diverged { position });
        self.progress.diverged(diverged.as_ref());
        let head = place.map(|place| place.head);
        // Positions of two logs are not to be compared.
        let between = position.zip(head).filter(|_| !is_diverged);
        let lag_seconds = match between {
            Some((position, head)) => self.lag_seconds(position, head).await,
            None => None,
        };
        let seen = self.progress.seen();
        ProjectionStatus {
            name: self.progress.projection(),
            state: seen.state.given(&known),
            position: position.map(|position| position.0),
            head: head.map(|head| head.0),
            lag_events: between.map(|(position, head)| head.0 - position.0),
            lag_seconds,
            events_per_second: seen.events_per_second,
            generation: row.as_ref().map(|row| row.generation.number),
            version: row.as_ref().map(|row| row.version),
            code_version: self.projection.version(),
            retired_generation: elsewhere.retired_generation,
            rebuild: elsewhere.rebuild,
            parked_streams: row.as_ref().map(|row| row.parked_streams),
            paused: row.and_then(|row| row.paused),
            queue: seen.queue,
            healed_ranges: seen.healed_ranges,
            healed_events: seen.healed_events,
            last_error_at: seen.last_error.as_ref().map(|(_, at)| *at),
            last_error: seen.last_error.map(|(error, _)| error),
        }
    }

    /// The projection's row and what stands beside it; none when the database does not answer.
    async fn row(&self) -> Option<(Row, Elsewhere)> {
        let (mut connection, row) = self.reads.row().await.ok()?;
        let elsewhere = elsewhere::load(&mut connection, self.progress.projection());
        match timeout(BESIDE_TIMEOUT, elsewhere).await {
            Ok(Ok(elsewhere)) => Some((row, elsewhere)),
            _ => Some((row, Elsewhere::default())),
        }
    }

    /// The age of the oldest event that is not applied.
    async fn lag_seconds(&self, position: Position, head: Position) -> Option<i64> {
        if position >= head {
            return Some(0);
        }
        let next = timeout(LOG_TIMEOUT, self.log.read(position, 1)).await.ok()?.ok()?;
        let age = Utc::now().signed_duration_since(next.first()?.recorded_at);
        Some(age.num_seconds().max(0))
    }

    /// Keeps the lag's metrics true, also while the consumer is stuck.
    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(crate) async fn measure(self, stop: CancellationToken) -> Result<(), BoxError> {
        let name = self.progress.projection();
        let lag_events = gauge!(metric::LAG_EVENTS, metric::PROJECTION => name);
        let lag_seconds = gauge!(metric::LAG_SECONDS, metric::PROJECTION => name);
        let parked_streams = gauge!(metric::STREAMS_PARKED, metric::PROJECTION => name);
        let mut before: Option<(Instant, i64)> = None;
        loop {
            let status = self.status().await;
            let now = status.position.map(|position| (Instant::now(), position));
            let rate = before.zip(now).map(|((since, from), (at, to))| {
                let seconds = (at - since).as_secs_f64();
                // A read model that was rebuilt from a shorter log goes back.
                (to - from).max(0) as f64 / seconds
            });
            self.progress.events_per_second_are(rate);
            before = now;
            if let Some(parked) = status.parked_streams {
                parked_streams.set(parked as f64);
            }
            if let (Some(events), Some(seconds)) = (status.lag_events, status.lag_seconds) {
                lag_events.set(events as f64);
                lag_seconds.set(seconds as f64);
            }
            let pause = tokio::time::sleep(MEASURE_INTERVAL);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }
}
