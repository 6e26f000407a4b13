//! What keeps the servers from starting, in words for the person at the terminal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What Docker is no way to.
pub(crate) const NO_REPLICAS: &str =
    "several servers that stand in for each other run from programs on this machine only";

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The database server.
    PostgreSql,
    /// The message broker.
    RabbitMq,
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PostgreSql => "PostgreSQL",
            Self::RabbitMq => "RabbitMQ",
        })
    }
}

/// Why there are no servers. The text is complete: it names what was tried and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// None of the ways to a server works here.
    #[error("no {server} could be found or started:\n{refusals}")]
    NoServer {
        /// The server that is missing.
        server: Server,
        /// One line per way tried, with its reason, and what to install.
        refusals: String,
    },
    /// Another process runs its servers in the same home.
    #[error("{} is in use by another process ({lock} is locked); stop that one first, or set MARQUEE_HOME to another directory", home.display(), lock = lock.display())]
    HomeInUse {
        /// The directory of the servers.
        home: PathBuf,
        /// The locked file.
        lock: PathBuf,
    },
    /// A server named by its url cannot be used.
    #[error("{setting}: {reason}")]
    GivenUrl {
        /// The setting that holds the url.
        setting: &'static str,
        /// What is wrong with it; never shows the password.
        reason: String,
    },
    /// A file or directory cannot be used.
    #[error("{action} {} failed", path.display())]
    File {
        /// What was done, such as `creating`.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A program cannot be run.
    #[error("running {} failed", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A server started and ended, or did not become ready in time.
    #[error("{server} did not start: {reason}; the end of {}:\n{tail}", log.display())]
    Failed {
        /// The server.
        server: Server,
        /// What was seen.
        reason: String,
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The data was written by another major version of the server.
    #[error("the data in {} was written by PostgreSQL {found}, but this machine has {available}; install PostgreSQL {found}, or remove the directory to start from nothing", directory.display())]
    IncompatibleData {
        /// The data directory.
        directory: PathBuf,
        /// The version that wrote it.
        found: String,
        /// The versions there are.
        available: String,
    },
    /// The data cannot be used for another reason.
    #[error("the data in {} cannot be used: {reason}; remove the directory to start from nothing", directory.display())]
    DamagedData {
        /// The data directory.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StartError {
    /// Makes a function for `map_err` on file operations.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// Makes a function for `map_err` on starting programs.
    pub(crate) fn program(program: &Path) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Program { program, source }
    }

    /// Makes the error of servers that stand in for each other and would have to run in containers.
    pub(crate) fn no_replicas(server: Server) -> Self {
        Self::NoServer {
            server,
            refusals: format!("  - Docker: {NO_REPLICAS}"),
        }
    }

    /// Makes the error of a server from the end of its log, with the reason in plain words where it is a known one.
    pub(crate) fn failed(server: Server, reason: &str, log: &Path) -> Self {
        let tail = crate::process::log_tail(log, 15);
        let reason = if tail.contains("No space left on device") || tail.contains("enospc") {
            "the disk is full".to_owned()
        } else {
            reason.to_owned()
        };
        Self::Failed {
            server,
            reason,
            log: log.to_owned(),
            tail,
        }
    }
}

/// Shows an error with all its causes on one line, for the person at the terminal.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
