//! What the relay says of itself: in `/readyz`, in the metrics, to a command line.

use std::fmt;

use domain::Position;
use metrics::{counter, gauge};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::{RelayError, metric_names};

/// What part the relay plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It neither leads nor waits for the lease, for it has no broker yet or pauses after a failure.
    #[default]
    Starting,
    /// Another relay leads; this one waits for the lease.
    Standby,
    /// It publishes the log.
    Leader,
}

/// What the relay knows of the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broker {
    /// There is no connection.
    #[default]
    Disconnected,
    /// There is a connection, and the broker takes messages.
    Connected,
    /// There is a connection, and the broker takes no messages (memory or disk alarm).
    Blocked,
    /// The broker refused a message, as one of the queues it is routed to did, and has confirmed nothing since.
    Refusing,
}

/// A failure that time does not heal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Halt {
    /// Stable: `LOG_GAP`, `LOG_DIVERGED`, `RELAY_UNPLACED`, `EVENT_UNPUBLISHABLE`.
    pub code: &'static str,
    /// For the operator.
    pub reason: String,
}

/// The relay's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RelayStatus {
    /// What part it plays.
    pub role: Role,
    /// Which leadership, while it leads.
    pub epoch: Option<i64>,
    /// What it knows of the broker.
    pub broker: Broker,
    /// Everything up to here is confirmed, as far as it knows.
    pub confirmed: Position,
    /// The end of the log, as far as it knows.
    pub head: Position,
    /// Why it has stopped; it tries again from time to time.
    pub halted: Option<Halt>,
    /// The last failure; none since it leads without one.
    pub last_error: Option<String>,
}

impl RelayStatus {
    /// Events of the log behind the confirmed position.
    pub fn lag(&self) -> i64 {
        (self.head.0 - self.confirmed.0).max(0)
    }

    /// Tells whether all is well, in one line either way.
    ///
    /// # Errors
    /// The line, when events are not being published although this relay should, or could not if it had to.
    pub fn health(&self) -> Result<String, String> {
        if self.halted.is_none() && self.broker == Broker::Connected {
            Ok(self.to_string())
        } else {
            Err(self.to_string())
        }
    }
}

impl fmt::Display for RelayStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Halt { code, reason }) = &self.halted {
            return write!(formatter, "stopped, {code}: {reason}");
        }
        let broker = match self.broker {
            Broker::Disconnected => "no connection to the broker",
            Broker::Connected => "broker connected",
            Broker::Blocked => "the broker blocks publishing (memory or disk alarm)",
            Broker::Refusing => "a queue refuses what is published",
        };
        match self.role {
            Role::Starting => write!(formatter, "not publishing")?,
            Role::Standby => write!(formatter, "standby")?,
            Role::Leader => {
                write!(
                    formatter,
                    "leader, position {}, {} events behind",
                    self.confirmed.0,
                    self.lag()
                )?;
            }
        }
        write!(formatter, ", {broker}")?;
        match &self.last_error {
            Some(error) => write!(formatter, "; last error: {error}"),
            None => Ok(()),
        }
    }
}

/// Where the relay writes its state: watchers and gauges follow.
pub(crate) struct StatusBoard(watch::Sender<RelayStatus>);

impl StatusBoard {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(RelayStatus::default()))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<RelayStatus> {
        self.0.subscribe()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut RelayStatus)) {
        self.0.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            let modified = *status != before;
            if modified {
                show(status);
            }
            modified
        });
    }

    /// There is a connection again. Whether a queue still refuses is not known before it takes something.
    pub(crate) fn connected(&self) {
        self.update(|status| {
            if status.broker != Broker::Refusing {
                status.broker = Broker::Connected;
            }
        });
    }

    /// A term has ended in a failure; the next one begins after a pause.
    pub(crate) fn failed(&self, error: &RelayError) {
        counter!(metric_names::RECONNECTS).increment(1);
        let reason = with_sources(error);
        let halted = error.halt_code().map(|code| Halt {
            code,
            reason: reason.clone(),
        });
        self.update(|status| {
            (status.role, status.epoch) = (Role::Starting, None);
            status.broker = match error {
                RelayError::Refused { .. } => Broker::Refusing,
                _ => Broker::Disconnected,
            };
            status.halted = halted;
            status.last_error = Some(reason);
        });
    }
}

fn show(status: &RelayStatus) {
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    gauge!(metric_names::LEADER).set(flag(status.role == Role::Leader));
    gauge!(metric_names::BLOCKED).set(flag(status.broker == Broker::Blocked));
    gauge!(metric_names::HALTED).set(flag(status.halted.is_some()));
    gauge!(metric_names::POSITION).set(status.confirmed.0 as f64);
    gauge!(metric_names::LAG).set(status.lag() as f64);
}

/// An error with its chain of sources, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |source| source.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
