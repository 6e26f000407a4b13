//! A PostgreSQL or RabbitMQ in a container: made, started, taken over, ended.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::amqp_probe;
use crate::docker::{Container, DockerEngine, image};
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping, Tool, shell_word};
use crate::place::{PASSWORD_FILE, Place};
use crate::ports::Reserved;
use crate::process::poll;

/// The administrator of both servers.
const ADMIN: &str = "marquee_admin";
const PORTS_FILE: &str = "ports";
const START_TIMEOUT: Duration = Duration::from_secs(300);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// A server in a container, running or stopped.
#[derive(Debug)]
pub(crate) struct ContainerServer {
    server: Server,
    container: Container,
    place: Place,
    keeping: Keeping,
    password: String,
    /// Of the server itself and, for the broker, of its management.
    ports: [u16; 2],
}

impl ContainerServer {
    /// Starts the container of a place, or takes over the one that runs there. Lasting data is in a volume of the
    /// container's name.
    ///
    /// # Errors
    ///
    /// A volume without its password, an engine that refuses, a server that does not come up.
    pub(crate) fn start(
        server: Server,
        engine: DockerEngine,
        place: Place,
        keeping: Keeping,
    ) -> Result<Self, StartError> {
        let container = Container::of(engine, &place);
        if place.read(PASSWORD_FILE).is_none() && container.engine.has_volume(&container.name) {
            let reason = format!(
                "the file {} with its password is gone",
                place.path(PASSWORD_FILE).display()
            );
            let directory = PathBuf::from(format!("the Docker volume {}", container.name));
            return Err(StartError::DamagedData { directory, reason });
        }
        let password = place.password()?;
        let ports = remembered(&place).unwrap_or_default();
        let mut started = Self {
            server,
            container,
            place,
            keeping,
            password,
            ports,
        };
        started.start_again()?;
        Ok(started)
    }

    /// Makes the container anew, on free ports.
    fn make(&mut self) -> Result<(), StartError> {
        self.container.remove();
        for port in &mut self.ports {
            let remembered = Some(*port).filter(|port| *port != 0);
            // The engine wants it for itself.
            *port = Reserved::default()
                .prefer(remembered)
                .ok_or_else(|| failed(self.server, "no free port was found", ""))?;
        }
        self.place
            .write(PORTS_FILE, &self.ports.map(|port| port.to_string()).join(" "))?;
        self.container.note(&self.place.home)?;
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let secrets = [
            ("POSTGRES_PASSWORD", self.password.as_str()),
            ("RABBITMQ_DEFAULT_PASS", &self.password),
        ];
        let made = self.container.engine.run_with(&arguments, &secrets, RUN_TIMEOUT);
        made.map(drop).map_err(|reason| failed(self.server, &reason, ""))
    }

    fn arguments(&self) -> Vec<String> {
        let name = &self.container.name;
        let mut arguments: Vec<String> = ["run", "--detach", "--name", name].map(str::to_owned).into();
        arguments.push(format!("--label=marquee.home={}", self.place.home.display()));
        let publish = |port: u16, inside: u16| format!("--publish=127.0.0.1:{port}:{inside}");
        let volume = |inside: &str| match self.keeping {
            Keeping::Durable => vec![format!("--volume={name}:{inside}")],
            Keeping::Disposable => Vec::new(),
        };
        let [port, management] = self.ports;
        match self.server {
            Server::PostgreSql => {
                arguments.push(publish(port, 5432));
                arguments.extend(volume("/var/lib/postgresql/data"));
                arguments.push(format!("--env=POSTGRES_USER={ADMIN}"));
                arguments.extend(["--env=POSTGRES_PASSWORD", "--shm-size=512m"].map(str::to_owned));
                arguments.push(image(self.server).to_owned());
                let mut settings = vec!["max_connections=300", "shared_buffers=256MB"];
                if self.keeping == Keeping::Disposable {
                    settings.extend(["fsync=off", "full_page_writes=off", "autovacuum_naptime=1h"]);
                }
                arguments.extend(
                    settings
                        .iter()
                        .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]),
                );
            }
            Server::RabbitMq => {
                arguments.extend([publish(port, 5672), publish(management, 15672)]);
                arguments.extend(volume("/var/lib/rabbitmq"));
                arguments.push(format!("--env=RABBITMQ_DEFAULT_USER={ADMIN}"));
                // The data is found again under the node's name, which else follows the container's.
                arguments.extend(
                    [
                        "--env=RABBITMQ_DEFAULT_PASS",
                        "--env=RABBITMQ_NODENAME=marquee@localhost",
                    ]
                    .map(str::to_owned),
                );
                if self.keeping == Keeping::Disposable {
                    let quick = "-rabbit collect_statistics_interval 200 -rabbit quorum_tick_interval 200";
                    arguments.push(format!("--env=RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS={quick}"));
                }
                arguments.push(image(self.server).to_owned());
            }
        }
        arguments
    }

    fn is_ready(&self) -> bool {
        match self.server {
            // While it makes its data the server listens on its own socket only, so the address matters.
            Server::PostgreSql => {
                let ask = [
                    "exec",
                    &self.container.name,
                    "pg_isready",
                    "--quiet",
                    "--host=127.0.0.1",
                ];
                self.container.engine.run(&ask, PROBE_TIMEOUT).is_ok()
            }
            Server::RabbitMq => {
                let management = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[1]));
                amqp_probe::log_in(&self.url(), PROBE_TIMEOUT).is_ok()
                    && TcpStream::connect_timeout(&management, PROBE_TIMEOUT).is_ok()
            }
        }
    }

    fn wait_ready(&self) -> Result<(), StartError> {
        let ready = poll(START_TIMEOUT, || {
            if self.is_ready() {
                return Some(true);
            }
            (self.container.state().as_deref() != Some("running")).then_some(false)
        });
        let reason = match ready {
            Some(true) => return Ok(()),
            Some(false) => "its container ended".to_owned(),
            None => format!("it was not ready in {} s", START_TIMEOUT.as_secs()),
        };
        let tail = self.container.log_tail();
        self.container.end(&["kill"]);
        Err(failed(self.server, &reason, &tail))
    }
}

impl Instance for ContainerServer {
    fn url(&self) -> String {
        let (scheme, path) = match self.server {
            Server::PostgreSql => ("postgres", "postgres"),
            Server::RabbitMq => ("amqp", "%2f"),
        };
        format!(
            "{scheme}://{ADMIN}:{}@127.0.0.1:{}/{path}",
            self.password, self.ports[0]
        )
    }

    fn management_url(&self) -> Option<String> {
        (self.server == Server::RabbitMq).then(|| format!("http://127.0.0.1:{}", self.ports[1]))
    }

    fn describe(&self) -> String {
        let management = self
            .management_url()
            .map(|url| format!(", management at {url}"))
            .unwrap_or_default();
        format!(
            "{} at 127.0.0.1:{}{management}, user {ADMIN}, password in {}\n  in the Docker container {}",
            self.server,
            self.ports[0],
            self.place.path(PASSWORD_FILE).display(),
            self.container.name,
        )
    }

    fn tools(&self) -> Vec<Tool> {
        let enter = format!(
            "[ -t 0 ] && terminal=--tty\nexec docker exec --interactive $terminal {}",
            self.container.name
        );
        let of_postgres = |name: &'static str| {
            let environment = format!("env PGUSER={ADMIN} PGDATABASE=\"${{PGDATABASE:-postgres}}\"");
            (name, format!("{environment} {name}"))
        };
        let names = match self.server {
            Server::PostgreSql => ["psql", "pg_dump", "pg_restore"].map(of_postgres).to_vec(),
            Server::RabbitMq => ["rabbitmqctl", "rabbitmq-diagnostics"]
                .map(|name| (name, shell_word(name)))
                .to_vec(),
        };
        names
            .into_iter()
            .map(|(name, program)| Tool {
                name,
                script: format!("{enter} {program} \"$@\"\n"),
            })
            .collect()
    }

    fn start_again(&mut self) -> Result<(), StartError> {
        let known = remembered(&self.place).is_some();
        match self.container.state().as_deref() {
            Some("running") if known => {}
            // A port of its own may be taken by now: then it is made anew, on other ports and the same data.
            Some(_) if known && self.container.start().is_ok() => {}
            _ => self.make()?,
        }
        self.wait_ready()
    }

    fn stop(&mut self) {
        self.container.end(&["stop", "--time=20"]);
    }

    fn kill(&mut self) {
        self.container.end(&["kill"]);
    }
}

fn remembered(place: &Place) -> Option<[u16; 2]> {
    let text = place.read(PORTS_FILE)?;
    let (port, management) = text.split_once(' ')?;
    Some([port.parse().ok()?, management.parse().ok()?])
}

fn failed(server: Server, reason: &str, tail: &str) -> StartError {
    let log = PathBuf::from("docker logs");
    StartError::Failed {
        server,
        reason: reason.to_owned(),
        log,
        tail: tail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::tests::played_by;

    #[test]
    fn a_container_listens_on_loopback_and_its_password_is_in_no_argument() {
        let home = tempfile::tempdir().unwrap();
        let script = r#"case "$1" in
            run) echo "$*" >> "$0.run"; touch "$0.up" ;;
            inspect) [ -e "$0.run" ] || exit 1; [ -e "$0.up" ] && echo running || echo exited ;;
            kill|stop) rm -f "$0.up" ;;
            exec) [ -e "$0.up" ] ;;
            start) touch "$0.up" ;;
            *) exit 1 ;;
        esac"#;
        let engine = played_by(home.path(), script);
        let place = Place::make(home.path(), "postgres", None).unwrap();
        let mut server =
            ContainerServer::start(Server::PostgreSql, engine.clone(), place.clone(), Keeping::Durable).unwrap();
        let made = || std::fs::read_to_string(home.path().join("docker.run")).unwrap();
        assert!(
            made().contains(&format!("--publish=127.0.0.1:{}:5432", server.ports[0])),
            "{}",
            made()
        );
        assert!(
            made().contains("--label=marquee.home=") && made().contains("--volume=marquee-"),
            "{}",
            made()
        );
        assert!(!made().contains(&server.password) && server.url().contains(&server.password));

        let taken_over = ContainerServer::start(Server::PostgreSql, engine, place, Keeping::Durable).unwrap();
        assert_eq!(taken_over.url(), server.url());
        server.stop();
        server.start_again().unwrap();
        assert_eq!(made().lines().count(), 1, "started again, not made anew");
    }
}
