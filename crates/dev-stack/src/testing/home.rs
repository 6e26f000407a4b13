//! A home for a stack that a test starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::docker;
use crate::process::{self, SERVERS_HOME};
use crate::testing::run::Run;

const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// An empty directory to be the home of a [`DevStack`](crate::DevStack), or the `MARQUEE_HOME` of a process. On drop, and
/// at the latest at the end of the run, the servers started there are killed and the directory is removed.
#[derive(Debug)]
pub struct TestHome {
    path: PathBuf,
}

impl TestHome {
    /// Makes the directory.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn create() -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let path = Run::join()?
                .directory
                .join(format!("home-{}", uuid::Uuid::new_v4().simple()));
            fs::create_dir(&path).map_err(|error| error.to_string())?;
            Ok::<_, String>(path)
        });
        match made.await.map_err(|error| error.to_string()).and_then(|made| made) {
            Ok(path) => Self { path },
            #[expect(clippy::panic, reason = "a test cannot go on without its directory")]
            Err(error) => panic!("making a home for the test failed: {error}"),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the server processes (their numbers, helpers included) and containers (their names) that run for this home
    /// now.
    pub fn servers(&self) -> Vec<String> {
        let processes = process::carrying(SERVERS_HOME, &self.path)
            .into_iter()
            .map(|process| process.pid.to_string());
        let containers = docker::running_containers(&self.path)
            .into_iter()
            .map(|container| container.name);
        processes.chain(containers).collect()
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        process::kill_carrying(SERVERS_HOME, &self.path, KILL_TIMEOUT);
        for container in docker::running_containers(&self.path) {
            container.remove();
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}
