//! Server processes: started apart from the caller, recognised after the caller's death, ended for certain.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::account::Account;

/// Names the directory of the server a process belongs to, in the process's environment.
pub(crate) const SERVER_DIRECTORY: &str = "MARQUEE_SERVER_DIRECTORY";
/// Names the directory of the whole set of servers (a developer's home, a test run).
pub(crate) const SERVERS_HOME: &str = "MARQUEE_SERVERS_HOME";

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A process that is still recognised when its number has been given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// When it started, in the kernel's ticks since boot.
    pub(crate) started: u64,
}

impl ProcessId {
    /// Finds the running process with this number; a process that has ended but was not waited for is none.
    pub(crate) fn find(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may itself hold spaces and parentheses: the numbers start behind the last one.
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        // Field 22 of proc(5); the state read above is field 3.
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { pid, started })
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::find(self.pid) == Some(self)
    }

    /// Finds the parent process.
    pub(crate) fn parent(self) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        Self::find(rest.split(' ').nth(1)?.parse().ok()?)
    }

    /// Reads the short name of the process's program.
    pub(crate) fn name(self) -> Option<String> {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).ok()?;
        Some(name.trim_end().to_owned())
    }

    /// Sends a signal; a process already gone is fine.
    pub(crate) fn signal(self, signal: &str) {
        if self.is_alive() {
            signal_pids(signal, &[self.pid]);
        }
    }

    /// Waits until the process is gone.
    pub(crate) fn wait_gone(self, timeout: Duration) -> bool {
        poll(timeout, || (!self.is_alive()).then_some(())).is_some()
    }

    /// Finds the processes whose parent this is.
    pub(crate) fn children(self) -> Vec<Self> {
        all_pids()
            .into_iter()
            .filter_map(Self::find)
            .filter(|process| process.parent() == Some(self))
            .collect()
    }
}

/// Sends a signal, such as `STOP`, to a process; one that is gone already is fine.
pub fn signal(pid: u32, signal: &str) {
    signal_pids(signal, &[pid]);
}

fn signal_pids(signal: &str, pids: &[u32]) {
    // The shell's own `kill`: the standard library sends no signal but SIGKILL to its own children, and the
    // stand-alone program is missing on small systems.
    let _ = Command::new("/bin/sh")
        .args(["-c", "signal=$1; shift; kill -s \"$signal\" \"$@\"", "sh", signal])
        .args(pids.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn all_pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Finds the living processes that carry `variable=path` in their environment: the servers started from there, by
/// whomever, and their helpers.
pub(crate) fn carrying(variable: &str, path: &Path) -> Vec<ProcessId> {
    let wanted = format!("{variable}={}", path.display());
    all_pids()
        .into_iter()
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment
                    .split(|byte| *byte == 0)
                    .any(|entry| entry == wanted.as_bytes())
            })
        })
        .filter_map(ProcessId::find)
        .collect()
}

/// Kills the processes of [`carrying`] until none is left; false when some survive the timeout.
pub(crate) fn kill_carrying(variable: &str, path: &Path, timeout: Duration) -> bool {
    poll(timeout, || {
        let left = carrying(variable, path);
        let pids: Vec<u32> = left.iter().map(|process| process.pid).collect();
        if pids.is_empty() {
            return Some(());
        }
        signal_pids("KILL", &pids);
        None
    })
    .is_some()
}

/// Asks again and again until there is an answer or the time is over.
pub(crate) fn poll<T>(timeout: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// How a server process is started.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) account: Option<&'a Account>,
    /// Of this server; also its working directory.
    pub(crate) directory: &'a Path,
    /// Of the set of servers it belongs to.
    pub(crate) home: &'a Path,
    /// Takes standard output and error.
    pub(crate) log: PathBuf,
}

impl Launch<'_> {
    /// Makes the command: an environment of its own, so that no setting of the machine's servers leaks in; a process
    /// group of its own, so that a Ctrl-C in the terminal reaches its owner only; no inherited standard streams, so
    /// that nobody who reads the owner's output waits for the server to end.
    pub(crate) fn command(&self) -> io::Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        crate::account::give_to(self.account, &self.log)?;
        let mut command = Command::new(self.program);
        command
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            )
            .env("LANG", "C.UTF-8")
            .env(SERVER_DIRECTORY, self.directory)
            .env(SERVERS_HOME, self.home)
            .current_dir(self.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        run_as(&mut command, self.account);
        Ok(command)
    }
}

/// Lets a command run under the account; the standard library then clears root's supplementary groups too.
pub(crate) fn run_as(command: &mut Command, account: Option<&Account>) {
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
}

/// Reads the last lines of a log; empty when there is none.
pub(crate) fn log_tail(path: &Path, lines: usize) -> String {
    let text = File::open(path)
        .and_then(|mut file| read_end(&mut file))
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn read_end(file: &mut File) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    const END_BYTES_MAX: u64 = 64 * 1024;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(END_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_the_directory_in_its_environment_and_ended() {
        let directory = tempfile::tempdir().unwrap();
        let launch = Launch {
            program: Path::new("/bin/sleep"),
            account: None,
            directory: directory.path(),
            home: directory.path(),
            log: directory.path().join("log"),
        };
        let mut child = launch.command().unwrap().arg("600").spawn().unwrap();
        let process = ProcessId::find(child.id()).unwrap();
        let found = poll(Duration::from_secs(60), || {
            let found = carrying(SERVER_DIRECTORY, directory.path());
            (!found.is_empty()).then_some(found)
        });
        assert_eq!(found, Some(vec![process]));
        assert_eq!(process.parent(), ProcessId::find(std::process::id()));

        assert!(kill_carrying(SERVERS_HOME, directory.path(), Duration::from_secs(60)));
        assert!(
            !process.is_alive(),
            "a killed process that nobody waited for counts as gone"
        );
        child.wait().unwrap();
    }

    #[test]
    fn a_log_shows_its_last_lines() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, "one\ntwo\nthree\n").unwrap();
        assert_eq!(log_tail(&log, 2), "two\nthree");
        assert_eq!(log_tail(&directory.path().join("none"), 2), "");
    }
}
