//! What is asked for, and how large everything is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;
use service::telemetry::TelemetryArgs;

use crate::client::Load;

/// Measures Marquee against its peers and its limits
///
/// Private servers of PostgreSQL and RabbitMQ are started as `marquee` starts them, with everything on that keeps data safe.
/// Marquee and what it is compared with run in turn, at least three times each after a warm-up; a ratio is the median of the
/// ratios of the pairs. A run of all parts at full size takes long and writes bench/RESULTS.md; any other run writes to
/// target/bench.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    /// What to measure; everything when nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Small sizes, for a first impression within minutes
    #[arg(long)]
    quick: bool,
    /// Tiny sizes: tells that everything runs, and nothing of how fast it is
    #[arg(long, hide = true, conflicts_with = "quick")]
    smoke: bool,
    /// How often each pair is run
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=100))]
    pairs: Option<u16>,
    /// Prints a JSON list of the figures instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the servers keep their data [default: target/bench/home]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) home: Option<PathBuf>,
    /// The program that is measured; built when none is named
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) program: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Logs")]
    pub(crate) telemetry: TelemetryArgs,
    /// Where the results are written [default: bench after a full run, else target/bench]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) results: Option<PathBuf>,
}

/// What this process is when it was started by another one of its kind.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Role {
    /// Loads a service, from a process of its own
    #[command(hide = true)]
    Client(Load),
    /// Answers every POST without doing anything
    #[command(hide = true)]
    EmptyHandler { listen: SocketAddr },
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// Commands through aggregate, executor and event store, in process
    Append,
    /// Commands over HTTP
    Http,
    /// A backlog published to RabbitMQ
    Relay,
    /// A backlog on its way into all read models
    Pipeline,
    /// Each read model built anew from the log
    Rebuild,
    /// From POST to visible in a query
    Latency,
    /// The first page of a search among many films
    Search,
    /// The same with long logs and long streams
    Growth,
    /// Memory, start and size
    Footprint,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Http => "http",
            Self::Relay => "relay",
            Self::Pipeline => "pipeline",
            Self::Rebuild => "rebuild",
            Self::Latency => "latency",
            Self::Search => "search",
            Self::Growth => "growth",
            Self::Footprint => "footprint",
        }
    }
}

/// How large everything is.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    /// How often each pair is run.
    pub(crate) pairs: usize,
    /// How long a load lasts.
    pub(crate) load: Duration,
    /// Events published, and applied, from a backlog.
    pub(crate) backlog: i64,
    /// Events of the log that is rebuilt from.
    pub(crate) log: i64,
    /// Events replayed by cqrs-es.
    pub(crate) replayed: i64,
    /// Films that are searched.
    pub(crate) films: u64,
    /// Events of the logs whose length is compared.
    pub(crate) logs: [i64; 3],
    /// Events of the streams whose length is compared.
    pub(crate) streams: [i64; 3],
}

impl Args {
    /// The parts asked for, in the order of the table.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let all = Part::value_variants().iter().copied();
        all.filter(|part| self.parts.is_empty() || self.parts.contains(part))
            .collect()
    }

    /// Whether this is the run that results are published of.
    pub(crate) fn is_full(&self) -> bool {
        !self.quick && !self.smoke && self.parts().len() == Part::value_variants().len()
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let sizes = if self.smoke {
            Sizes {
                pairs: 1,
                load: Duration::from_millis(300),
                backlog: 2_000,
                log: 3_000,
                replayed: 100,
                films: 500,
                logs: [300, 1_000, 3_000],
                streams: [10, 50, 100],
            }
        } else if self.quick {
            Sizes {
                pairs: 3,
                load: Duration::from_millis(700),
                backlog: 20_000,
                log: 50_000,
                replayed: 1_000,
                films: 20_000,
                logs: [10_000, 50_000, 200_000],
                streams: [10, 1_000, 10_000],
            }
        } else {
            Sizes {
                pairs: 5,
                load: Duration::from_secs(5),
                backlog: 200_000,
                log: 1_000_000,
                replayed: 50_000,
                films: 100_000,
                logs: [10_000, 1_000_000, 5_000_000],
                streams: [10, 1_000, 100_000],
            }
        };
        Sizes {
            pairs: self.pairs.map_or(sizes.pairs, usize::from),
            ..sizes
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
