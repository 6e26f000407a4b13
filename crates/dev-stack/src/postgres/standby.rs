//! A streaming standby: the copy of a running server, which follows it.

use std::fs;

use super::{ADMIN, DATA, KILL_TIMEOUT, LOG_FILE, PostgresServer, choose};
use crate::binaries::PostgresBinaries;
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping};
use crate::place::{PASSWORD_FILE, Place};
use crate::ports::Reserved;
use crate::process::{SERVER_DIRECTORY, kill_carrying};

impl PostgresServer {
    /// Copies a server that runs and starts the copy as its standby; they share the superuser and its password, and whether
    /// commits wait.
    ///
    /// # Errors
    ///
    /// The server cannot be copied, or the copy does not come up.
    pub(crate) fn start_standby(
        place: Place,
        available: &[PostgresBinaries],
        keeping: Keeping,
        primary: &Primary<'_>,
    ) -> Result<Self, StartError> {
        place.write(PASSWORD_FILE, primary.password)?;
        let mut standby = Self {
            password: primary.password.to_owned(),
            port: 0,
            reserved: Reserved::default(),
            binaries: choose(&place, available)?,
            place,
            keeping,
            is_synchronous: primary.is_synchronous,
            process: None,
            child: None,
        };
        standby.follow(primary)?;
        Ok(standby)
    }

    /// What a standby has to know of this server.
    pub(super) fn as_primary(&self) -> Primary<'_> {
        Primary {
            port: self.port,
            password: &self.password,
            is_synchronous: self.is_synchronous,
        }
    }

    /// Becomes a standby of a server that runs, whatever it was: its own data is replaced by a copy.
    ///
    /// # Errors
    ///
    /// As [`Self::start_standby`].
    pub(super) fn follow(&mut self, primary: &Primary<'_>) -> Result<(), StartError> {
        self.kill();
        let data = self.place.path(DATA);
        if data.exists() {
            fs::remove_dir_all(&data).map_err(StartError::file("removing", &data))?;
        }
        let following = self.copy(primary).and_then(|()| self.start_again());
        if following.is_err() {
            kill_carrying(SERVER_DIRECTORY, &self.place.directory, KILL_TIMEOUT);
        }
        following
    }

    /// Makes a standby a primary: it accepts writes when this returns.
    ///
    /// # Errors
    ///
    /// It does not become one.
    pub(super) fn promote(&self) -> Result<(), StartError> {
        let program = self.binaries.program("pg_ctl");
        let mut command = self.launch(&program).command().map_err(StartError::program(&program))?;
        command
            .args(["promote", "--wait", "--pgdata"])
            .arg(self.place.path(DATA));
        let status = command.status().map_err(StartError::program(&program))?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failed(&format!("promoting it failed ({status})"))),
        }
    }

    fn copy(&self, primary: &Primary<'_>) -> Result<(), StartError> {
        let program = self.binaries.program("pg_basebackup");
        let mut command = self.launch(&program).command().map_err(StartError::program(&program))?;
        command
            .arg("--pgdata")
            .arg(self.place.path(DATA))
            .args([
                "--write-recovery-conf",
                "--wal-method=stream",
                "--checkpoint=fast",
                "--no-sync",
            ])
            .args(["--username", ADMIN, "--no-password", "--host", "127.0.0.1"])
            .arg(format!("--port={}", primary.port))
            // Arguments are for everybody to see.
            .env("PGPASSWORD", &self.password);
        let status = command.status().map_err(StartError::program(&program))?;
        if status.success() {
            return Ok(());
        }
        Err(StartError::failed(
            Server::PostgreSql,
            &format!("copying the primary failed ({status})"),
            &self.place.path(LOG_FILE),
        ))
    }
}

/// A server that is followed, on this machine.
pub(crate) struct Primary<'a> {
    pub(crate) port: u16,
    pub(crate) password: &'a str,
    pub(crate) is_synchronous: bool,
}
