//! A private PostgreSQL server: made, started, taken over, ended.

pub(crate) mod pair;
mod standby;

pub(crate) use pair::until_followed;
pub(crate) use standby::Primary;

use std::fs;
use std::process::Child;
use std::time::Duration;

use crate::binaries::PostgresBinaries;
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping, Tool, shell_word};
use crate::place::{CERTIFICATE_FILE, KEY_FILE, PASSWORD_FILE, Place};
use crate::ports::Reserved;
use crate::process::{Launch, ProcessId, SERVER_DIRECTORY, carrying, kill_carrying, poll};

/// The superuser of a private server.
pub(crate) const ADMIN: &str = "marquee_admin";

const LOG_FILE: &str = "postgres.log";
const PORT_FILE: &str = "port";
const DATA: &str = "data";

/// Seen on a slow machine: a minute until both servers of a test run were up.
const START_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const KILL_TIMEOUT: Duration = Duration::from_secs(60);
const START_TRIES_MAX: u32 = 3;
/// Of a server that has a standby, or is one: it finds its primary soon, and what it lacks is kept for it. With a name of its
/// own, or commits would also count as copied once somebody makes a backup.
const SYNCHRONOUS: [&str; 4] = [
    "cluster_name=marquee_standby",
    "synchronous_standby_names=marquee_standby",
    "wal_keep_size=512MB",
    "wal_retrieve_retry_interval=200ms",
];

/// A running (or stopped) private server and its data.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    binaries: PostgresBinaries,
    place: Place,
    keeping: Keeping,
    /// Whether each commit waits until a standby has it.
    is_synchronous: bool,
    port: u16,
    /// The same port, kept from others while the server is down.
    reserved: Reserved,
    password: String,
    process: Option<ProcessId>,
    child: Option<Child>,
}

impl PostgresServer {
    /// Starts the server of a place, or takes over the one that runs there; makes its data when there is none.
    ///
    /// # Errors
    ///
    /// Data of another major version than those in `available`, data without its password, a server that does not
    /// come up.
    pub(crate) fn start(place: Place, available: &[PostgresBinaries], keeping: Keeping) -> Result<Self, StartError> {
        Self::start_as(place, available, keeping, false)
    }

    /// Starts a server whose commits wait for a standby, or one that is alone.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    fn start_as(
        place: Place,
        available: &[PostgresBinaries],
        keeping: Keeping,
        is_synchronous: bool,
    ) -> Result<Self, StartError> {
        let binaries = choose(&place, available)?;
        let mut server = Self {
            password: password(&place)?,
            port: 0,
            reserved: Reserved::default(),
            binaries,
            place,
            keeping,
            is_synchronous,
            process: None,
            child: None,
        };
        if !server.take_over() {
            // What a killed owner left half way: a server without its pid file yet, an initdb at work.
            kill_carrying(SERVER_DIRECTORY, &server.place.directory, KILL_TIMEOUT);
            server.make_data()?;
            server.start_again()?;
        }
        Ok(server)
    }

    /// Sends a signal to the server and all its processes, such as `STOP`.
    fn signal_all(&self, signal: &str) {
        if let Some(process) = self.process {
            // It first, so that it makes no more of them.
            process.signal(signal);
            for child in process.children() {
                child.signal(signal);
            }
        }
    }

    /// Adopts the server that already runs here and is ready. One that is not (it starts or stops) is ended.
    fn take_over(&mut self) -> bool {
        let Some(process) = self.running() else {
            return false;
        };
        self.process = Some(process);
        match self.ready_port() {
            Some(port) => {
                self.port = port;
                true
            }
            None => {
                self.kill();
                false
            }
        }
    }

    /// Finds the server process of this place, whoever started it.
    fn running(&self) -> Option<ProcessId> {
        let pid = self.status_line(0)?.parse().ok()?;
        let process = ProcessId::find(pid)?;
        carrying(SERVER_DIRECTORY, &self.place.directory)
            .contains(&process)
            .then_some(process)
    }

    /// Lines of `postmaster.pid`: the pid, the data directory, the start, the port, the socket directory, the address,
    /// the shared memory, the state.
    fn status_line(&self, index: usize) -> Option<String> {
        let status = fs::read_to_string(self.place.path(DATA).join("postmaster.pid")).ok()?;
        Some(status.lines().nth(index)?.trim().to_owned())
    }

    fn ready_port(&self) -> Option<u16> {
        if self.status_line(7)? != "ready" {
            return None;
        }
        self.status_line(3)?.parse().ok()
    }

    fn make_data(&self) -> Result<(), StartError> {
        let data = self.place.path(DATA);
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        // Made beside and renamed when complete: an interrupted start leaves nothing half made.
        let unfinished = self.place.path("data.unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        if self.initdb(&unfinished, "C.UTF-8").is_err() {
            let _ = fs::remove_dir_all(&unfinished);
            // Some systems have no C.UTF-8.
            self.initdb(&unfinished, "C")?;
        }
        fs::rename(&unfinished, &data).map_err(StartError::file("finishing", &data))
    }

    fn initdb(&self, data: &std::path::Path, locale: &str) -> Result<(), StartError> {
        let program = self.binaries.program("initdb");
        let log = self.place.path(LOG_FILE);
        let mut command = self.launch(&program).command().map_err(StartError::program(&program))?;
        command
            .arg("-D")
            .arg(data)
            .args(["-U", ADMIN, "--auth=scram-sha-256", "--encoding=UTF8"])
            .arg(format!("--locale={locale}"))
            .arg(format!("--pwfile={}", self.place.path(PASSWORD_FILE).display()));
        if self.keeping == Keeping::Disposable {
            command.arg("--no-sync");
        }
        let status = command.status().map_err(StartError::program(&program))?;
        if status.success() {
            return Ok(());
        }
        Err(StartError::failed(
            Server::PostgreSql,
            &format!("making its data failed ({status})"),
            &log,
        ))
    }

    fn launch<'a>(&'a self, program: &'a std::path::Path) -> Launch<'a> {
        Launch {
            program,
            account: self.place.account.as_ref(),
            directory: &self.place.directory,
            home: &self.place.home,
            log: self.place.path(LOG_FILE),
        }
    }

    fn start_once(&mut self) -> Result<(), StartError> {
        self.remove_foreign_pid_file();
        let program = self.binaries.program("postgres");
        let mut command = self.launch(&program).command().map_err(StartError::program(&program))?;
        command.arg("-D").arg(self.place.path(DATA));
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        let mut child = command.spawn().map_err(StartError::program(&program))?;
        self.process = ProcessId::find(child.id());
        let port = self.port;
        let ready = poll(START_TIMEOUT, || match child.try_wait() {
            Ok(Some(status)) => Some(Err(format!("it ended with {status}"))),
            Err(error) => Some(Err(error.to_string())),
            Ok(None) => (self.ready_port() == Some(port) && self.status_line(0) == Some(child.id().to_string()))
                .then_some(Ok(())),
        });
        self.child = Some(child);
        match ready {
            Some(Ok(())) => Ok(()),
            other => {
                self.kill();
                let reason = other.and_then(Result::err);
                Err(self
                    .failed(&reason.unwrap_or_else(|| format!("it was not ready in {} s", START_TIMEOUT.as_secs()))))
            }
        }
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "unix_socket_directories=".to_owned(),
            "max_connections=300".to_owned(),
            "shared_buffers=256MB".to_owned(),
            "log_min_messages=warning".to_owned(),
        ];
        if self.place.has_certificate() {
            let file = |name: &str| self.place.path(name).display().to_string();
            settings.extend([
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", file(CERTIFICATE_FILE)),
                format!("ssl_key_file={}", file(KEY_FILE)),
            ]);
        }
        if self.is_synchronous {
            settings.extend(SYNCHRONOUS.map(str::to_owned));
        }
        if self.keeping == Keeping::Disposable {
            // Nobody reads this data after a crash of the machine; a crash of the server alone loses nothing, the
            // written pages are still the operating system's.
            settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
            // With a database per test the launcher would start a worker every few milliseconds.
            settings.push("autovacuum_naptime=1h".to_owned());
        }
        settings
    }

    /// PostgreSQL refuses to start while the process named in `postmaster.pid` lives, even if that number has long
    /// been given to a stranger.
    fn remove_foreign_pid_file(&self) {
        let named = self
            .status_line(0)
            .and_then(|pid| pid.parse().ok())
            .and_then(ProcessId::find);
        if named.is_some() && self.running().is_none() {
            let _ = fs::remove_file(self.place.path(DATA).join("postmaster.pid"));
        }
    }

    fn failed(&self, reason: &str) -> StartError {
        StartError::failed(Server::PostgreSql, reason, &self.place.path(LOG_FILE))
    }
}

impl Instance for PostgresServer {
    fn url(&self) -> String {
        format!("postgres://{ADMIN}:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    fn describe(&self) -> String {
        format!(
            "PostgreSQL {} at 127.0.0.1:{}, user {ADMIN}, password in {}\n  data and log in {}",
            self.binaries.major,
            self.port,
            self.place.path(PASSWORD_FILE).display(),
            self.place.directory.display(),
        )
    }

    fn tools(&self) -> Vec<Tool> {
        let file = |name: &str| shell_word(&self.place.path(name).display().to_string());
        let script = |name: &'static str| {
            let beside = self.binaries.program(name);
            let program = if beside.is_file() {
                beside.display().to_string()
            } else {
                name.to_owned()
            };
            let script = format!(
                "export PGHOST=127.0.0.1 PGUSER={ADMIN} PGDATABASE=\"${{PGDATABASE:-postgres}}\"\n\
                 PGPORT=$(cat {port}) PGPASSWORD=$(cat {password}) exec {program} \"$@\"\n",
                port = file(PORT_FILE),
                password = file(PASSWORD_FILE),
                program = shell_word(&program),
            );
            Tool { name, script }
        };
        ["psql", "pg_dump", "pg_restore"].map(script).into()
    }

    fn start_again(&mut self) -> Result<(), StartError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let remembered = self.place.read(PORT_FILE).and_then(|port| port.parse().ok());
            let port = self.reserved.prefer(remembered);
            self.port = port.ok_or_else(|| self.failed("no free port was found"))?;
            self.place.write(PORT_FILE, &self.port.to_string())?;
            match self.start_once() {
                // Somebody took the port in the meantime, or a killed server's last processes are still there.
                Err(StartError::Failed { tail, .. })
                    if tries < START_TRIES_MAX
                        && (tail.contains("Address already in use") || tail.contains("pre-existing shared memory")) => {
                }
                result => return result,
            }
        }
    }

    fn stop(&mut self) {
        if let Some(process) = self.process {
            process.signal("INT");
            let gone = match &mut self.child {
                Some(child) => poll(STOP_TIMEOUT, || child.try_wait().transpose()).is_some(),
                None => process.wait_gone(STOP_TIMEOUT),
            };
            if !gone {
                self.kill();
            }
        }
        self.child = None;
        self.process = None;
    }

    fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            let children = process.children();
            process.signal("KILL");
            for child in children {
                child.signal("KILL");
                child.wait_gone(KILL_TIMEOUT);
            }
            process.wait_gone(KILL_TIMEOUT);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}

/// Picks the version that wrote the data, else the newest.
fn choose(place: &Place, available: &[PostgresBinaries]) -> Result<PostgresBinaries, StartError> {
    let data = place.path(DATA);
    let found = place.read("data/PG_VERSION");
    let chosen = match &found {
        None => available.first(),
        Some(version) => available.iter().find(|binaries| binaries.major.to_string() == *version),
    };
    chosen.cloned().ok_or_else(|| StartError::IncompatibleData {
        directory: data,
        found: found.unwrap_or_default(),
        available: available
            .iter()
            .map(|binaries| binaries.major.to_string())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn password(place: &Place) -> Result<String, StartError> {
    if place.path(DATA).exists() && place.read(PASSWORD_FILE).is_none() {
        let reason = format!(
            "the file {} with its password is gone",
            place.path(PASSWORD_FILE).display()
        );
        return Err(StartError::DamagedData {
            directory: place.path(DATA),
            reason,
        });
    }
    place.password()
}
