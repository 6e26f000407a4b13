//! Who still needs the servers of a test run.

use std::fs;
use std::io;
use std::path::Path;

use crate::process::ProcessId;

/// The programs that run test binaries one after the other; as long as one of them lives, servers are still needed.
const RUNNERS: [&str; 2] = ["cargo", "cargo-nextest"];
const ANCESTORS_MAX: usize = 32;

/// Finds the test runner this process belongs to.
pub(crate) fn runner() -> Option<ProcessId> {
    let own = ProcessId::find(std::process::id())?;
    std::iter::successors(own.parent(), |process| process.parent())
        .take(ANCESTORS_MAX)
        .find(|process| process.name().is_some_and(|name| RUNNERS.contains(&name.as_str())))
}

/// Registers this process, and its runner, as users.
pub(crate) fn register(leases: &Path) -> io::Result<()> {
    for process in ProcessId::find(std::process::id()).into_iter().chain(runner()) {
        fs::write(leases.join(file_name(process)), "")?;
    }
    Ok(())
}

/// Tells whether any registered user is still alive.
pub(crate) fn any_alive(leases: &Path) -> bool {
    let Ok(entries) = fs::read_dir(leases) else {
        return false;
    };
    entries.flatten().any(|entry| {
        entry
            .file_name()
            .to_str()
            .and_then(parse)
            .is_some_and(ProcessId::is_alive)
    })
}

/// The number and the start, so that a number given to another process is no user.
pub(crate) fn file_name(process: ProcessId) -> String {
    format!("{}-{}", process.pid, process.started)
}

pub(crate) fn parse(name: &str) -> Option<ProcessId> {
    let (pid, started) = name.split_once('-')?;
    Some(ProcessId {
        pid: pid.parse().ok()?,
        started: started.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_process_is_alive_and_an_invented_one_is_not() {
        let leases = tempfile::tempdir().unwrap();
        fs::write(leases.path().join("1-1"), "").unwrap();
        assert!(!any_alive(leases.path()));
        register(leases.path()).unwrap();
        assert!(any_alive(leases.path()));
    }
}
