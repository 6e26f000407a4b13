//! The servers of a developer's machine, for as long as the program runs.
//!
//! States: starting -> running -> stopped. The lock of the home is held from the start to the end of the process, so a
//! home has one owner; the kernel gives it back even after a `kill -9`, and then the next owner takes over the servers
//! that were left running. Dropping a stack that was not stopped stops it too.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::{Server, StartError};
use crate::given;
use crate::home;
use crate::instance::{Instance, Keeping, Outage, Replicas, Tool};
use crate::sources::Search;
use crate::{postgres, url_text};

/// How long a standby may take to get what its primary has.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(300);

/// How a stack is to be started.
pub struct Options<'a> {
    /// The directory of everything private, which one process has at a time; `target/marquee` when none is given and a server is
    /// to be private.
    pub home: Option<PathBuf>,
    /// A database server to use instead of a private one: the url of a role that may create databases and roles.
    pub database_url: Option<String>,
    /// A broker to use instead of a private one.
    pub amqp_url: Option<String>,
    /// Whether each private server is several that stand in for each other: three nodes of RabbitMQ, a primary of PostgreSQL
    /// with a synchronous standby. They are made anew.
    pub replicated: bool,
    /// Whether missing servers may be installed.
    pub allow_install: bool,
    /// Hears what takes long.
    pub progress: &'a dyn Fn(&str),
}

/// Running servers.
pub struct DevStack {
    database_url: String,
    amqp_url: String,
    management_url: Option<String>,
    description: String,
    /// Absent when both servers were given.
    private: Option<PrivateServers>,
    /// Of a home in which no server runs; whoever runs servers there holds its lock too.
    _lock: Option<File>,
}

impl DevStack {
    /// Checks the given servers and starts the missing ones, each from the first source that works: programs on this
    /// machine, a Docker engine, the packages of Debian or Ubuntu. Servers left behind by a killed process are taken over.
    ///
    /// # Errors
    ///
    /// A given url that does not work, a home in use, no source for a server, or a server that does not come up; what
    /// was started is stopped again.
    pub async fn start(options: Options<'_>) -> Result<Self, StartError> {
        let lock = match &options.home {
            Some(home) if options.database_url.is_some() && options.amqp_url.is_some() => Some(claim(home)?),
            _ => None,
        };
        if let Some(url) = &options.database_url {
            given::check_database(url).await?;
        }
        if let Some(url) = &options.amqp_url {
            given::check_broker(url).await?;
        }
        let missing: Vec<Server> = [
            (Server::PostgreSql, &options.database_url),
            (Server::RabbitMq, &options.amqp_url),
        ]
        .into_iter()
        .filter_map(|(server, url)| url.is_none().then_some(server))
        .collect();
        let private = if missing.is_empty() {
            None
        } else {
            Some(start_missing(&options, missing).await?)
        };
        let started = |server| private.as_ref().and_then(|private| private.find(server));
        let (postgres, rabbit) = (started(Server::PostgreSql), started(Server::RabbitMq));
        Ok(Self {
            database_url: postgres.map(Instance::url).or(options.database_url).unwrap_or_default(),
            amqp_url: rabbit.map(Instance::url).or(options.amqp_url).unwrap_or_default(),
            management_url: rabbit.and_then(Instance::management_url),
            description: describe(postgres, rabbit, private.as_ref()),
            private,
            _lock: lock,
        })
    }

    /// The url of the superuser (or of the given role) on the server's first database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The url of the broker's administrator (or of the given user).
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// Where the management of a private broker answers, for the user of [`Self::amqp_url`].
    pub fn management_url(&self) -> Option<&str> {
        self.management_url.as_deref()
    }

    /// Says in a few lines where the servers are and how to log in. Shows no password.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The directory of everything private, which may be another than the one that was wanted.
    pub fn home(&self) -> Option<&Path> {
        self.private.as_ref().map(|private| private.home.as_path())
    }

    /// Ends a private server at once, as a power cut would. Its data stays. A given one is left alone, here and below.
    pub async fn kill_server(&mut self, server: Server) {
        self.with(server, |instance| instance.kill()).await;
    }

    /// Stops a private server in an orderly way.
    pub async fn stop_server(&mut self, server: Server) {
        self.with(server, |instance| instance.stop()).await;
    }

    /// Starts a private server again that was killed or stopped, on the same ports.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub async fn start_server_again(&mut self, server: Server) -> Result<(), StartError> {
        self.with(server, |instance| instance.start_again())
            .await
            .unwrap_or(Ok(()))?;
        self.until_followed(server).await
    }

    /// Takes one of the servers away from those that stand in for it, counted from 0: a node of the cluster; PostgreSQL's
    /// primary, whose standby is promoted, or its standby, which is number 1.
    ///
    /// # Errors
    ///
    /// The standby is not promoted.
    pub async fn take_away(&mut self, server: Server, number: usize, how: Outage) -> Result<(), StartError> {
        self.with_replicas(server, move |replicas| replicas.take_away(number, how))
            .await
    }

    /// Brings back what was taken away in this way: a node, which all others see again, or a standby, which has all that its
    /// primary has. What was the primary begins anew as a standby.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub async fn bring_back(&mut self, server: Server, number: usize, how: Outage) -> Result<(), StartError> {
        self.with_replicas(server, move |replicas| replicas.bring_back(number, how))
            .await?;
        self.until_followed(server).await
    }

    /// Waits until PostgreSQL's standby, if there is one, has what its primary has now: what a restart made visible is nowhere
    /// else before.
    async fn until_followed(&self, server: Server) -> Result<(), StartError> {
        let addresses = url_text::nodes(&self.database_url);
        if server != Server::PostgreSql || addresses.len() == 1 {
            return Ok(());
        }
        timeout(FOLLOW_TIMEOUT, postgres::until_followed(&addresses))
            .await
            .map_err(|_elapsed| {
                let log = self.home().unwrap_or(Path::new("")).join(directory_of(server));
                StartError::failed(server, "its standby does not follow it", &log)
            })
    }

    /// Does nothing with a server that is alone, or was given.
    async fn with_replicas(
        &mut self,
        server: Server,
        work: impl FnOnce(&mut dyn Replicas) -> Result<(), StartError> + Send + 'static,
    ) -> Result<(), StartError> {
        self.with(server, |instance| instance.replicas().map_or(Ok(()), work))
            .await
            .unwrap_or(Ok(()))
    }

    /// Works with a private server where blocking is allowed; `None` for one that was given.
    async fn with<T: Send + 'static>(
        &mut self,
        server: Server,
        work: impl FnOnce(&mut dyn Instance) -> T + Send + 'static,
    ) -> Option<T> {
        let running = &mut self.private.as_mut()?.running;
        let place = running.iter().position(|(running, _)| *running == server)?;
        let (_, mut instance) = running.swap_remove(place);
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(instance.as_mut());
            (instance, done)
        });
        let (instance, done) = worked.await.expect("working with a server does not panic");
        running.push((server, instance));
        Some(done)
    }

    /// Stops the servers this stack started or took over; the data stays. Given servers are left alone.
    pub async fn stop(mut self) {
        if let Some(private) = self.private.take() {
            // Dropping is stopping; a task cannot fail but by a panic, which has been reported then.
            let _ = tokio::task::spawn_blocking(move || drop(private)).await;
        }
    }
}

/// Runs the blocking start on a thread and passes its words on to the caller's task.
async fn start_missing(options: &Options<'_>, missing: Vec<Server>) -> Result<PrivateServers, StartError> {
    let wanted = options.home.clone().unwrap_or_else(home::default_home);
    let (replicated, allow_install) = (options.replicated, options.allow_install);
    let (say, mut said) = mpsc::unbounded_channel::<String>();
    let mut starting = tokio::task::spawn_blocking(move || {
        let progress = |line: &str| {
            // Nobody listens any more when the caller gave up.
            let _ = say.send(line.to_owned());
        };
        PrivateServers::start(
            &wanted,
            &missing,
            &Search {
                allow_install,
                replicated,
                progress: &progress,
            },
        )
    });
    loop {
        tokio::select! {
            biased;
            Some(line) = said.recv() => (options.progress)(&line),
            result = &mut starting => return result.expect("starting servers does not panic"),
        }
    }
}

fn describe(
    postgres: Option<&dyn Instance>,
    rabbit: Option<&dyn Instance>,
    private: Option<&PrivateServers>,
) -> String {
    let given = |server: Server, setting| format!("{server} as given by {setting}");
    let mut lines = vec![
        postgres.map_or_else(
            || given(Server::PostgreSql, given::DATABASE_SETTING),
            Instance::describe,
        ),
        rabbit.map_or_else(|| given(Server::RabbitMq, given::AMQP_SETTING), Instance::describe),
    ];
    if let Some(private) = private {
        lines.push(format!("Look inside with {}", private.tools.join(", ")));
    }
    lines.join("\n")
}

/// The servers one home runs, stopped on drop.
struct PrivateServers {
    home: PathBuf,
    running: Vec<(Server, Box<dyn Instance>)>,
    /// The paths of the scripts.
    tools: Vec<String>,
    /// Released after the servers have stopped: fields are dropped after `drop` has run.
    _lock: File,
}

impl PrivateServers {
    fn start(wanted: &Path, missing: &[Server], search: &Search<'_>) -> Result<Self, StartError> {
        let wanted = std::path::absolute(wanted).map_err(StartError::file("resolving", wanted))?;
        let home = home::reachable(&wanted);
        if home != wanted {
            (search.progress)(&format!(
                "Data goes to {}: the servers cannot run as root, and their account may not enter {}.",
                home.display(),
                wanted.display()
            ));
        }
        fs::create_dir_all(&home).map_err(StartError::file("creating", &home))?;
        let lock = lock(&home)?;
        let sources = search.find(missing)?;
        let mut servers = Self {
            home,
            running: Vec::new(),
            tools: Vec::new(),
            _lock: lock,
        };
        let (home, replicated) = (servers.home.as_path(), search.replicated);
        // At the same time: the broker takes far longer than the database.
        let started: Vec<_> = thread::scope(|scope| {
            let starting: Vec<_> = sources
                .iter()
                .zip(missing)
                .map(|(source, server)| {
                    let name = directory_of(*server);
                    scope.spawn(move || match replicated {
                        true => source.start_replicas(home, name, Keeping::Durable),
                        false => source.start(home, name, Keeping::Durable),
                    })
                })
                .collect();
            starting
                .into_iter()
                .map(|thread| thread.join().expect("starting a server does not panic"))
                .collect()
        });
        let mut failure = None;
        for (server, result) in missing.iter().zip(started) {
            match result {
                Ok(instance) => servers.running.push((*server, instance)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        for tool in servers.running.iter().flat_map(|(_, instance)| instance.tools()) {
            servers
                .tools
                .push(write_tool(&servers.home, &tool)?.display().to_string());
        }
        Ok(servers)
    }

    fn find(&self, wanted: Server) -> Option<&dyn Instance> {
        self.running
            .iter()
            .find(|(server, _)| *server == wanted)
            .map(|(_, instance)| instance.as_ref())
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        thread::scope(|scope| {
            for (_, instance) in &mut self.running {
                scope.spawn(|| instance.stop());
            }
        });
    }
}

/// Where a private server of a wanted home keeps everything: in the home, or where its account may go.
pub fn private_directory(wanted: &Path, server: Server) -> PathBuf {
    let wanted = std::path::absolute(wanted).unwrap_or_else(|_| wanted.to_owned());
    home::reachable(&wanted).join(directory_of(server))
}

fn directory_of(server: Server) -> &'static str {
    match server {
        Server::PostgreSql => "postgres",
        Server::RabbitMq => "rabbitmq",
    }
}

/// Takes a home for which no server is to be started: it is still where one deployment is found by others.
fn claim(wanted: &Path) -> Result<File, StartError> {
    let wanted = std::path::absolute(wanted).map_err(StartError::file("resolving", wanted))?;
    let home = home::reachable(&wanted);
    fs::create_dir_all(&home).map_err(StartError::file("creating", &home))?;
    lock(&home)
}

fn lock(home: &Path) -> Result<File, StartError> {
    let path = home.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(StartError::file("opening", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::HomeInUse {
            home: home.to_owned(),
            lock: path,
        }),
        Err(TryLockError::Error(source)) => Err(StartError::File {
            action: "locking",
            path,
            source,
        }),
    }
}

fn write_tool(home: &Path, tool: &Tool) -> Result<PathBuf, StartError> {
    let directory = home.join("bin");
    fs::create_dir_all(&directory).map_err(StartError::file("creating", &directory))?;
    let path = directory.join(tool.name);
    fs::write(&path, format!("#!/bin/sh\n{}", tool.script)).map_err(StartError::file("writing", &path))?;
    fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(StartError::file("making runnable", &path))?;
    Ok(path)
}
