//! A private RabbitMQ node, with its own port mapper or as one of a cluster: made, started, taken over, ended.

pub(crate) mod cluster;
mod configuration;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::amqp_probe;
use crate::binaries::RabbitBinaries;
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping, Tool, shell_word};
use crate::place::{PASSWORD_FILE, Place};
use crate::ports::Reserved;
use crate::process::{self, Launch, ProcessId, SERVER_DIRECTORY, poll};

/// The administrator of a private node.
pub(crate) const ADMIN: &str = "marquee_admin";

const LOG_FILE: &str = "startup.log";
const PORTS_FILE: &str = "ports.json";
pub(crate) const NODE: &str = "marquee@localhost";

/// Seen on a slow machine: a minute, with a second server and nothing else beside it.
const START_TIMEOUT: Duration = Duration::from_secs(300);
const TAKE_OVER_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const KILL_TIMEOUT: Duration = Duration::from_secs(60);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many seconds a node may take to answer a call.
const CALL_TIMEOUT_SECONDS: &str = "30";
const START_TRIES_MAX: u32 = 5;
/// What a node that may start the next time says: somebody else had one of the ports first; another node of the cluster was asked
/// for its features before it knew them; on a busy machine Erlang's logger gave up after five seconds, or another part did.
const UNLUCKY: [&str; 4] = [
    "eaddrinuse",
    "incompatible_feature_flags",
    "file_ctrl_process_not_started",
    "{timeout,",
];

/// What a node of a cluster has in common with the others, beside the password and the cookie.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    /// The node's own name.
    pub(crate) node: String,
    /// The name of the node that this one joins when it has no data yet; its own for the first.
    pub(crate) seed: String,
    /// The port of the port mapper, which somebody else runs.
    pub(crate) epmd: u16,
}

/// The ports of a node, kept so that the next start has the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ports {
    amqp: u16,
    management: u16,
    distribution: u16,
    epmd: u16,
    /// Of a node with a certificate.
    #[serde(default)]
    amqps: Option<u16>,
}

impl Ports {
    /// The remembered ports as far as nobody listens there, else others; all are reserved from now on.
    fn prefer(
        remembered: Option<Self>,
        membership: Option<&Membership>,
        with_tls: bool,
        reserved: &mut Reserved,
    ) -> Option<Self> {
        let ports = Self {
            amqp: reserved.prefer(remembered.map(|ports| ports.amqp))?,
            management: reserved.prefer(remembered.map(|ports| ports.management))?,
            distribution: reserved.prefer(remembered.map(|ports| ports.distribution))?,
            epmd: match membership {
                Some(membership) => membership.epmd,
                None => reserved.prefer(remembered.map(|ports| ports.epmd))?,
            },
            amqps: match with_tls {
                true => Some(reserved.prefer(remembered.and_then(|ports| ports.amqps))?),
                false => None,
            },
        };
        Some(ports)
    }
}

/// A running (or stopped) private node and its data.
#[derive(Debug)]
pub(crate) struct RabbitServer {
    binaries: RabbitBinaries,
    place: Place,
    keeping: Keeping,
    membership: Option<Membership>,
    ports: Ports,
    /// The same ports, kept from others while the node is down.
    reserved: Reserved,
    password: String,
    process: Option<ProcessId>,
    children: Vec<Child>,
}

impl RabbitServer {
    /// Starts the node of a place, or takes over the one that runs there; makes its data when there is none.
    ///
    /// # Errors
    ///
    /// A node that does not come up, with the end of its log.
    pub(crate) fn start(place: Place, binaries: RabbitBinaries, keeping: Keeping) -> Result<Self, StartError> {
        Self::start_as(place, binaries, keeping, None)
    }

    /// Starts a node of a cluster, or one that is alone. The nodes of a cluster find the same password and cookie in their
    /// places.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub(crate) fn start_as(
        place: Place,
        binaries: RabbitBinaries,
        keeping: Keeping,
        membership: Option<Membership>,
    ) -> Result<Self, StartError> {
        let remembered = place.read(PORTS_FILE).and_then(|text| serde_json::from_str(&text).ok());
        let mut reserved = Reserved::default();
        let new = || Ports::prefer(None, membership.as_ref(), place.has_certificate(), &mut reserved);
        let ports = match remembered.or_else(new) {
            Some(ports) => ports,
            None => {
                return Err(StartError::failed(
                    Server::RabbitMq,
                    "no free port was found",
                    &place.path(LOG_FILE),
                ));
            }
        };
        let password = place.password()?;
        let mut server = Self {
            binaries,
            place,
            keeping,
            membership,
            ports,
            reserved,
            password,
            process: None,
            children: Vec::new(),
        };
        if !server.take_over() {
            server.start_again()?;
        }
        Ok(server)
    }

    /// The node's name.
    pub(crate) fn node(&self) -> &str {
        self.membership
            .as_ref()
            .map_or(NODE, |membership| membership.node.as_str())
    }

    /// Sends a signal to the node, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(process) = self.process {
            process.signal(signal);
        }
    }

    fn take_over(&mut self) -> bool {
        let running = process::carrying(SERVER_DIRECTORY, &self.place.directory);
        self.process = running
            .iter()
            .copied()
            .find(|process| process.name().as_deref() == Some("beam.smp"));
        if let Some(process) = self.process {
            // It may still be starting: its owner was killed early. Waiting is safer for its data than killing it.
            let ready = poll(TAKE_OVER_TIMEOUT, || match self.is_ready() {
                true => Some(true),
                false => (!process.is_alive()).then_some(false),
            });
            if ready == Some(true) {
                return true;
            }
        }
        // A node that hangs, or a port mapper that its node left behind.
        self.kill();
        false
    }

    fn is_ready(&self) -> bool {
        let management = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.management));
        amqp_probe::log_in(&self.url(), PROBE_TIMEOUT).is_ok()
            && TcpStream::connect_timeout(&management, PROBE_TIMEOUT).is_ok()
    }

    fn launch(&self, program: &Path) -> Result<Command, StartError> {
        let mut command = launch(&self.place, program)?;
        command.envs(self.environment());
        Ok(command)
    }

    fn start_once(&mut self) -> Result<(), StartError> {
        if self.membership.is_none() {
            let mapper = start_port_mapper(&self.binaries, &self.place, self.ports.epmd)?;
            self.children.push(mapper);
        }
        let program = self.binaries.program("rabbitmq-server");
        let node = self.launch(&program)?.spawn().map_err(StartError::program(&program))?;
        self.process = ProcessId::find(node.id());
        self.children.push(node);
        let ready = poll(START_TIMEOUT, || match self.children.last_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Some(Err(format!("it ended with {status}"))),
            _ if self.is_ready() => Some(Ok(())),
            _ => None,
        });
        if let Some(Ok(())) = ready {
            return Ok(());
        }
        self.kill();
        let reason = ready.and_then(Result::err);
        Err(self.failed(&reason.unwrap_or_else(|| format!("it was not ready in {} s", START_TIMEOUT.as_secs()))))
    }

    /// Takes the management's listener off the node's events. In RabbitMQ 3 and 4 it otherwise blocks the node's own
    /// shutdown for five seconds, waiting for the very process that waits for it. Best effort: without it the stop only
    /// takes longer.
    fn detach_management(&self) {
        self.call("gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]");
    }

    /// Lets the node call one of its functions, given as `module function [arguments]`, and gives what it answers; none where
    /// it does not.
    fn call(&self, function: &str) -> Option<String> {
        let program = self.binaries.epmd.with_file_name("erl_call");
        let mut command = self.launch(&program).ok()?;
        command.args(["-sname", self.node(), "-timeout", CALL_TIMEOUT_SECONDS, "-a", function]);
        let output = command.stdout(Stdio::piped()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn failed(&self, reason: &str) -> StartError {
        StartError::failed(Server::RabbitMq, reason, &self.log())
    }

    /// Tells whether it may go better another time. A node says why long before the end of its logs.
    fn was_unlucky(&self) -> bool {
        let logs = [self.log(), self.place.path(LOG_FILE)];
        let texts = logs.iter().filter_map(|log| std::fs::read(log).ok());
        texts.into_iter().any(|text| {
            let text = String::from_utf8_lossy(&text);
            UNLUCKY.iter().any(|unlucky| text.contains(unlucky))
        })
    }

    /// The node's own log once it has one, else what the start printed.
    fn log(&self) -> PathBuf {
        let own = self.place.path("log").join(format!("{}.log", self.node()));
        if own.is_file() { own } else { self.place.path(LOG_FILE) }
    }
}

/// Starts the port mapper of a place, on the loopback address only.
pub(crate) fn start_port_mapper(binaries: &RabbitBinaries, place: &Place, port: u16) -> Result<Child, StartError> {
    let program = &binaries.epmd;
    launch(place, program)?
        .args(["-address", "127.0.0.1", "-port", &port.to_string()])
        .spawn()
        .map_err(StartError::program(program))
}

fn launch(place: &Place, program: &Path) -> Result<Command, StartError> {
    let launch = Launch {
        program,
        account: place.account.as_ref(),
        directory: &place.directory,
        home: &place.home,
        log: place.path(LOG_FILE),
    };
    launch.command().map_err(StartError::program(program))
}

impl Instance for RabbitServer {
    fn url(&self) -> String {
        format!("amqp://{ADMIN}:{}@127.0.0.1:{}/%2f", self.password, self.ports.amqp)
    }

    fn tls_port(&self) -> Option<u16> {
        self.ports.amqps
    }

    fn management_url(&self) -> Option<String> {
        Some(format!("http://127.0.0.1:{}", self.ports.management))
    }

    fn describe(&self) -> String {
        format!(
            "RabbitMQ at 127.0.0.1:{}, management at http://127.0.0.1:{}, user {ADMIN}, password in {}\n  data and log in {}",
            self.ports.amqp,
            self.ports.management,
            self.place.path(PASSWORD_FILE).display(),
            self.place.directory.display(),
        )
    }

    fn tools(&self) -> Vec<Tool> {
        let variables: String = self
            .environment()
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", shell_word(value)))
            .collect();
        ["rabbitmqctl", "rabbitmq-diagnostics"]
            .map(|name| {
                let program = shell_word(&self.binaries.program(name).display().to_string());
                Tool {
                    name,
                    script: format!("{variables}exec {program} \"$@\"\n"),
                }
            })
            .into()
    }

    fn start_again(&mut self) -> Result<(), StartError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let with_tls = self.place.has_certificate();
            let ports = Ports::prefer(Some(self.ports), self.membership.as_ref(), with_tls, &mut self.reserved);
            self.ports = ports.ok_or_else(|| self.failed("no free port was found"))?;
            self.write_files()?;
            match self.start_once() {
                Err(StartError::Failed { .. }) if tries < START_TRIES_MAX && self.was_unlucky() => {}
                result => return result,
            }
        }
    }

    fn stop(&mut self) {
        if let Some(process) = self.process {
            self.detach_management();
            process.signal("TERM");
            match self.children.last_mut() {
                Some(node) => {
                    let _ = poll(STOP_TIMEOUT, || node.try_wait().transpose());
                }
                None => {
                    process.wait_gone(STOP_TIMEOUT);
                }
            }
        }
        self.kill();
    }

    fn kill(&mut self) {
        process::kill_carrying(SERVER_DIRECTORY, &self.place.directory, KILL_TIMEOUT);
        for mut child in self.children.drain(..) {
            let _ = child.wait();
        }
        self.process = None;
    }
}
