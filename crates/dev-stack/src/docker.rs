//! Servers in containers of a local Docker engine.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binaries::find_program;
use crate::error::{Server, StartError};
use crate::home::fingerprint;
use crate::place::Place;
use crate::process::poll;

const ASK_TIMEOUT: Duration = Duration::from_secs(10);
const RUN_TIMEOUT: Duration = Duration::from_secs(60);
const PULL_TIMEOUT: Duration = Duration::from_secs(600);

/// Names the containers a home has started, one per line, so that they are found again.
pub(crate) const CONTAINERS_FILE: &str = "containers";

/// The image a server runs from.
pub(crate) fn image(server: Server) -> &'static str {
    match server {
        Server::PostgreSql => "postgres:17-bookworm",
        Server::RabbitMq => "rabbitmq:4-management",
    }
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct DockerEngine {
    program: PathBuf,
}

impl DockerEngine {
    /// Finds the command line client and asks its engine; the error says why there is none.
    pub(crate) fn find() -> Result<Self, String> {
        let program = find_program("docker").ok_or("there is no docker program")?;
        let engine = Self { program };
        engine.run(&["version", "--format", "{{.Server.Version}}"], ASK_TIMEOUT)?;
        Ok(engine)
    }

    /// Makes sure that the image of a server is there, pulling it if need be.
    pub(crate) fn provide_image(&self, server: Server, progress: &dyn Fn(&str)) -> Result<(), String> {
        let image = image(server);
        if self
            .run(&["image", "inspect", "--format", "{{.Id}}", image], ASK_TIMEOUT)
            .is_ok()
        {
            return Ok(());
        }
        progress(&format!("Pulling the Docker image {image}, once."));
        self.run(&["pull", "--quiet", image], PULL_TIMEOUT).map(drop)
    }

    /// Tells whether a named volume exists.
    pub(crate) fn has_volume(&self, name: &str) -> bool {
        self.run(&["volume", "inspect", name], ASK_TIMEOUT).is_ok()
    }

    /// Runs a docker command and gives what it prints; the error is its last line.
    pub(crate) fn run(&self, arguments: &[&str], timeout: Duration) -> Result<String, String> {
        self.run_with(arguments, &[], timeout)
    }

    /// As [`Self::run`], with variables that reach a container by `--env NAME`: a password in the arguments could be
    /// read by everybody on the machine.
    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<String, String> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("docker cannot be run: {error}"))?;
        // What these commands print fits the pipe, so waiting before reading is safe.
        let Some(status) = poll(timeout, || child.try_wait().transpose()) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "docker {} did not answer in {} s",
                arguments[0],
                timeout.as_secs()
            ));
        };
        let status = status.map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(read(child.stdout.take()).trim().to_owned());
        }
        let said = read(child.stderr.take());
        let last = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no reason given");
        Err(format!("docker {} failed: {}", arguments[0], last.trim()))
    }
}

fn read(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // A stream that breaks gives what came before.
        let _ = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The one container of a place, and the volume that keeps its data.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) engine: DockerEngine,
    pub(crate) name: String,
}

impl Container {
    pub(crate) fn of(engine: DockerEngine, place: &Place) -> Self {
        Self {
            engine,
            name: format!("marquee-{:016x}", fingerprint(&place.directory)),
        }
    }

    /// Notes the container down before it exists: whatever happens then, it is found again.
    pub(crate) fn note(&self, home: &Path) -> Result<(), StartError> {
        let path = home.join(CONTAINERS_FILE);
        let noted = std::fs::read_to_string(&path).unwrap_or_default();
        if noted.lines().any(|line| line == self.name) {
            return Ok(());
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{}", self.name))
            .map_err(StartError::file("writing", &path))
    }

    /// Asks for the state: `running`, `exited` and the like; none when there is no such container.
    pub(crate) fn state(&self) -> Option<String> {
        self.engine
            .run(&["inspect", "--format", "{{.State.Status}}", &self.name], ASK_TIMEOUT)
            .ok()
    }

    pub(crate) fn start(&self) -> Result<(), String> {
        self.engine.run(&["start", &self.name], RUN_TIMEOUT).map(drop)
    }

    /// Ends the server; a state it is in already is fine.
    pub(crate) fn end(&self, arguments: &[&str]) {
        let arguments: Vec<&str> = arguments.iter().copied().chain([self.name.as_str()]).collect();
        let _ = self.engine.run(&arguments, RUN_TIMEOUT);
    }

    pub(crate) fn remove(&self) {
        self.end(&["rm", "--force", "--volumes"]);
    }

    /// What the server printed last.
    pub(crate) fn log_tail(&self) -> String {
        self.engine
            .run(&["logs", "--tail", "15", &self.name], ASK_TIMEOUT)
            .unwrap_or_default()
    }
}

/// Lists the running containers a home has started.
pub(crate) fn running_containers(home: &Path) -> Vec<Container> {
    let noted = std::fs::read_to_string(home.join(CONTAINERS_FILE)).unwrap_or_default();
    let Some(program) = find_program("docker") else {
        return Vec::new();
    };
    noted
        .lines()
        .map(|name| Container {
            engine: DockerEngine {
                program: program.clone(),
            },
            name: name.to_owned(),
        })
        .filter(|container| container.state().as_deref() == Some("running"))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An engine played by a shell script, which finds its arguments in `$*`.
    pub(crate) fn played_by(directory: &Path, script: &str) -> DockerEngine {
        let program = directory.join("docker");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        DockerEngine { program }
    }

    #[test]
    fn a_failure_is_told_with_dockers_last_line() {
        let directory = tempfile::tempdir().unwrap();
        let engine = played_by(
            directory.path(),
            "echo first >&2; echo 'Cannot connect to the daemon.' >&2; exit 1",
        );
        let refusal = engine.run(&["version"], ASK_TIMEOUT).unwrap_err();
        assert_eq!(refusal, "docker version failed: Cannot connect to the daemon.");
    }

    #[test]
    fn an_image_that_is_there_is_not_pulled() {
        let directory = tempfile::tempdir().unwrap();
        let engine = played_by(
            directory.path(),
            r#"case "$1" in image) echo sha256:1 ;; *) exit 1 ;; esac"#,
        );
        engine
            .provide_image(Server::PostgreSql, &|line| assert_eq!(line, ""))
            .unwrap();
        let engine = played_by(
            directory.path(),
            r#"case "$1" in pull) echo pulled ;; *) exit 1 ;; esac"#,
        );
        let said = std::cell::Cell::new(0);
        engine
            .provide_image(Server::RabbitMq, &|_| said.set(said.get() + 1))
            .unwrap();
        assert_eq!(said.get(), 1);
    }

    #[test]
    fn a_container_is_noted_once() {
        let home = tempfile::tempdir().unwrap();
        let container = Container {
            engine: played_by(home.path(), "exit 1"),
            name: "marquee-1".to_owned(),
        };
        container.note(home.path()).unwrap();
        container.note(home.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(home.path().join(CONTAINERS_FILE)).unwrap(),
            "marquee-1\n"
        );
    }
}
