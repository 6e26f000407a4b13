//! A streaming standby: the copy of a running server, which follows it.

use sqlx::postgres::PgConnectOptions;

use super::{ADMIN, DATA, KILL_TIMEOUT, LOG_FILE, PostgresServer, choose};
use crate::binaries::PostgresBinaries;
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping};
use crate::place::{PASSWORD_FILE, Place};
use crate::process::{SERVER_DIRECTORY, kill_carrying};

impl PostgresServer {
    /// Copies a private server that runs and starts the copy as its standby; they share the superuser and its password.
    ///
    /// # Errors
    ///
    /// The server cannot be copied, or the copy does not come up.
    pub(crate) fn start_standby(
        place: Place,
        available: &[PostgresBinaries],
        primary: &PgConnectOptions,
        password: &str,
    ) -> Result<Self, StartError> {
        place.write(PASSWORD_FILE, password)?;
        let mut standby = Self {
            password: password.to_owned(),
            port: 0,
            binaries: choose(&place, available)?,
            place,
            keeping: Keeping::Disposable,
            process: None,
            child: None,
        };
        if let Err(error) = standby.copy(primary).and_then(|()| standby.start_again()) {
            kill_carrying(SERVER_DIRECTORY, &standby.place.directory, KILL_TIMEOUT);
            return Err(error);
        }
        Ok(standby)
    }

    fn copy(&self, primary: &PgConnectOptions) -> Result<(), StartError> {
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
            .args(["--username", ADMIN, "--no-password", "--host", primary.get_host()])
            .arg(format!("--port={}", primary.get_port()))
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
