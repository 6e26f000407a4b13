//! A cluster of three RabbitMQ nodes of a single test's own, to be killed, frozen and started again one by one.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use uuid::Uuid;

use crate::error::{Server, StartError, with_causes};
use crate::instance::{Instance, Keeping, Outage, Replicas};
use crate::management::Management;
use crate::rabbit::cluster::RabbitCluster;
use crate::sources::{Search, Source};
use crate::testing::private::proceed;
use crate::testing::run::Run;

/// A cluster of three nodes with private names and ports, which pauses a minority; ended and removed on drop. Nodes are
/// counted from 0.
///
/// Its methods panic when they fail: a test cannot go on then.
pub struct PrivateRabbitCluster {
    cluster: Arc<Mutex<RabbitCluster>>,
    names: Vec<String>,
    amqp_url: String,
    management_urls: Vec<String>,
    directory: PathBuf,
}

impl PrivateRabbitCluster {
    /// Starts fresh nodes, the first one first and the others as its peers.
    pub async fn start() -> Self {
        let started = tokio::task::spawn_blocking(Self::start_blocking).await;
        proceed(started.map_err(|error| error.to_string()).and_then(|result| result))
    }

    fn start_blocking() -> Result<Self, String> {
        // In the directory of the run, for its watchdog.
        let run = Run::join()?;
        let name = format!("cluster-{}", Uuid::new_v4().simple());
        let cluster = start_in(&run.directory, &name).map_err(|error| with_causes(&error))?;
        let nodes = cluster.nodes().iter();
        Ok(Self {
            amqp_url: cluster.url(),
            management_urls: nodes.clone().filter_map(Instance::management_url).collect(),
            names: nodes.map(|node| node.node().to_owned()).collect(),
            cluster: Arc::new(Mutex::new(cluster)),
            directory: run.directory.join(&name),
        })
    }

    /// The url of the administrator on the vhost `/`, with the addresses of all nodes.
    pub fn amqp_url(&self) -> &str {
        &self.amqp_url
    }

    /// Takes a node away from the others.
    pub async fn take_away(&self, node: usize, how: Outage) {
        let away = self.run(move |cluster| cluster.take_away(node, how)).await;
        proceed(away.map_err(|error| with_causes(&error)));
    }

    /// Brings a node back that was taken away, and waits until all are together. A killed one is started on the same ports.
    pub async fn bring_back(&self, node: usize, how: Outage) {
        let back = self.run(move |cluster| cluster.bring_back(node, how)).await;
        proceed(back.map_err(|error| with_causes(&error)));
    }

    /// Finds the node that leads a queue of the vhost `/`, as `asked` sees it; none while nobody does.
    pub async fn leader(&self, asked: usize, queue: &str) -> Option<usize> {
        let queue = self.ask(asked, &format!("queues/%2F/{queue}")).await?;
        self.number(queue["leader"].as_str()?)
    }

    /// Finds the node that has a classic queue of the vhost `/`, as `asked` sees it; none when the queue is not there.
    pub async fn home(&self, asked: usize, queue: &str) -> Option<usize> {
        let queue = self.ask(asked, &format!("queues/%2F/{queue}")).await?;
        self.number(queue["node"].as_str()?)
    }

    /// Counts what is bound to an exchange of the vhost `/`, as `asked` sees it; none when it does not answer.
    pub async fn bound_to(&self, asked: usize, exchange: &str) -> Option<usize> {
        let bindings = self
            .ask(asked, &format!("exchanges/%2F/{exchange}/bindings/source"))
            .await?;
        bindings.as_array().map(Vec::len)
    }

    /// Sets a policy of the vhost `/`, given as the management takes it.
    pub async fn set_policy(&self, name: &str, body: &str) {
        let management = Management::new(&self.management_urls[0], &self.amqp_url_of_first());
        let management = proceed(management.map_err(|error| with_causes(&error)));
        let body: Value = proceed(serde_json::from_str(body).map_err(|error| error.to_string()));
        let path = format!("policies/%2F/{name}");
        let set = management.send(reqwest::Method::PUT, &path, Some(&body));
        proceed(set.await.map_err(|error| with_causes(&error)));
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

    /// Works with the cluster where blocking is allowed.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut RabbitCluster) -> T + Send + 'static) -> T {
        let cluster = Arc::clone(&self.cluster);
        let worked = tokio::task::spawn_blocking(move || work(&mut lock(&cluster)));
        proceed(worked.await.map_err(|error| error.to_string()))
    }
}

impl Drop for PrivateRabbitCluster {
    fn drop(&mut self) {
        lock(&self.cluster).kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn lock(cluster: &Mutex<RabbitCluster>) -> MutexGuard<'_, RabbitCluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_in(directory: &std::path::Path, name: &str) -> Result<RabbitCluster, StartError> {
    let search = Search {
        allow_install: true,
        replicated: true,
        progress: &|_| {},
    };
    match search.find(&[Server::RabbitMq])?.swap_remove(0) {
        Source::RabbitBinaries(binaries) => RabbitCluster::start(directory, name, binaries, Keeping::Disposable),
        _ => Err(StartError::no_replicas(Server::RabbitMq)),
    }
}
