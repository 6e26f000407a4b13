//! The ways to a server, in the order they are tried.

use std::path::Path;

use crate::account::Account;
use crate::binaries::{PostgresBinaries, RabbitBinaries};
use crate::error::{Server, StartError};
use crate::install::{self, Package};
use crate::instance::{Instance, Keeping};
use crate::place::Place;
use crate::postgres::PostgresServer;
use crate::rabbit::RabbitServer;

/// How one server can be had on this machine.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    PostgresBinaries(Vec<PostgresBinaries>),
    RabbitBinaries(RabbitBinaries),
}

/// What the search may do and whom it tells.
pub(crate) struct Search<'a> {
    pub(crate) allow_install: bool,
    pub(crate) progress: &'a dyn Fn(&str),
}

impl Search<'_> {
    /// Finds the first way that works for each of the servers, in their order.
    ///
    /// # Errors
    ///
    /// [`StartError::NoServer`] with every refusal.
    pub(crate) fn find(&self, servers: &[Server]) -> Result<Vec<Source>, StartError> {
        let packages = || missing(servers);
        let mut refusal = "not tried".to_owned();
        if !packages().is_empty() {
            refusal = if self.allow_install {
                install::install(packages, self.progress)
                    .err()
                    .unwrap_or_else(|| "installed, but still not found".to_owned())
            } else {
                "not allowed here".to_owned()
            };
        }
        servers
            .iter()
            .map(|server| {
                binaries(*server).ok_or_else(|| StartError::NoServer {
                    server: *server,
                    refusals: format!("  - installing packages: {refusal}"),
                })
            })
            .collect()
    }
}

fn binaries(server: Server) -> Option<Source> {
    match server {
        Server::PostgreSql => {
            let found = PostgresBinaries::find_all();
            (!found.is_empty()).then_some(Source::PostgresBinaries(found))
        }
        Server::RabbitMq => RabbitBinaries::find().map(Source::RabbitBinaries),
    }
}

fn missing(servers: &[Server]) -> Vec<Package> {
    servers
        .iter()
        .filter(|server| binaries(**server).is_none())
        .map(|server| match server {
            Server::PostgreSql => Package::PostgreSql,
            Server::RabbitMq => Package::RabbitMq,
        })
        .collect()
}

impl Source {
    /// Starts the server in the directory `name` of the home, or takes over the one that runs there.
    pub(crate) fn start(&self, home: &Path, name: &str, keeping: Keeping) -> Result<Box<dyn Instance>, StartError> {
        match self {
            Self::PostgresBinaries(available) => {
                let place = Place::make(home, name, Account::for_server("postgres"))?;
                Ok(Box::new(PostgresServer::start(place, available, keeping)?))
            }
            Self::RabbitBinaries(binaries) => {
                let place = Place::make(home, name, Account::for_server("rabbitmq"))?;
                Ok(Box::new(RabbitServer::start(place, binaries.clone(), keeping)?))
            }
        }
    }
}
