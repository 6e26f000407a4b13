//! The program that people run, built as they build it, in a process of its own.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use service::BoxError;
use tokio::process::{Child, Command};

const READY_TIMEOUT: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(2);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// This program, also after it was built anew while it runs.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";

/// A service in a process of its own; killed on drop.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    /// From starting the program to the first answer that it is ready.
    pub(crate) ready_after: Duration,
}

/// Builds the program, with the profile this one was built with, and tells where it is.
///
/// # Errors
/// When it cannot be built.
pub(crate) async fn build() -> Result<PathBuf, BoxError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    // Both: built alone, its libraries would be built anew, with fewer features.
    command.args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "marquee",
        "--package",
        "bench",
    ]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let built = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .status()
        .await?;
    if !built.success() {
        return Err("marquee could not be built".into());
    }
    let beside = std::env::current_exe()?;
    Ok(beside.with_file_name("marquee"))
}

impl Served {
    /// Starts a program that listens where it is told to, and waits until it is ready. `{listen}` among the arguments stands
    /// for the address.
    ///
    /// # Errors
    /// When it ends, or is not ready in time.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self, BoxError> {
        let listen = free_address()?;
        let arguments = arguments.iter().map(|argument| argument.replace("{listen}", &listen));
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = format!("http://{listen}");
        let client = reqwest::Client::builder().no_proxy().build()?;
        loop {
            let answer = client.get(format!("{url}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if let Some(status) = child.try_wait()? {
                return Err(format!("{} ended with {status}", program.display()).into());
            }
            if began.elapsed() > READY_TIMEOUT {
                return Err(format!("{} was not ready in time", program.display()).into());
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let ready_after = began.elapsed();
        Ok(Self {
            child,
            url,
            ready_after,
        })
    }

    /// The process's number.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Resident memory in megabytes: now, and the most there has been.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn memory(&self) -> Result<Memory, BoxError> {
        let id = self.child.id().ok_or("the service has ended")?;
        let status = procfs::process::Process::new(i32::try_from(id)?)?.status()?;
        let megabytes = |kilobytes: Option<u64>| kilobytes.unwrap_or(0) as f64 / 1_000.0;
        Ok(Memory {
            now: megabytes(status.vmrss),
            peak: megabytes(status.vmhwm),
        })
    }

    /// Stops it as an operator would, and waits for its end.
    ///
    /// # Errors
    /// When it does not stop.
    pub(crate) async fn stop(mut self) -> Result<(), BoxError> {
        if let Some(id) = self.child.id() {
            Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        }
        tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await??;
        Ok(())
    }
}

/// Resident memory in megabytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

/// An address that is free at the moment: the service's own process has to bind it.
fn free_address() -> Result<String, BoxError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
