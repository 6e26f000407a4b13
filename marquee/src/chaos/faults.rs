//! The faults: what each one breaks, and how it is drawn.

use clap::ValueEnum;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

/// A fault. The explanation is what `marquee chaos --list` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// kill -9 of a command API, in the middle of whatever it does
    KillCommandApi,
    /// kill -9 of a relay
    KillRelay,
    /// kill -9 of a projection's process
    KillProjection,
    /// A command API is stopped for a while and goes on as if nothing had been
    PauseCommandApi,
    /// A relay is stopped for longer than its lease: it wakes up as a leader that is none any more
    PauseRelay,
    /// A projection's process is stopped for a while
    PauseProjection,
    /// After the append, before the answer: PostgreSQL's answer is lost, then the command API is killed
    AnswerLost,
    /// After the confirm, before the checkpoint: the relay hears of confirms, cannot save them, and is killed
    CheckpointLost,
    /// After the commit, before the ack: a projection cannot acknowledge what it has committed, and is killed
    AckLost,
    /// The link between a service and its server is cut, and works again at once
    LinkCut,
    /// Nothing passes between a service and its server for a while; the connections stay open
    LinkFrozen,
    /// A service hears nothing of its server for a while, but is heard
    LinkHalfOpen,
    /// PostgreSQL is killed at once and started again
    KillPostgres,
    /// PostgreSQL ends all connections of the services
    PostgresConnections,
    /// RabbitMQ is stopped in good order and started again
    StopRabbit,
    /// RabbitMQ is killed and started again
    KillRabbit,
    /// RabbitMQ closes all connections
    RabbitConnections,
    /// Both servers are killed, and started again one after the other
    BothAway,
    /// A projection's queue is deleted, with everything in it
    QueueDeleted,
    /// The bindings of a projection's queue are removed: its events are lost
    BindingsRemoved,
    /// A projection's queue is emptied: its deliveries are lost
    QueuePurged,
    /// A transaction stays open on the event store, with a snapshot that is old
    LongTransaction,
    /// A projection is rebuilt meanwhile
    Rebuild,
    /// A projection is rebuilt, and its process killed in the middle of it
    RebuildKilled,
    /// All services are restarted, one after the other, in good order
    RollingRestart,
}

impl Fault {
    /// Its name, as it is given and shown.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no fault is hidden");
        value.get_name().to_owned()
    }

    /// What it does, in a line.
    pub(crate) fn explanation(self) -> String {
        let value = self.to_possible_value().expect("no fault is hidden");
        value.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// Draws the next one; the same may come twice in a row.
    pub(crate) fn draw(among: &[Self], rng: &mut ChaCha8Rng) -> Self {
        *among.choose(rng).expect("there is a fault to draw")
    }

    /// All of them with their explanations.
    pub(crate) fn list() -> String {
        let lines = Self::value_variants()
            .iter()
            .map(|fault| format!("{:<20} {}", fault.name(), fault.explanation()));
        lines.collect::<Vec<_>>().join("\n")
    }
}
