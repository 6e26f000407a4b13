//! A process of the program: listened to, signalled, ended.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take that is sure to happen, on a slow machine; two servers may have to be started for it.
const PATIENCE: Duration = Duration::from_secs(400);

/// The program with these arguments, in an environment that says nothing to it.
pub(crate) fn marquee(arguments: &[&str]) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_marquee")), arguments)
}

/// Another program, likewise.
pub(crate) fn program(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MARQUEE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running process, killed on drop.
pub(crate) struct Process {
    child: Child,
    said: watch::Receiver<Vec<String>>,
    listeners: Vec<JoinHandle<()>>,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// All lines it wrote, of both outputs.
    pub(crate) said: Vec<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("the program starts");
        let (say, said) = watch::channel(Vec::new());
        let say = Arc::new(say);
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let listeners = vec![
            tokio::spawn(listen(stdout, say.clone())),
            tokio::spawn(listen(stderr, say)),
        ];
        Self { child, said, listeners }
    }

    /// Waits for a line in which `find` finds something.
    pub(crate) async fn says<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let mut said = self.said.clone();
        let listening = async {
            loop {
                if let Some(found) = said.borrow_and_update().iter().find_map(|line| find(line)) {
                    return Some(found);
                }
                if said.changed().await.is_err() {
                    return None;
                }
            }
        };
        match timeout(PATIENCE, listening).await {
            Ok(Some(found)) => found,
            _ => panic!("it did not say {what}: {:#?}", *self.said.borrow()),
        }
    }

    /// All lines so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// Sends a signal, such as `INT`.
    pub(crate) async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it is running").to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -s $0 $1", signal, &pid])
            .status()
            .await
            .expect("the shell can be run");
        assert!(sent.success());
    }

    /// Ends it without giving it a chance, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Ended {
        self.ended_within(PATIENCE).await
    }

    /// Waits for the end of one that takes its time. One that does not end is told to, so that it takes along what it started.
    pub(crate) async fn ended_within(mut self, patience: Duration) -> Ended {
        let mut said = self.said.clone();
        let child = self.child.id();
        let ending = async {
            let status = self.child.wait().await.expect("it can be waited for");
            for listener in self.listeners.drain(..) {
                listener.await.expect("listening does not panic");
            }
            status.code()
        };
        tokio::pin!(ending);
        let ended = match timeout(patience, &mut ending).await {
            Ok(code) => Ok(code),
            Err(elapsed) => {
                if let Some(pid) = child {
                    dev_stack::signal(pid, "TERM");
                }
                let _: Result<_, tokio::time::error::Elapsed> = timeout(patience, ending).await;
                Err(elapsed)
            }
        };
        let said = said.borrow_and_update().clone();
        match ended {
            Ok(code) => Ended { code, said },
            Err(_) => panic!("it did not end: {said:#?}"),
        }
    }
}

async fn listen(output: impl AsyncRead + Unpin, say: Arc<watch::Sender<Vec<String>>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say.send_modify(|said| said.push(line));
    }
}
