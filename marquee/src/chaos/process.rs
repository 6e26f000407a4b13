//! A service as a process of its own: started again whenever it ends, until it is told to stop.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// This very program, even if its file has been replaced since.
const PROGRAM: &str = "/proc/self/exe";
/// A supervisor of production does not start again at once either.
const RESTART_DELAY: Duration = Duration::from_millis(200);
/// Longer than a service drains, on a slow machine, too.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where its output goes.
    pub(crate) log: PathBuf,
}

/// A process that is kept running.
pub(crate) struct Process {
    pid: watch::Receiver<Option<u32>>,
    /// Whether it may be started again.
    held: watch::Sender<bool>,
    stop: CancellationToken,
    supervisor: JoinHandle<io::Result<bool>>,
}

impl Process {
    pub(crate) fn keep(start: Start) -> Self {
        let (tell, pid) = watch::channel(None);
        let (held, may_start) = watch::channel(false);
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(start, tell, may_start, stop.clone()));
        Self {
            pid,
            held,
            stop,
            supervisor,
        }
    }

    /// Keeps it away once it has ended, or no longer.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.pid.borrow().is_some()
    }

    /// Ends it in good order, and keeps it away until it is held no more.
    pub(crate) async fn stay_away(&self) {
        self.hold(true);
        for signal in ["TERM", "KILL"] {
            self.signal(signal).await;
            let mut pid = self.pid.clone();
            let gone = timeout(STOP_TIMEOUT, pid.wait_for(Option::is_none)).await;
            // One that was just being started is there again after the delay.
            sleep(2 * RESTART_DELAY).await;
            if gone.is_ok() && !self.is_running() {
                return;
            }
        }
    }

    /// Sends it a signal, such as `KILL`; when it is just being started again, to nobody.
    pub(crate) async fn signal(&self, name: &'static str) {
        let pid = *self.pid.borrow();
        if let Some(pid) = pid {
            let sent = tokio::task::spawn_blocking(move || dev_stack::signal(pid, name));
            sent.await.expect("sending a signal does not panic");
        }
    }

    /// Ends it for good; `false` when it had to be killed, or ended with an error.
    ///
    /// # Errors
    /// It could never be started.
    pub(crate) async fn stop(self) -> io::Result<bool> {
        self.stop.cancel();
        self.supervisor.await.expect("supervising does not panic")
    }
}

async fn supervise(
    start: Start,
    tell: watch::Sender<Option<u32>>,
    mut held: watch::Receiver<bool>,
    stop: CancellationToken,
) -> io::Result<bool> {
    loop {
        let mut child = spawn(&start)?;
        tell.send_replace(child.id());
        if stop.run_until_cancelled(child.wait()).await.is_none() {
            return end(child).await;
        }
        tell.send_replace(None);
        let may_start = async {
            sleep(RESTART_DELAY).await;
            // Whoever holds it away has gone: so has everything else.
            let _: Result<_, watch::error::RecvError> = held.wait_for(|held| !held).await;
        };
        if stop.run_until_cancelled(may_start).await.is_none() {
            return Ok(true);
        }
    }
}

/// This program with these arguments, in an environment that says nothing to it.
pub(crate) fn program(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MARQUEE_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn spawn(start: &Start) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&start.log)?;
    program(&start.arguments)
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .stdout(log.try_clone()?)
        .stderr(log)
        // A Ctrl-C at the terminal is for who keeps it, not for what is kept.
        .process_group(0)
        .spawn()
}

async fn end(mut child: Child) -> io::Result<bool> {
    if let Some(pid) = child.id() {
        let sent = tokio::task::spawn_blocking(move || dev_stack::signal(pid, "TERM"));
        sent.await.expect("sending a signal does not panic");
    }
    match timeout(STOP_TIMEOUT, child.wait()).await {
        Ok(status) => Ok(status?.success()),
        Err(_elapsed) => {
            child.kill().await?;
            Ok(false)
        }
    }
}
