//! One run of the tests: its directory, its users, and the watchdog that ends it.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::error::{StartError, with_causes};
use crate::home;
use crate::process::{ProcessId, SERVERS_HOME, kill_carrying, poll};
use crate::testing::lease;

const WATCHDOG: &str = include_str!("watchdog.sh");
/// Long enough for another process to install the servers first.
const LOCK_TIMEOUT: Duration = Duration::from_secs(900);
const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// A run all test processes of one `cargo test` share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) directory: PathBuf,
    lock: PathBuf,
}

impl Run {
    /// Joins the present run, or begins one; once per process.
    pub(crate) fn join() -> Result<&'static Self, String> {
        static RUN: OnceLock<Result<Run, String>> = OnceLock::new();
        RUN.get_or_init(|| Self::join_in(&base()).map_err(|error| with_causes(&error)))
            .as_ref()
            .map_err(Clone::clone)
    }

    pub(crate) fn join_in(base: &Path) -> Result<Self, StartError> {
        fs::create_dir_all(base).map_err(StartError::file("creating", base))?;
        let lock = base.join("lock");
        let _locked = take(&lock)?;
        let present = base.join("present");
        let directory = match fs::read_to_string(&present).map(PathBuf::from) {
            Ok(directory) if is_watched(&directory) => directory,
            _ => {
                sweep(base);
                begin(base, &lock, &present)?
            }
        };
        let leases = directory.join("leases");
        lease::register(&leases).map_err(StartError::file("registering in", &leases))?;
        Ok(Self { directory, lock })
    }

    /// Keeps all other processes of the run out until dropped.
    pub(crate) fn lock(&self) -> Result<File, StartError> {
        take(&self.lock)
    }
}

/// Below the target directory, so that `cargo clean` takes it along.
fn base() -> PathBuf {
    let target = home::target_directory().or_else(|| env::var_os("CARGO_TARGET_DIR").map(PathBuf::from));
    home::reachable(&target.unwrap_or_else(env::temp_dir).join("marquee-tests"))
}

fn take(lock: &Path) -> Result<File, StartError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(lock)
        .map_err(StartError::file("opening", lock))?;
    match poll(LOCK_TIMEOUT, || file.try_lock().ok()) {
        Some(()) => Ok(file),
        None => Err(StartError::File {
            action: "locking",
            path: lock.to_owned(),
            source: std::io::ErrorKind::TimedOut.into(),
        }),
    }
}

fn is_watched(directory: &Path) -> bool {
    let watchdog = fs::read_to_string(directory.join("watchdog")).unwrap_or_default();
    lease::parse(&watchdog).is_some_and(ProcessId::is_alive)
}

fn begin(base: &Path, lock: &Path, present: &Path) -> Result<PathBuf, StartError> {
    let directory = base.join(format!("run-{}", uuid::Uuid::new_v4().simple()));
    let leases = directory.join("leases");
    fs::create_dir_all(&leases).map_err(StartError::file("creating", &leases))?;
    lease::register(&leases).map_err(StartError::file("registering in", &leases))?;
    // The watchdog comes before the servers: whatever happens from here on, they are ended.
    let script = directory.join("watchdog.sh");
    fs::write(&script, WATCHDOG).map_err(StartError::file("writing", &script))?;
    // In a session of its own it hears neither the terminal's Ctrl-C nor its hang-up.
    let child = Command::new("setsid")
        .arg("sh")
        .args([&script, &directory, lock, present])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(StartError::program(Path::new("setsid")))?;
    if let Some(watchdog) = ProcessId::find(child.id()) {
        let file = directory.join("watchdog");
        fs::write(&file, lease::file_name(watchdog)).map_err(StartError::file("writing", &file))?;
    }
    fs::write(present, directory.as_os_str().as_encoded_bytes()).map_err(StartError::file("writing", present))?;
    Ok(directory)
}

/// Removes runs whose watchdog was killed with everything else.
fn sweep(base: &Path) {
    let entries = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for directory in entries.filter(|path| path.is_dir()) {
        if !is_watched(&directory) && !lease::any_alive(&directory.join("leases")) {
            kill_carrying(SERVERS_HOME, &directory, KILL_TIMEOUT);
            let _ = fs::remove_dir_all(&directory);
        }
    }
}
