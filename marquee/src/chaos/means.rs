//! What some faults need of the machine, and may not get.

use std::path::{Path, PathBuf};

use dev_stack::{Pooler, Server};

use super::disk::Disk;
use super::faults::Fault;

/// What could be had.
#[derive(Debug, Default)]
pub(crate) struct Means {
    /// The disk of each server.
    pub(crate) disks: Vec<(Server, Disk)>,
    /// The library that gives a process a clock of its own.
    pub(crate) fake_time: Option<PathBuf>,
    /// Whether there is a pooler to put between.
    pub(crate) has_pooler: bool,
}

/// A fault that cannot be made here, and why.
#[derive(Debug)]
pub(crate) struct Obstacle {
    pub(crate) fault: Fault,
    pub(crate) why: String,
}

impl Means {
    /// Gets what the faults need for servers that are to live in `home`.
    pub(crate) fn gather(
        faults: &[Fault],
        home: &Path,
        allow_install: bool,
        say: &dyn Fn(&str),
    ) -> (Self, Vec<Obstacle>) {
        let (mut means, mut obstacles) = (Self::default(), Vec::new());
        for (fault, server) in [
            (Fault::PostgresDiskFull, Server::PostgreSql),
            (Fault::RabbitDiskFull, Server::RabbitMq),
        ] {
            if faults.contains(&fault) {
                match Disk::mount(&dev_stack::private_directory(home, server)) {
                    Ok(disk) => means.disks.push((server, disk)),
                    Err(error) => obstacles.push(Obstacle {
                        fault,
                        why: format!("no file system can be made for it: {error}"),
                    }),
                }
            }
        }
        if faults.contains(&Fault::ClockSteps) {
            match dev_stack::fake_time_library(allow_install, say) {
                Ok(library) => means.fake_time = Some(library),
                Err(why) => obstacles.push(Obstacle {
                    fault: Fault::ClockSteps,
                    why: format!("it needs libfaketime: {why}"),
                }),
            }
        }
        if faults.contains(&Fault::KillPooler) {
            match Pooler::provide(allow_install, say) {
                Ok(_program) => means.has_pooler = true,
                Err(why) => obstacles.push(Obstacle {
                    fault: Fault::KillPooler,
                    why: format!("it needs PgBouncer: {why}"),
                }),
            }
        }
        (means, obstacles)
    }
}
