//! What is known of a request: read from the log, the relay's times, and each projection's database.

use chrono::{DateTime, Utc};
use domain::{Envelope, Position};
use event_store::{LogReader, Published, RelayState, RelayStateError};
use projections::{Applied, Inspector, Name};
use serde::Serialize;
use service::with_causes;
use uuid::Uuid;

use super::super::log_pool;
use crate::databases::Databases;
use crate::failure::Failure;

/// Events shown of one request.
const EVENTS_MAX: u32 = 200;

/// A request and what it led to.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    pub(super) request_id: String,
    pub(super) log_id: Uuid,
    pub(super) commands: Vec<Command>,
    /// There are more events than are shown.
    pub(super) truncated: bool,
}

/// A command of the request.
#[derive(Debug, Serialize)]
pub(super) struct Command {
    pub(super) causation_id: Option<String>,
    pub(super) principal: Option<String>,
    pub(super) traceparent: Option<String>,
    /// What was recorded under its Idempotency-Key, if it had one and that is still known.
    pub(super) idempotency: Option<Recorded>,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Serialize)]
pub(super) struct Recorded {
    pub(super) status: i16,
    pub(super) location: Option<String>,
}

/// An event and its way.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    pub(super) position: i64,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) published: Passed,
    pub(super) projections: Vec<InProjection>,
}

/// What a projection did with an event.
#[derive(Debug, Serialize)]
pub(super) struct InProjection {
    pub(super) name: &'static str,
    #[serde(flatten)]
    pub(super) passed: Passed,
}

/// What is known of an event at a place on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Passed {
    /// It was there so long after it was recorded; below zero only where clocks differ.
    At {
        at: DateTime<Utc>,
        latency_ms: i64,
    },
    NotYet,
    /// It was there; when is no longer remembered.
    NoLongerKnown,
    /// The projection does not consume events of its type.
    NotForIt,
    Parked {
        reason: String,
    },
    /// Its checkpoint, at this position, is of a history that the log does not have: what it did with an event of this log cannot
    /// be told.
    LogDiverged {
        checkpoint: i64,
    },
    /// The projection's database was not named.
    NotAsked,
    Unreachable {
        reason: String,
    },
}

impl Passed {
    fn at(at: DateTime<Utc>, event: &Envelope) -> Self {
        let latency_ms = (at - event.recorded_at).num_milliseconds();
        Self::At { at, latency_ms }
    }
}

impl Trace {
    /// `None` when no event belongs to the request.
    pub(super) async fn follow(databases: &Databases, request_id: &str) -> Result<Option<Self>, Failure> {
        let pool = log_pool(&databases.event_store);
        let log = LogReader::new(pool.clone());
        let relay = RelayState::new(pool);
        let mut envelopes = log.by_correlation(request_id, EVENTS_MAX + 1).await?;
        let truncated = envelopes.len() > EVENTS_MAX as usize;
        envelopes.truncate(EVENTS_MAX as usize);
        let Some(first) = envelopes.first() else {
            return Ok(None);
        };
        let log_id = first.log_id;
        let mut ways = Vec::new();
        for (name, url) in &databases.projections {
            ways.push(Way::open(*name, url.as_ref(), &log).await?);
        }
        let relay_diverged = relay_diverged(&relay, &log).await?;
        let mut commands: Vec<Command> = Vec::new();
        for (place, envelope) in envelopes.iter().enumerate() {
            let published = match &relay_diverged {
                Some(diverged) => diverged.clone(),
                None => published(envelope, &relay).await?,
            };
            let event = Event::follow(envelope, published, &mut ways).await;
            let causation_id = envelope.metadata.causation_id.clone();
            match commands.last_mut() {
                Some(command) if command.causation_id == causation_id => command.events.push(event),
                _ => commands.push(Command {
                    causation_id: causation_id.clone(),
                    principal: envelope.metadata.principal.clone(),
                    traceparent: envelope.metadata.traceparent.clone(),
                    idempotency: None,
                    events: vec![event],
                }),
            }
            let next = envelopes.get(place + 1);
            let ends_command = next.is_none_or(|next| next.metadata.causation_id != causation_id);
            if ends_command && let Some(command) = commands.last_mut() {
                command.idempotency = recorded(&log, envelope).await?;
            }
        }
        for way in ways {
            way.close().await;
        }
        Ok(Some(Self {
            request_id: request_id.to_owned(),
            log_id,
            commands,
            truncated,
        }))
    }
}

async fn recorded(log: &LogReader, last: &Envelope) -> Result<Option<Recorded>, Failure> {
    let recorded = log.recorded_command(last.position, last.recorded_at).await?;
    Ok(recorded.map(|command| Recorded {
        status: command.status,
        location: command.location,
    }))
}

async fn published(envelope: &Envelope, relay: &RelayState) -> Result<Passed, Failure> {
    Ok(match relay.published(envelope.position).await {
        Ok(Published::At(at)) => Passed::at(at, envelope),
        Ok(Published::NotYet) => Passed::NotYet,
        Ok(Published::Forgotten) => Passed::NoLongerKnown,
        Err(RelayStateError::Database(error)) => unreachable(error),
        Err(error) => return Err(error.into()),
    })
}

/// What to say of every event when the relay has published a history that the log does not have.
async fn relay_diverged(relay: &RelayState, log: &LogReader) -> Result<Option<Passed>, Failure> {
    match relay.checkpoint().await {
        Ok(checkpoint) => diverged(log, checkpoint.position, checkpoint.event_id).await,
        // Of each event it is said that it cannot be asked.
        Err(RelayStateError::Database(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Looks for a checkpoint's event in the log.
async fn diverged(log: &LogReader, checkpoint: Position, event_id: Option<Uuid>) -> Result<Option<Passed>, Failure> {
    let place = log.place(checkpoint).await?;
    Ok((place.event_id != event_id).then_some(Passed::LogDiverged {
        checkpoint: checkpoint.0,
    }))
}

impl Event {
    async fn follow(envelope: &Envelope, published: Passed, ways: &mut [Way]) -> Self {
        let mut projections = Vec::with_capacity(ways.len());
        for way in ways {
            projections.push(InProjection {
                name: way.name.as_str(),
                passed: way.passed(envelope).await,
            });
        }
        Self {
            position: envelope.position.0,
            aggregate_type: envelope.aggregate_type.clone(),
            aggregate_id: envelope.aggregate_id.clone(),
            sequence: envelope.sequence.0,
            event_type: envelope.event_type.clone(),
            recorded_at: envelope.recorded_at,
            published,
            projections,
        }
    }
}

/// The way to a projection.
struct Way {
    name: Name,
    /// What to say of every event, when it cannot be asked.
    reached: Result<Inspector, Passed>,
}

impl Way {
    async fn open(name: Name, url: Option<&service::database::DatabaseUrl>, log: &LogReader) -> Result<Self, Failure> {
        let Some(url) = url else {
            let reached = Err(Passed::NotAsked);
            return Ok(Self { name, reached });
        };
        let reached = match Inspector::open(name.as_str(), url).await {
            Ok(mut inspector) => match inspector.reached().await {
                Ok(Some(reached)) => match diverged(log, reached.position, reached.event_id).await? {
                    Some(diverged) => Err(diverged),
                    None => Ok(inspector),
                },
                Ok(None) => Ok(inspector),
                Err(error) => Err(unreachable(error)),
            },
            Err(error) => Err(unreachable(error)),
        };
        Ok(Self { name, reached })
    }

    async fn passed(&mut self, envelope: &Envelope) -> Passed {
        let projection = self.name.projection();
        if !event_bus::is_bound(projection.bindings(), &envelope.aggregate_type, &envelope.event_type) {
            return Passed::NotForIt;
        }
        let inspector = match &mut self.reached {
            Ok(inspector) => inspector,
            Err(instead) => return instead.clone(),
        };
        match inspector.applied(envelope.position).await {
            Ok(Applied::At(at)) => Passed::at(at, envelope),
            Ok(Applied::NotYet) => Passed::NotYet,
            Ok(Applied::Forgotten) => Passed::NoLongerKnown,
            Ok(Applied::Parked(reason)) => Passed::Parked { reason },
            Err(error) => unreachable(error),
        }
    }

    async fn close(self) {
        if let Ok(inspector) = self.reached {
            inspector.close().await;
        }
    }
}

fn unreachable(error: sqlx::Error) -> Passed {
    Passed::Unreachable {
        reason: with_causes(&error),
    }
}
