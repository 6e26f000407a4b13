//! Who used the processors: from `/proc`, so that it can be told whether a figure was limited by what it measures.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::ops::{Add, Div, Sub};
use std::path::Path;
use std::time::Instant;

use procfs::process::{Process, Stat, all_processes};
use serde::{Deserialize, Serialize};

/// The variable by which every private server's process is known.
const SERVERS_HOME: &str = "MARQUEE_SERVERS_HOME";

/// Processors in use, on average over a run; of one processor, 1.0 is all of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cpu {
    /// Who makes the load.
    pub(crate) client: f64,
    /// What is measured.
    pub(crate) service: f64,
    /// The database's processes.
    pub(crate) postgres: f64,
    /// The broker.
    pub(crate) beam: f64,
}

/// Whose time the time of this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// It makes the load, or is the peer.
    Client,
    /// It is what is measured.
    Service,
    /// It only waits.
    Nobody,
}

/// Measures the use of the processors from its making on.
#[derive(Debug)]
pub(crate) struct CpuMeter<'a> {
    home: &'a Path,
    own: Own,
    service: Option<u32>,
    before: Cpu,
    began: Instant,
}

impl<'a> CpuMeter<'a> {
    /// Begins to measure: the servers of a home, this process, and a service's process if there is one.
    pub(crate) fn begin(home: &'a Path, own: Own, service: Option<u32>) -> Self {
        Self {
            home,
            own,
            service,
            before: seconds(home, own, service),
            began: Instant::now(),
        }
    }

    /// The average since the beginning.
    pub(crate) fn end(self) -> Cpu {
        let elapsed = self.began.elapsed().as_secs_f64();
        (seconds(self.home, self.own, self.service) - self.before) / elapsed
    }
}

/// The processor time of this process, in seconds.
pub(crate) fn own_seconds() -> f64 {
    Process::myself().map_or(0.0, |process| time_of(&process))
}

fn seconds(home: &Path, own: Own, service: Option<u32>) -> Cpu {
    let mut used = Cpu::default();
    match own {
        Own::Client => used.client = own_seconds(),
        Own::Service => used.service = own_seconds(),
        Own::Nobody => {}
    }
    if let Some(process) = service.and_then(|id| Process::new(i32::try_from(id).ok()?).ok()) {
        used.service += time_of(&process);
    }
    for (process, stat) in servers(home) {
        match stat.comm.as_str() {
            "postgres" => used.postgres += time_of(&process),
            "beam.smp" => used.beam += time_of(&process),
            _ => {}
        }
    }
    used
}

/// The processes that carry the home in their environment, and their children: a session of PostgreSQL writes its title over
/// its own environment.
fn servers(home: &Path) -> impl Iterator<Item = (Process, Stat)> {
    let processes = all_processes().into_iter().flatten().flatten();
    let all: Vec<_> = processes
        .filter_map(|process| process.stat().ok().map(|stat| (process, stat)))
        .collect();
    let carrying: HashSet<i32> = all
        .iter()
        .filter(|(process, _)| carries(process, home))
        .map(|(process, _)| process.pid)
        .collect();
    all.into_iter()
        .filter(move |(process, stat)| carrying.contains(&process.pid) || carrying.contains(&stat.ppid))
}

fn carries(process: &Process, home: &Path) -> bool {
    process.environ().is_ok_and(|environment| {
        environment
            .get(OsStr::new(SERVERS_HOME))
            .is_some_and(|directory| Path::new(directory).starts_with(home))
    })
}

/// Its own time, and that of the children it has seen end: a session of the database is one.
fn time_of(process: &Process) -> f64 {
    let ticks = process.stat().map_or(0, |stat| {
        stat.utime + stat.stime + u64::try_from(stat.cutime + stat.cstime).unwrap_or(0)
    });
    ticks as f64 / procfs::ticks_per_second() as f64
}

impl fmt::Display for Cpu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            service,
            postgres,
            beam,
        } = self;
        write!(
            formatter,
            "client {client:.2} service {service:.2} postgres {postgres:.2} beam {beam:.2}"
        )
    }
}

impl Add for Cpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            client: self.client + other.client,
            service: self.service + other.service,
            postgres: self.postgres + other.postgres,
            beam: self.beam + other.beam,
        }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other / -1.0
    }
}

impl Div<f64> for Cpu {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self {
            client: self.client / by,
            service: self.service / by,
            postgres: self.postgres / by,
            beam: self.beam / by,
        }
    }
}
