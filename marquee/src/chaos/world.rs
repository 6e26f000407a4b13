//! Everything that is broken and mended: two servers, and every service twice, each behind links of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dev_stack::{DevStack, Options, Outage, PoolMode, Pooler, Server};
use event_bus::{AmqpUrl, ManagementUrl};
use projections::Name;
use service::BoxError;
use service::database::{DatabaseUrl, PoolOptions, pool};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use super::disk::Disk;
use super::link::with_first_address;
use super::means::Means;
use super::member::{Member, Role};
use crate::broker::{self, Management};
use crate::databases::Databases;
use crate::passwords::RolePasswords;
use crate::provision::{DatabasePrefix, Urls};
use crate::up::local_client;

/// The vhost that a private broker begins with.
const VHOST: &str = "/";
/// The policy that makes a queue full.
pub(crate) const FULL_POLICY: &str = "chaos-full";
/// Of everything there are two.
const COPIES: usize = 2;
/// How long anything may take that is sure to happen, on a slow machine that does other things, too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
const READY_POLL: Duration = Duration::from_millis(50);

/// The servers and the services.
pub(crate) struct World {
    stack: DevStack,
    urls: Urls,
    /// The broker's, without any link between.
    amqp_url: AmqpUrl,
    management: Management,
    pub(crate) members: Vec<Member>,
    /// Events that no projection can apply, and that are to be parked.
    pub(crate) poisons: Vec<Poison>,
    /// Those that were discarded.
    pub(crate) discarded: Vec<Poison>,
    /// Between half of the services and PostgreSQL, each with sessions of its own; none where it cannot be had.
    pooler: Option<Pooler>,
    /// The servers' disks, where those can be full. Gone with the world.
    pub(crate) disks: Vec<(Server, Disk)>,
}

/// Where and how everything is started.
pub(crate) struct Plan<'a> {
    /// The servers' directory.
    pub(crate) home: &'a Path,
    /// Where services write their logs.
    pub(crate) logs: &'a Path,
    /// What every service has in its environment.
    pub(crate) environment: &'a [(String, String)],
    /// Whether each server is several that stand in for each other.
    pub(crate) replicated: bool,
    pub(crate) allow_install: bool,
    pub(crate) say: &'a dyn Fn(&str),
}

/// An event that no projection can apply, alone in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poison {
    pub(crate) aggregate_type: &'static str,
    pub(crate) aggregate_id: String,
    pub(crate) event_type: &'static str,
    pub(crate) position: i64,
}

impl Poison {
    /// Tells whether a projection is told of it.
    pub(crate) fn concerns(&self, name: Name) -> bool {
        event_bus::is_bound(name.projection().bindings(), self.aggregate_type, self.event_type)
    }
}

impl World {
    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// Whatever does not come up.
    pub(crate) async fn start(plan: &Plan<'_>, means: Means) -> Result<Self, BoxError> {
        (plan.say)(match plan.replicated {
            true => "starting three nodes of RabbitMQ, PostgreSQL and its standby",
            false => "starting PostgreSQL and RabbitMQ",
        });
        let stack = DevStack::start(Options {
            home: Some(plan.home.to_owned()),
            database_url: None,
            amqp_url: None,
            replicated: plan.replicated,
            allow_install: plan.allow_install,
            progress: plan.say,
        })
        .await?;
        match Self::in_stack(&stack, plan, &means).await {
            Ok((urls, amqp_url, management, pooler, members)) => Ok(Self {
                stack,
                pooler,
                urls,
                amqp_url,
                management,
                members,
                poisons: Vec::new(),
                discarded: Vec::new(),
                disks: means.disks,
            }),
            Err(error) => {
                stack.stop().await;
                Err(error)
            }
        }
    }

    async fn in_stack(
        stack: &DevStack,
        plan: &Plan<'_>,
        means: &Means,
    ) -> Result<(Urls, AmqpUrl, Management, Option<Pooler>, Vec<Member>), BoxError> {
        let server: DatabaseUrl = stack.database_url().parse()?;
        let prefix = DatabasePrefix::default();
        let passwords = RolePasswords::kept_in(plan.home)?;
        let urls = Urls::new(server, prefix, passwords);
        urls.provision().await?;
        let management_url = stack.management_url().ok_or("the broker has no management")?;
        let one_node = with_first_address(stack.amqp_url());
        let management = Management::new(&ManagementUrl::with_user_of(management_url, &one_node)?);
        broker::keep_unrouted(&management, VHOST).await?;
        let amqp_url = match plan.replicated {
            // A node that hangs is left for another one after twice as long.
            true => format!("{}?heartbeat=2", stack.amqp_url()),
            false => stack.amqp_url().to_owned(),
        };
        let pooler = match means.has_pooler {
            true => Some(start_pooler(stack.home().unwrap_or(plan.home), stack.database_url()).await?),
            false => None,
        };
        (plan.say)("starting the services, each twice");
        let mut members = Vec::new();
        let roles = [Role::CommandApi, Role::EventRelay];
        let roles = roles.into_iter().chain(Name::ALL.map(Role::Projection));
        for role in roles {
            for copy in 1..=COPIES {
                // One of two is enough to see what a wrong clock does to the other, and a pooler to those without one.
                let fake_time = means.fake_time.as_deref().filter(|_| copy == COPIES);
                let pooler = pooler.as_ref().filter(|_| copy == COPIES);
                let postgres = match pooler {
                    Some(pooler) => pooler.url(stack.database_url())?,
                    None => stack.database_url().to_owned(),
                };
                members.push(Member::start((role, copy), &urls, (&postgres, &amqp_url), plan, fake_time).await?);
            }
        }
        if let Some(name) = never_ready(&members, &local_client()?).await {
            let logs = plan.logs.display();
            return Err(format!("{name} did not become ready; its log is in {logs}").into());
        }
        Ok((urls, amqp_url.parse()?, management, pooler, members))
    }

    /// Where everything really is: servers that may not enter the wanted home have another.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.stack.home().map(Path::to_owned)
    }

    /// The members that do this.
    pub(crate) fn of(&self, does: impl Fn(Role) -> bool) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members
            .filter(|(_, member)| does(member.role))
            .map(|(at, _)| at)
            .collect()
    }

    /// Where those that do this answer.
    pub(crate) fn urls_of(&self, role: Role) -> Vec<String> {
        let members = self.members.iter().filter(|member| member.role == role);
        members.map(|member| member.url.clone()).collect()
    }

    /// The databases without any link between, for an audit.
    pub(crate) fn databases(&self) -> Databases {
        let projections = Name::ALL.map(|name| (name, Some(self.urls.projection_database(name))));
        Databases {
            event_store: self.urls.event_relay_event_store(),
            projections: projections.into(),
        }
    }

    /// A pool for the event store, without any link between, that has more patience than a service: what it is asked for is no
    /// part of what is tested.
    pub(crate) fn event_store_pool(&self) -> PgPool {
        let options = PoolOptions {
            application_name: "marquee chaos",
            acquire_timeout: PATIENCE,
            statement_timeout: PATIENCE,
            ..PoolOptions::default()
        };
        pool(&self.databases().event_store, options)
    }

    /// The database of a projection, without any link between.
    pub(crate) fn projection_database(&self, name: Name) -> DatabaseUrl {
        self.urls.projection_database(name)
    }

    /// The database of a projection, as the superuser.
    pub(crate) fn projection_superuser(&self, name: Name) -> DatabaseUrl {
        let (server, prefix) = self.urls.server();
        server.with_database(&format!("{prefix}_{}", name.as_str()))
    }

    /// The server as its superuser, and the name of the event store on it.
    pub(crate) fn server(&self) -> (DatabaseUrl, String) {
        let (server, prefix) = self.urls.server();
        (server, format!("{prefix}_event_store"))
    }

    /// Does what `marquee migrate` does.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn migrate(&self) -> Result<(), BoxError> {
        Ok(self.urls.provision().await?)
    }

    /// Stops all services in good order, and keeps them away.
    pub(crate) async fn stop_services(&self) {
        futures::future::join_all(self.members.iter().map(|member| member.process.stay_away())).await;
    }

    /// Lets all services start again.
    pub(crate) fn start_services(&self) {
        for member in &self.members {
            member.process.hold(false);
        }
    }

    /// The event store as its superuser.
    pub(crate) fn superuser(&self) -> DatabaseUrl {
        let (server, prefix) = self.urls.server();
        server.with_database(&format!("{prefix}_event_store"))
    }

    /// The broker without any link between.
    pub(crate) fn amqp_url(&self) -> &AmqpUrl {
        &self.amqp_url
    }

    pub(crate) fn management(&self) -> &Management {
        &self.management
    }

    pub(crate) fn vhost(&self) -> &'static str {
        VHOST
    }

    pub(crate) async fn kill_server(&mut self, server: Server) {
        self.stack.kill_server(server).await;
    }

    pub(crate) async fn stop_server(&mut self, server: Server) {
        self.stack.stop_server(server).await;
    }

    pub(crate) async fn start_server_again(&mut self, server: Server) -> Result<(), BoxError> {
        Ok(self.stack.start_server_again(server).await?)
    }

    /// Kills the pooler and starts it again.
    ///
    /// # Errors
    /// There is none, or it does not come up again.
    pub(crate) async fn restart_pooler(&mut self) -> Result<(), BoxError> {
        let mut pooler = self.pooler.take().ok_or("there is no pooler")?;
        let restarting = tokio::task::spawn_blocking(move || {
            let restarted = pooler.restart();
            (pooler, restarted)
        });
        let (pooler, restarted) = restarting.await?;
        self.pooler = Some(pooler);
        Ok(restarted?)
    }

    /// Does without one of several servers for a while.
    ///
    /// # Errors
    /// The others do not go on, or it does not come back.
    pub(crate) async fn do_without(
        &mut self,
        (server, number): (Server, usize),
        how: Outage,
        length: Duration,
    ) -> Result<(), BoxError> {
        let away = self.stack.take_away(server, number, how).await;
        if away.is_ok() {
            sleep(length).await;
        }
        // Also if it was taken away by half.
        let back = self.stack.bring_back(server, number, how).await;
        Ok(away.and(back)?)
    }

    /// Takes back whatever is still broken, after a fault that could not be ended too. What cannot be is found by the audit.
    pub(crate) async fn mend(&self) {
        for member in &self.members {
            member.mend().await;
        }
        for (_, disk) in &self.disks {
            let _ = disk.free();
        }
        let _ = self.management.delete(&["policies", VHOST, FULL_POLICY]).await;
    }

    /// Waits until every service is ready again; tells of one that is not.
    pub(crate) async fn until_ready(&self, client: &reqwest::Client) -> Option<String> {
        let name = never_ready(&self.members, client).await?;
        Some(format!("{name} did not become ready after everything was mended"))
    }

    /// Stops the services, then the servers; names the services that did not end in good order, or that panicked at any time.
    pub(crate) async fn stop(self, logs: &Path) -> Vec<String> {
        let ending = self.members.into_iter().map(|member| member.stop(logs));
        let ended = futures::future::join_all(ending).await;
        drop(self.pooler);
        self.stack.stop().await;
        ended.into_iter().flatten().collect()
    }
}

/// Waits until all are ready; names one that is not in all that time.
async fn never_ready(members: &[Member], client: &reqwest::Client) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    for member in members {
        while !member.is_ready(client).await {
            if Instant::now() > deadline {
                return Some(member.name.clone());
            }
            sleep(READY_POLL).await;
        }
    }
    None
}

/// Starts a pooler before the server, which gives each client a session.
async fn start_pooler(home: &Path, server: &str) -> Result<Pooler, BoxError> {
    let (home, server) = (home.to_owned(), server.to_owned());
    let starting = move || Pooler::start(&home, "pgbouncer", &server, PoolMode::Session, &[], false);
    Ok(tokio::task::spawn_blocking(starting).await??)
}
