//! What `marquee chaos` can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::chaos::faults::Fault;
use crate::failure::Failure;
use crate::load::duration;

/// What it does and what it says.
pub(crate) const HELP: &str = "\
It starts servers of its own and every service twice, sends commands, reads what they did, and draws one fault after the \
other from the seed. Then it mends everything, waits until all is applied, and audits: each acknowledged command is in the \
log once; each one that was not acknowledged at most once, and not at all if its client was told so; every event reached \
every queue bound to it that the broker has not damaged, in the order of its stream; the rows are those that a replay of the \
log makes; parked are exactly the events that were made to be; no session read anything older than before; a request that is repeated with its key gets \
its first answer. Nothing of what runs already is touched.

As root it makes file systems in memory that can be full. What is missing on the machine is installed, as by `marquee up`; \
with --replicated both servers run from programs on this machine, never in Docker.

Exit code: 0 the verdict is sound; 1 it is not: the logs of all services stay, and it says where.

Examples:
  marquee chaos --for 3m                       Three minutes of everything
  marquee chaos --seed 42 --fault kill-relay   One fault; the seed decides victims and pauses
  marquee chaos --once                         Each fault once
  marquee chaos --replicated                   With servers that stand in for each other
  marquee chaos --list                         What each fault does
  marquee chaos --report chaos.html            A page with the timeline";

/// Settings of `marquee chaos`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChaosArgs {
    /// Chooses faults, their victims and times, and the commands [default: any]
    #[arg(long, value_name = "SEED")]
    pub(super) seed: Option<u64>,
    /// How long faults are made: 30s, 3m, 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(super) duration: Duration,
    /// Makes each fault once, in any order, however long that takes
    #[arg(long, conflicts_with = "duration")]
    once: bool,
    /// Makes each fault so often, in any order, however long that takes
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["duration", "once"], value_parser = clap::value_parser!(u16).range(1..=1_000))]
    times: Option<u16>,
    /// Only this fault; can be given more than once [default: all]
    #[arg(long = "fault", value_name = "NAME", hide_possible_values = true)]
    pub(super) wanted: Vec<Fault>,
    /// RabbitMQ in three nodes, PostgreSQL with a synchronous standby; and what can happen to those
    #[arg(long)]
    pub(super) replicated: bool,
    /// Commands per second
    #[arg(long, value_name = "COMMANDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) rate: u32,
    /// Tells of each fault, and does nothing
    #[arg(long)]
    pub(super) list: bool,
    /// Never install packages, even where that would be the only way to the servers
    #[arg(long, env = "MARQUEE_NO_INSTALL", value_parser = BoolishValueParser::new())]
    pub(super) no_install: bool,
    /// The verdict and the timeline as one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// Writes a page with verdict and timeline
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Breaks a guarantee in every service
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "NAME")]
    sabotage: Option<String>,
}

impl ChaosArgs {
    /// What every service is told besides where its servers are.
    #[cfg_attr(
        not(feature = "sabotage"),
        allow(clippy::unused_self, reason = "there is nothing to tell")
    )]
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        #[cfg(feature = "sabotage")]
        if let Some(name) = &self.sabotage {
            return vec![(sabotage::VARIABLE.to_owned(), name.clone())];
        }
        Vec::new()
    }

    /// How often each fault is made; none when the time decides.
    pub(super) fn times(&self) -> Option<usize> {
        self.times.map(usize::from).or(self.once.then_some(1))
    }

    /// The faults to be made.
    ///
    /// # Errors
    /// One is wanted that takes other servers.
    pub(super) fn faults(&self) -> Result<Vec<Fault>, Failure> {
        let possible = |fault: &Fault| match self.replicated {
            true => !fault.needs_one_database(),
            false => !fault.needs_replicas(),
        };
        if let Some(fault) = self.wanted.iter().find(|fault| !possible(fault)) {
            let how = if self.replicated { "not with" } else { "needs" };
            return Err(Failure::usage(format!("--fault {}: {how} --replicated", fault.name())));
        }
        Ok(match &self.wanted[..] {
            [] => Fault::value_variants().iter().copied().filter(possible).collect(),
            wanted => wanted.to_vec(),
        })
    }
}
