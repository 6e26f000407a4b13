//! PgBouncer in front of a private PostgreSQL, for tests and for `marquee chaos`: a pooler as people have them.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use url::Url;

use crate::account::Account;
use crate::binaries::find_program;
use crate::error::with_causes;
use crate::install::{self, Package};
use crate::place::Place;
use crate::ports::ReservedPort;
use crate::process::{Launch, log_tail, poll, signal};

const DEBIAN_PROGRAM: &str = "/usr/sbin/pgbouncer";
const LOG_FILE: &str = "pgbouncer.log";
const USERS_FILE: &str = "users.txt";
const SETTINGS_FILE: &str = "pgbouncer.ini";
const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// For how long a client has a session of the server to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as it is connected.
    Session,
    /// For each transaction; the next one may be in another session.
    Transaction,
}

impl PoolMode {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }
}

/// A running pooler. Dropping it ends it, and every connection through it.
#[derive(Debug)]
pub struct Pooler {
    place: Place,
    program: PathBuf,
    port: ReservedPort,
    child: Option<Child>,
}

impl Pooler {
    /// Starts a pooler in the directory `name` of the home, in front of the server of a url, whose user must be a superuser: by it
    /// the pooler finds out everybody's password. `settings` are lines of its configuration, such as `default_pool_size = 1`.
    ///
    /// Debian's package is installed where it is missing and that is allowed.
    ///
    /// # Errors
    ///
    /// Why it is not to be had, in words.
    pub fn start(
        home: &Path,
        name: &str,
        server: &str,
        mode: PoolMode,
        settings: &[&str],
        allow_install: bool,
    ) -> Result<Self, String> {
        let program = Self::provide(allow_install, &|_| {})?;
        // It refuses to run as root.
        let place = Place::make(home, name, Account::for_server("postgres")).map_err(|error| with_causes(&error))?;
        let port = ReservedPort::pick().ok_or("no free port was found")?;
        let mut pooler = Self {
            place,
            program,
            port,
            child: None,
        };
        pooler.configure(server, mode, settings)?;
        pooler.run()?;
        Ok(pooler)
    }

    /// Finds the program, and installs Debian's package where it is missing and that is allowed.
    ///
    /// # Errors
    ///
    /// Why it is not to be had, in words.
    pub fn provide(allow_install: bool, progress: &dyn Fn(&str)) -> Result<PathBuf, String> {
        if let Some(found) = find() {
            return Ok(found);
        }
        if !allow_install {
            return Err("it is not installed, and nothing may be".to_owned());
        }
        install::install(
            || find().map_or_else(|| vec![Package::PgBouncer], |_| Vec::new()),
            progress,
        )?;
        find().ok_or_else(|| "it is not where its package puts it".to_owned())
    }

    /// Leads the url of a database on its server through it.
    ///
    /// # Errors
    ///
    /// A text that is no url with a host.
    pub fn url(&self, direct: &str) -> Result<String, String> {
        let mut url = Url::parse(direct).map_err(|error| error.to_string())?;
        url.set_host(Some("127.0.0.1")).map_err(|error| error.to_string())?;
        url.set_port(Some(self.port.number()))
            .map_err(|()| "the url takes no port".to_owned())?;
        Ok(url.into())
    }

    /// Ends it as a power cut would, and starts it again on its port.
    ///
    /// # Errors
    ///
    /// Why it does not come up again, in words.
    pub fn restart(&mut self) -> Result<(), String> {
        self.end("KILL");
        self.run()
    }

    fn configure(&self, server: &str, mode: PoolMode, settings: &[&str]) -> Result<(), String> {
        let server = Url::parse(server).map_err(|error| error.to_string())?;
        let (host, port) = (server.host_str().unwrap_or("127.0.0.1"), server.port().unwrap_or(5432));
        let (user, password) = (server.username(), server.password().unwrap_or_default());
        let written = self.place.write(USERS_FILE, &format!("\"{user}\" \"{password}\"\n"));
        let users = written.map_err(|error| with_causes(&error))?;
        let text = format!(
            "[databases]\n\
             * = host={host} port={port} auth_user={user}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port_here}\n\
             unix_socket_dir =\n\
             auth_type = scram-sha-256\n\
             auth_file = {users}\n\
             auth_query = SELECT usename, passwd FROM pg_catalog.pg_shadow WHERE usename = $1\n\
             admin_users = {user}\n\
             pool_mode = {mode}\n\
             default_pool_size = 100\n\
             max_client_conn = 500\n\
             server_login_retry = 0.2\n\
             {more}\n",
            port_here = self.port.number(),
            users = users.display(),
            mode = mode.name(),
            more = settings.join("\n"),
        );
        let written = self.place.write(SETTINGS_FILE, &text);
        written.map(drop).map_err(|error| with_causes(&error))
    }

    fn run(&mut self) -> Result<(), String> {
        let launch = Launch {
            program: &self.program,
            account: self.place.account.as_ref(),
            directory: &self.place.directory,
            home: &self.place.home,
            log: self.place.path(LOG_FILE),
        };
        let command = launch.command().map_err(|error| error.to_string());
        let mut child = command?
            .arg(self.place.path(SETTINGS_FILE))
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let ready = poll(START_TIMEOUT, || match child.try_wait() {
            Ok(None) => std::net::TcpStream::connect(("127.0.0.1", self.port.number()))
                .ok()
                .map(|_| true),
            _ended => Some(false),
        });
        self.child = Some(child);
        if ready == Some(true) {
            return Ok(());
        }
        let log = self.place.path(LOG_FILE);
        Err(format!(
            "PgBouncer did not start; the end of {}:\n{}",
            log.display(),
            log_tail(&log, 15)
        ))
    }

    fn end(&mut self, how: &str) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), how);
            if poll(STOP_TIMEOUT, || child.try_wait().transpose()).is_none() {
                // It takes no notice of anything else.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end("TERM");
    }
}

fn find() -> Option<PathBuf> {
    let debian = Path::new(DEBIAN_PROGRAM);
    debian
        .is_file()
        .then(|| debian.to_owned())
        .or_else(|| find_program("pgbouncer"))
}
