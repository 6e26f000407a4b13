//! Three nodes that are one broker, which pauses a minority of them.

use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use super::{ADMIN, Membership, RabbitServer, start_port_mapper};
use crate::account::Account;
use crate::binaries::RabbitBinaries;
use crate::error::{Server, StartError};
use crate::instance::{Instance, Keeping, Outage, Replicas, Tool};
use crate::place::{PASSWORD_FILE, Place};
use crate::ports::ReservedPort;
use crate::process::{SERVER_DIRECTORY, kill_carrying, poll};

const NODES: usize = 3;
/// How long nodes may take to find each other again.
const TOGETHER_TIMEOUT: Duration = Duration::from_secs(180);
/// How often a node is started again that takes others for partitioned.
const HEALINGS_MAX: u32 = 6;
/// After which they are looked at once more.
const SECOND_LOOK: Duration = Duration::from_secs(1);
const KILL_TIMEOUT: Duration = Duration::from_secs(60);
/// A node whose cookie is another is no node of ours.
const FOREIGN_COOKIE: &str = "CUTOFF";

/// A running (or stopped) cluster with its port mapper; nodes are counted from 0.
#[derive(Debug)]
pub(crate) struct RabbitCluster {
    nodes: Vec<RabbitServer>,
    binaries: RabbitBinaries,
    /// The port mapper's; the nodes' are below it.
    place: Place,
    epmd: ReservedPort,
    mapper: Option<Child>,
    cookie: String,
}

impl RabbitCluster {
    /// Starts fresh nodes in the directory `name` of the home, the first one first and the others as its peers.
    ///
    /// # Errors
    ///
    /// A node that does not come up, with the end of its log; none runs then.
    pub(crate) fn start(
        home: &Path,
        name: &str,
        binaries: RabbitBinaries,
        keeping: Keeping,
    ) -> Result<Self, StartError> {
        let place = Place::make(home, name, Account::for_server("rabbitmq"))?;
        let epmd = ReservedPort::pick()
            .ok_or_else(|| StartError::failed(Server::RabbitMq, "no free port was found", &place.directory))?;
        let mut cluster = Self {
            nodes: Vec::new(),
            mapper: Some(start_port_mapper(&binaries, &place, epmd.number())?),
            cookie: uuid::Uuid::new_v4().simple().to_string().to_uppercase(),
            binaries,
            place,
            epmd,
        };
        let started = cluster.start_nodes(keeping);
        if started.is_err() {
            cluster.kill();
        }
        started.map(|()| cluster)
    }

    fn start_nodes(&mut self, keeping: Keeping) -> Result<(), StartError> {
        self.nodes.push(self.start_node(0, keeping)?);
        let others: Vec<_> = thread::scope(|scope| {
            let cluster = &*self;
            let starting: Vec<_> = (1..NODES)
                .map(|number| scope.spawn(move || cluster.start_node(number, keeping)))
                .collect();
            starting
                .into_iter()
                .map(|node| node.join().expect("starting a server does not panic"))
                .collect()
        });
        let mut failure = None;
        for other in others {
            match other {
                Ok(node) => self.nodes.push(node),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn start_node(&self, number: usize, keeping: Keeping) -> Result<RabbitServer, StartError> {
        let place = self.place.make_below(&format!("node{number}"))?;
        place.write(PASSWORD_FILE, &self.place.password()?)?;
        place.make_directory(&place.path("home"))?;
        place.write("home/.erlang.cookie", &self.cookie)?;
        let membership = Membership {
            node: node_name(number),
            seed: node_name(0),
            epmd: self.epmd.number(),
        };
        RabbitServer::start_as(place, self.binaries.clone(), keeping, Some(membership))
    }

    /// The nodes.
    pub(crate) fn nodes(&self) -> &[RabbitServer] {
        &self.nodes
    }

    /// Lets a node take the others for strangers, or no more.
    fn cut_off(&self, number: usize, is_cut_off: bool) -> Result<(), StartError> {
        let cookie = if is_cut_off { FOREIGN_COOKIE } else { &self.cookie };
        let node = &self.nodes[number];
        let call = |function: String| {
            let called = node.call(&function).map(drop);
            called.ok_or_else(|| node.failed(&format!("it did not carry out {function}")))
        };
        for other in (0..NODES).filter(|other| *other != number).map(node_name) {
            call(format!("erlang set_cookie ['{other}','{cookie}']"))?;
            if is_cut_off {
                call(format!("erlang disconnect_node ['{other}']"))?;
            }
        }
        Ok(())
    }

    /// Waits until every node sees all of them, or some take others for partitioned and wait for an operator; gives those.
    fn settle(&self) -> Result<Vec<usize>, StartError> {
        let sees_all = |node: &RabbitServer| {
            let seen = node.call("rabbit_nodes all_running []").unwrap_or_default();
            (0..NODES).all(|number| seen.contains(&node_name(number)))
        };
        let settled = poll(TOGETHER_TIMEOUT, || {
            let partitioned = self.partitioned();
            (!partitioned.is_empty() || self.nodes.iter().all(sees_all)).then_some(partitioned)
        });
        let partitioned = settled.ok_or_else(|| {
            let reason = format!("its nodes were not together in {} s", TOGETHER_TIMEOUT.as_secs());
            self.nodes[0].failed(&reason)
        })?;
        if !partitioned.is_empty() {
            return Ok(partitioned);
        }
        // A node that hung finds out a moment after it has found the others.
        thread::sleep(SECOND_LOOK);
        Ok(self.partitioned())
    }

    fn partitioned(&self) -> Vec<usize> {
        let sees_partition = |number: &usize| {
            let seen = self.nodes[*number].call("rabbit_node_monitor partitions []");
            seen.is_some_and(|nodes| nodes.contains('@'))
        };
        (0..NODES).filter(sees_partition).collect()
    }

    /// Starts the nodes again that take others for partitioned, as an operator does, until there is none. On a machine that
    /// works on other things for some seconds also nodes that are well take each other for gone.
    fn become_whole(&mut self) -> Result<(), StartError> {
        for _ in 0..HEALINGS_MAX {
            let partitioned = self.settle()?;
            // Those that a node sees apart agree with it once it is new: the last of three need not be touched.
            let Some(number) = partitioned.first().copied() else {
                return Ok(());
            };
            self.nodes[number].kill();
            self.nodes[number].start_again()?;
        }
        Err(self.nodes[0].failed("its nodes take each other for partitioned"))
    }

    /// Works with all nodes at the same time.
    fn each<T: Send>(&mut self, work: impl Fn(&mut RabbitServer) -> T + Sync) -> Vec<T> {
        let work = &work;
        thread::scope(|scope| {
            let working: Vec<_> = self
                .nodes
                .iter_mut()
                .map(|node| scope.spawn(move || work(node)))
                .collect();
            working
                .into_iter()
                .map(|node| node.join().expect("working with a server does not panic"))
                .collect()
        })
    }

    fn end_mapper(&mut self) {
        kill_carrying(SERVER_DIRECTORY, &self.place.directory, KILL_TIMEOUT);
        if let Some(mut mapper) = self.mapper.take() {
            let _ = mapper.wait();
        }
    }
}

fn node_name(number: usize) -> String {
    format!("marquee{number}@localhost")
}

impl Instance for RabbitCluster {
    fn url(&self) -> String {
        let addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.amqp));
        let password = self.nodes.first().map_or("", |node| &node.password);
        format!(
            "amqp://{ADMIN}:{password}@{}/%2f",
            addresses.collect::<Vec<_>>().join(",")
        )
    }

    /// The first node's.
    fn management_url(&self) -> Option<String> {
        self.nodes.first()?.management_url()
    }

    fn describe(&self) -> String {
        let nodes = self.nodes.iter().map(Instance::describe);
        nodes.collect::<Vec<_>>().join("\n")
    }

    /// The first node's.
    fn tools(&self) -> Vec<Tool> {
        self.nodes.first().map(Instance::tools).unwrap_or_default()
    }

    fn start_again(&mut self) -> Result<(), StartError> {
        if self.mapper.is_none() {
            self.mapper = Some(start_port_mapper(&self.binaries, &self.place, self.epmd.number())?);
        }
        // Together: one that was not the last to stop waits for those.
        self.each(Instance::start_again)
            .into_iter()
            .collect::<Result<(), _>>()?;
        self.become_whole()
    }

    fn stop(&mut self) {
        self.each(Instance::stop);
        self.end_mapper();
    }

    fn kill(&mut self) {
        self.each(Instance::kill);
        self.end_mapper();
    }

    fn replicas(&mut self) -> Option<&mut dyn Replicas> {
        Some(self)
    }
}

impl Replicas for RabbitCluster {
    fn take_away(&mut self, number: usize, how: Outage) -> Result<(), StartError> {
        match how {
            Outage::Killed => self.nodes[number].kill(),
            Outage::Frozen => self.nodes[number].signal("STOP"),
            Outage::CutOff => self.cut_off(number, true)?,
        }
        Ok(())
    }

    /// A node that wakes up may find the others again before it has noticed that it was given up. RabbitMQ takes them for
    /// partitioned then and leaves it to an operator, who starts the node again.
    fn bring_back(&mut self, number: usize, how: Outage) -> Result<(), StartError> {
        match how {
            Outage::Killed => self.nodes[number].start_again()?,
            Outage::Frozen => self.nodes[number].signal("CONT"),
            Outage::CutOff => self.cut_off(number, false)?,
        }
        if how != Outage::Killed && !self.settle()?.is_empty() {
            self.nodes[number].kill();
            self.nodes[number].start_again()?;
        }
        self.become_whole()
    }
}
