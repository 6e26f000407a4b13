//! The faults: what each one breaks.

use clap::ValueEnum;

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
    /// While an append waits in PostgreSQL its connection is cut: it is committed, and nobody hears of it
    AppendCut,
    /// After the append, before the answer: PostgreSQL's answer is lost, then the command API is killed
    AnswerLost,
    /// Before the confirm: what a relay sends does not reach RabbitMQ, then the relay is killed
    PublishLost,
    /// After the confirm, before the checkpoint: the relay hears of confirms, cannot save them, and is killed
    CheckpointLost,
    /// Before the commit: a projection cannot commit what it was delivered, and is killed; its queue must still hold it
    CommitLost,
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
    /// For a while PostgreSQL ends each session as soon as it is idle, as a server, a NAT or a balancer does that is impatient
    IdleSessions,
    /// Not with --replicated: the pooler between half of the services and PostgreSQL is killed and started again
    KillPooler,
    /// PostgreSQL's disk is full for a while; then it has room again and is started again
    PostgresDiskFull,
    /// RabbitMQ is stopped in good order and started again
    StopRabbit,
    /// RabbitMQ is killed and started again
    KillRabbit,
    /// RabbitMQ closes all connections
    RabbitConnections,
    /// RabbitMQ's disk is full for a while; then it has room again and is started again
    RabbitDiskFull,
    /// With --replicated: a node of RabbitMQ that leads a queue, or serves a relay, is killed and started again
    KillNode,
    /// With --replicated: such a node hangs for longer than the others wait for it
    FreezeNode,
    /// With --replicated: such a node is cut off from the others, and pauses as a minority
    CutOffNode,
    /// With --replicated: PostgreSQL's standby is killed and started again; commits wait for it
    KillStandby,
    /// With --replicated: PostgreSQL's primary is killed and its standby takes over
    KillPrimary,
    /// With --replicated: PostgreSQL's primary hangs, its standby takes over, and the old primary wakes up once more
    FreezePrimary,
    /// Both servers are killed, and started again one after the other
    BothAway,
    /// A projection's queue is deleted, with everything in it
    QueueDeleted,
    /// The bindings of a projection's queue are removed, but for the watermarks': its events are lost
    BindingsRemoved,
    /// While nobody consumes it a projection's queue is emptied: its deliveries are lost
    QueuePurged,
    /// RabbitMQ delivers again what it has delivered before
    DeliveriesDoubled,
    /// A projection's queue is full: RabbitMQ refuses messages in the middle of a relay's window
    QueueFull,
    /// RabbitMQ raises its memory alarm: it takes nothing from publishers
    BrokerAlarm,
    /// On each database a transaction stays open, with a snapshot that is old
    LongTransaction,
    /// Not with --replicated: an older dump of the event store is restored while a projection is paused, later adopted, and what was ahead rebuilt
    RestoreWhilePaused,
    /// An event gets into the log that no projection can apply
    PoisonEvent,
    /// A projection is rebuilt meanwhile
    Rebuild,
    /// A projection goes back to the generation it had before its last rebuild
    Rollback,
    /// A projection is rebuilt, and its process killed in the middle of it
    RebuildKilled,
    /// In the middle of a rebuild's switch its process is killed
    SwitchKilled,
    /// The clock of a service jumps forward, then back
    ClockSteps,
    /// All services are restarted, one after the other, in good order
    RollingRestart,
}

impl Fault {
    /// Its name, as it is given and shown.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no fault is hidden");
        value.get_name().to_owned()
    }

    /// Tells whether it takes servers that stand in for each other.
    pub(crate) fn needs_replicas(self) -> bool {
        matches!(
            self,
            Self::KillNode
                | Self::FreezeNode
                | Self::CutOffNode
                | Self::KillStandby
                | Self::KillPrimary
                | Self::FreezePrimary
        )
    }

    /// Tells whether it takes a database server that is alone: a pooler follows no primary, nor do an operator's tools.
    pub(crate) fn needs_one_database(self) -> bool {
        matches!(self, Self::KillPooler | Self::RestoreWhilePaused)
    }

    /// What it does, in a line.
    pub(crate) fn explanation(self) -> String {
        let value = self.to_possible_value().expect("no fault is hidden");
        value.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// All of them with their explanations.
    pub(crate) fn list() -> String {
        let lines = Self::value_variants()
            .iter()
            .map(|fault| format!("{:<20} {}", fault.name(), fault.explanation()));
        lines.collect::<Vec<_>>().join("\n")
    }
}
