//! Three RabbitMQ nodes of a single test's own, to be killed, frozen and started again one by one.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::account::Account;
use crate::error::{Server, StartError, with_causes};
use crate::instance::{Instance, Keeping};
use crate::management::Management;
use crate::place::{PASSWORD_FILE, Place};
use crate::ports;
use crate::process::{SERVER_DIRECTORY, kill_carrying};
use crate::rabbit::{ADMIN, Membership, RabbitServer, start_port_mapper};
use crate::sources::{Search, Source};
use crate::testing::private::proceed;
use crate::testing::run::Run;

const NODES: usize = 3;
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// A cluster of three nodes with private names and ports, which pauses a minority; ended and removed on drop. Nodes are
/// counted from 0.
///
/// Its methods panic when they fail: a test cannot go on then.
pub struct PrivateRabbitCluster {
    nodes: Vec<Arc<Mutex<RabbitServer>>>,
    names: Vec<String>,
    amqp_url: String,
    management_urls: Vec<String>,
    directory: PathBuf,
    mapper: Child,
}

impl PrivateRabbitCluster {
    /// Starts fresh nodes, the first one first and the others as its peers.
    pub async fn start() -> Self {
        let started = tokio::task::spawn_blocking(Self::start_blocking).await;
        proceed(started.map_err(|error| error.to_string()).and_then(|result| result))
    }

    fn start_blocking() -> Result<Self, String> {
        let run = Run::join()?;
        let name = format!("cluster-{}", Uuid::new_v4().simple());
        start_in(&run.directory.join(name)).map_err(|error| with_causes(&error))
    }

    /// The url of the administrator on the vhost `/`, with the addresses of all nodes.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// Kills a node at once.
    pub async fn kill(&self, node: usize) {
        self.run(node, |server| server.kill()).await;
    }

    /// Starts a killed node again, on the same ports.
    pub async fn start_again(&self, node: usize) {
        let started = self.run(node, |server| server.start_again()).await;
        proceed(started.map_err(|error| with_causes(&error)));
    }

    /// Freezes a node: its connections stay, and nothing is answered.
    pub async fn freeze(&self, node: usize) {
        self.run(node, |server| server.signal("STOP")).await;
    }

    /// Lets a frozen node go on.
    pub async fn thaw(&self, node: usize) {
        self.run(node, |server| server.signal("CONT")).await;
    }

    /// Finds the node that leads a queue of the vhost `/`, as `asked` sees it; none while nobody does.
    pub async fn leader(&self, asked: usize, queue: &str) -> Option<usize> {
        let queue = self.ask(asked, &format!("queues/%2F/{queue}")).await?;
        self.number(queue["leader"].as_str()?)
    }

    /// Counts the members of a queue that are there, as `asked` sees it.
    pub async fn members_online(&self, asked: usize, queue: &str) -> usize {
        let queue = self.ask(asked, &format!("queues/%2F/{queue}")).await;
        queue.map_or(0, |queue| queue["online"].as_array().map_or(0, Vec::len))
    }

    /// Finds the node that a client is connected to whose connection has this name, as `asked` sees it.
    pub async fn node_of_connection(&self, asked: usize, name: &str) -> Option<usize> {
        let connections = self.ask(asked, "connections").await?;
        let found = connections
            .as_array()?
            .iter()
            .find(|connection| connection["user_provided_name"] == name)?;
        self.number(found["node"].as_str()?)
    }

    async fn ask(&self, node: usize, path: &str) -> Option<Value> {
        let management = Management::new(&self.management_urls[node], &self.amqp_url_of_first()).ok()?;
        management.send(reqwest::Method::GET, path, None).await.ok()
    }

    /// User and password are the same for all nodes.
    fn amqp_url_of_first(&self) -> String {
        crate::url_text::nodes(&self.amqp_url).swap_remove(0)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|node| node == name)
    }

    /// Works with a node where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        node: usize,
        work: impl FnOnce(&mut RabbitServer) -> T + Send + 'static,
    ) -> T {
        let server = Arc::clone(&self.nodes[node]);
        let worked =
            tokio::task::spawn_blocking(move || work(&mut server.lock().unwrap_or_else(PoisonError::into_inner)));
        proceed(worked.await.map_err(|error| error.to_string()))
    }
}

impl Drop for PrivateRabbitCluster {
    fn drop(&mut self) {
        for server in &self.nodes {
            server.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
        kill_carrying(SERVER_DIRECTORY, &self.directory, KILL_TIMEOUT);
        let _ = self.mapper.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn start_in(directory: &std::path::Path) -> Result<PrivateRabbitCluster, StartError> {
    let search = Search {
        allow_install: true,
        progress: &|_| {},
    };
    let Source::RabbitBinaries(binaries) = search.find(&[Server::RabbitMq])?.swap_remove(0) else {
        return Err(StartError::failed(
            Server::RabbitMq,
            "a cluster needs RabbitMQ's programs on this machine",
            directory,
        ));
    };
    let no_port = || StartError::failed(Server::RabbitMq, "no free port was found", directory);
    let account = || Account::for_server("rabbitmq");
    let home = directory.parent().unwrap_or(directory);
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let own = Place::make(home, &name, account())?;
    let epmd = ports::pick().ok_or_else(no_port)?;
    let mapper = start_port_mapper(&binaries, &own, epmd)?;
    let (password, cookie) = (own.password()?, Uuid::new_v4().simple().to_string().to_uppercase());
    let node_name = |nr: usize| format!("marquee{nr}@localhost");
    let start = |nr: usize| {
        // In the directory of the run, for its watchdog; below this one, so that all goes with it.
        let mut place = Place::make(directory, &format!("node{nr}"), account())?;
        place.home = home.to_owned();
        place.write(PASSWORD_FILE, &password)?;
        place.make_directory(&place.path("home"))?;
        place.write("home/.erlang.cookie", &cookie)?;
        let membership = Membership {
            node: node_name(nr),
            seed: node_name(0),
            epmd,
        };
        RabbitServer::start_as(place, binaries.clone(), Keeping::Disposable, Some(membership))
    };
    let first = start(0)?;
    let others: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> = (1..NODES).map(|nr| scope.spawn(move || start(nr))).collect();
        starting
            .into_iter()
            .map(|node| node.join().expect("starting a server does not panic"))
            .collect()
    });
    let mut servers = vec![first];
    for other in others {
        servers.push(other?);
    }
    let addresses: Vec<String> = servers
        .iter()
        .map(|server| format!("127.0.0.1:{}", server.amqp_port()))
        .collect();
    Ok(PrivateRabbitCluster {
        amqp_url: format!("amqp://{ADMIN}:{password}@{}/%2f", addresses.join(",")),
        management_urls: servers
            .iter()
            .map(|server| server.management_url().unwrap_or_default())
            .collect(),
        names: servers.iter().map(|server| server.node().to_owned()).collect(),
        nodes: servers.into_iter().map(|server| Arc::new(Mutex::new(server))).collect(),
        directory: directory.to_owned(),
        mapper,
    })
}
