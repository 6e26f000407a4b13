//! A pooler of a single test's own.

use std::fs;
use std::path::PathBuf;

use crate::pooler::{PoolMode, Pooler};
use crate::testing::private::proceed;
use crate::testing::run::Run;

/// A PgBouncer of one test's own in front of a server; ended and removed on drop.
///
/// Its methods panic when it cannot be had: a test cannot go on then.
#[derive(Debug)]
pub struct PrivatePooler {
    pooler: Option<Pooler>,
    directory: PathBuf,
}

impl PrivatePooler {
    /// Starts one in front of the server of a superuser's url; see [`Pooler::start`].
    pub async fn start(server: &str, mode: PoolMode, settings: &'static [&'static str]) -> Self {
        let server = server.to_owned();
        let start = move || {
            // In the directory of the run: its watchdog ends this one too when the test does not come to it.
            let run = Run::join()?;
            let name = format!("pooler-{}", uuid::Uuid::new_v4().simple());
            let pooler = Pooler::start(&run.directory, &name, &server, mode, settings, true)?;
            Ok((pooler, run.directory.join(name)))
        };
        let started = tokio::task::spawn_blocking(start).await;
        let (pooler, directory) = proceed(started.map_err(|error| error.to_string()).and_then(|result| result));
        Self {
            pooler: Some(pooler),
            directory,
        }
    }

    /// Leads the url of a database on its server through it.
    pub fn url(&self, direct: &str) -> String {
        let pooler = self.pooler.as_ref().ok_or_else(|| "it has ended".to_owned());
        proceed(pooler.and_then(|pooler| pooler.url(direct)))
    }
}

impl Drop for PrivatePooler {
    fn drop(&mut self) {
        // Ended first: it writes to the directory.
        self.pooler = None;
        let _ = fs::remove_dir_all(&self.directory);
    }
}
