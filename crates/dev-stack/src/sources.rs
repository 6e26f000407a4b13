//! The ways to a server, in the order they are tried.

use std::path::Path;

use crate::account::Account;
use crate::binaries::{PostgresBinaries, RabbitBinaries};
use crate::container_server::ContainerServer;
use crate::docker::DockerEngine;
use crate::error::{NO_REPLICAS, Server, StartError};
use crate::install::{self, Package};
use crate::instance::{Instance, Keeping};
use crate::place::{CERTIFICATE_FILE, EXTRA_FILE, KEY_FILE, Place};
use crate::postgres::PostgresServer;
use crate::postgres::pair::PostgresPair;
use crate::rabbit::RabbitServer;
use crate::rabbit::cluster::RabbitCluster;

/// How one server can be had on this machine.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    PostgresBinaries(Vec<PostgresBinaries>),
    RabbitBinaries(RabbitBinaries),
    Docker(Server, DockerEngine),
}

/// What the search may do and whom it tells.
pub(crate) struct Search<'a> {
    pub(crate) allow_install: bool,
    /// Whether each is to be several that stand in for each other. Those are never containers.
    pub(crate) replicated: bool,
    pub(crate) progress: &'a dyn Fn(&str),
}

impl Search<'_> {
    /// Finds the first way that works for each of the servers, in their order: programs on this machine, a Docker
    /// engine, an installation of packages.
    ///
    /// # Errors
    ///
    /// [`StartError::NoServer`] with every refusal.
    pub(crate) fn find(&self, servers: &[Server]) -> Result<Vec<Source>, StartError> {
        servers.iter().map(|server| self.find_one(*server, servers)).collect()
    }

    fn find_one(&self, server: Server, servers: &[Server]) -> Result<Source, StartError> {
        if let Some(source) = binaries(server) {
            return Ok(source);
        }
        let docker_refusal = match self.docker(server) {
            Ok(source) => return Ok(source),
            Err(refusal) => refusal,
        };
        // All that is missing is installed in one go.
        let install_refusal = match self.install(servers) {
            Ok(()) => match binaries(server) {
                Some(source) => return Ok(source),
                None => "the packages are installed but their programs are not found".to_owned(),
            },
            Err(refusal) => refusal,
        };
        Err(StartError::NoServer {
            server,
            refusals: explain(server, &docker_refusal, &install_refusal),
        })
    }

    fn docker(&self, server: Server) -> Result<Source, String> {
        if self.replicated {
            return Err(NO_REPLICAS.to_owned());
        }
        let engine = DockerEngine::find()?;
        engine.provide_image(server, self.progress)?;
        Ok(Source::Docker(server, engine))
    }

    fn install(&self, servers: &[Server]) -> Result<(), String> {
        if !self.allow_install {
            return Err("not allowed".to_owned());
        }
        install::install(|| missing(servers), self.progress)
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
        .map(|server| package(*server))
        .collect()
}

fn package(server: Server) -> Package {
    match server {
        Server::PostgreSql => Package::PostgreSql,
        Server::RabbitMq => Package::RabbitMq,
    }
}

fn explain(server: Server, docker_refusal: &str, install_refusal: &str) -> String {
    let (setting, searched) = match server {
        Server::PostgreSql => (
            "MARQUEE_DATABASE_URL",
            "initdb and postgres in /usr/lib/postgresql/*/bin and PATH",
        ),
        Server::RabbitMq => (
            "MARQUEE_AMQP_URL",
            "rabbitmq-server, rabbitmq-env, erl and epmd in /usr/lib/rabbitmq/bin and PATH",
        ),
    };
    format!(
        "  - a running server: {setting} is not set\n\
         \x20 - programs on this machine: {searched}: not found\n\
         \x20 - Docker: {docker_refusal}\n\
         \x20 - packages: {install_refusal}\n\
         Any one of these helps; on Debian or Ubuntu:\n\
         \x20 {}",
        install::command_line(&[package(server)])
    )
}

impl Source {
    /// Gives a server that is not started yet a certificate and its key, both in PEM form: then it also speaks TLS.
    ///
    /// # Errors
    ///
    /// They cannot be written, or the server is to run in a container.
    pub(crate) fn give_certificate(
        &self,
        home: &Path,
        name: &str,
        certificate: &str,
        key: &str,
    ) -> Result<(), StartError> {
        let account = match self {
            Self::PostgresBinaries(_) => Account::for_server("postgres"),
            Self::RabbitBinaries(_) => Account::for_server("rabbitmq"),
            Self::Docker(server, _) => {
                return Err(StartError::NoServer {
                    server: *server,
                    refusals: "  - Docker: a server with a certificate runs from programs on this machine only"
                        .to_owned(),
                });
            }
        };
        let place = Place::make(home, name, account)?;
        place.write(CERTIFICATE_FILE, certificate)?;
        place.write(KEY_FILE, key).map(drop)
    }

    /// Gives a RabbitMQ node that is not started yet lines for the end of its `rabbitmq.conf`.
    ///
    /// # Errors
    ///
    /// They cannot be written, or the node is to run in a container.
    pub(crate) fn give_configuration(&self, home: &Path, name: &str, lines: &str) -> Result<(), StartError> {
        let Self::RabbitBinaries(_) = self else {
            return Err(StartError::NoServer {
                server: Server::RabbitMq,
                refusals: "  - a node with a configuration of its own runs from programs on this machine only"
                    .to_owned(),
            });
        };
        let place = Place::make(home, name, Account::for_server("rabbitmq"))?;
        place.write(EXTRA_FILE, lines).map(drop)
    }

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
            Self::Docker(server, engine) => {
                let place = Place::make(home, name, None)?;
                Ok(Box::new(ContainerServer::start(
                    *server,
                    engine.clone(),
                    place,
                    keeping,
                )?))
            }
        }
    }

    /// Starts several fresh servers that stand in for each other, in the directory `name` of the home: a cluster of three
    /// nodes, a primary with a synchronous standby.
    ///
    /// # Errors
    ///
    /// One that does not come up, or all would run in containers.
    pub(crate) fn start_replicas(
        &self,
        home: &Path,
        name: &str,
        keeping: Keeping,
    ) -> Result<Box<dyn Instance>, StartError> {
        match self {
            Self::PostgresBinaries(available) => Ok(Box::new(PostgresPair::start(home, name, available, keeping)?)),
            Self::RabbitBinaries(binaries) => {
                let cluster = RabbitCluster::start(home, name, binaries.clone(), keeping)?;
                Ok(Box::new(cluster))
            }
            Self::Docker(server, _) => Err(StartError::no_replicas(*server)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_explained_and_the_way_out_named() {
        let text = explain(
            Server::RabbitMq,
            "there is no docker program",
            "this is no Debian or Ubuntu system",
        );
        for part in [
            "MARQUEE_AMQP_URL is not set",
            "no docker program",
            "no Debian",
            "apt-get install",
            "rabbitmq-server",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }
}
