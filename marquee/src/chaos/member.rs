//! A service that is broken and mended, behind links of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dev_stack::ReservedPort;
use projections::Name;
use service::BoxError;
use service::database::DatabaseUrl;

use super::clock::Clock;
use super::link::Link;
use super::process::{Process, Start};
use super::witness::QUEUE_PATIENCE;
use super::world::Plan;
use crate::provision::Urls;

/// The variable of every service.
const EVENT_STORE: &str = "MARQUEE_EVENT_STORE_URL";
/// In which a process says for which services it answers.
const SERVICE_HEADER: &str = "marquee-service";
/// After which it is asked again: whoever was asked may have gone meanwhile.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    CommandApi,
    EventRelay,
    Projection(Name),
}

impl Role {
    /// The name by which the service answers.
    fn service(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::EventRelay => "event-relay",
            Self::Projection(name) => name.as_str(),
        }
    }
}

/// A running service with its links.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Where it answers.
    pub(crate) url: String,
    /// Where it listens, over all its restarts.
    _port: ReservedPort,
    pub(crate) to_postgres: Link,
    pub(crate) to_rabbit: Link,
    /// The clock it goes by, where that can be set.
    pub(crate) clock: Option<Clock>,
    pub(crate) process: Process,
}

impl Member {
    /// Starts one of the copies of a service, with the library that gives it a clock of its own, if it is to have one.
    ///
    /// # Errors
    /// A link that cannot be laid, a file that cannot be written.
    pub(super) async fn start(
        (role, copy): (Role, usize),
        urls: &Urls,
        (postgres, rabbit): (&str, &str),
        plan: &Plan<'_>,
        fake_time: Option<&Path>,
    ) -> Result<Self, BoxError> {
        let (to_rabbit, amqp_url) = Link::to(rabbit).await?;
        let (to_postgres, _) = Link::to(postgres).await?;
        let by_link = |url: DatabaseUrl| to_postgres.by_it(url.expose());
        let (name, arguments, databases) = match role {
            Role::CommandApi => {
                let event_store = by_link(urls.command_api_event_store());
                (
                    "command-api".to_owned(),
                    vec!["command-api"],
                    vec![(EVENT_STORE, event_store)],
                )
            }
            Role::EventRelay => {
                let event_store = by_link(urls.event_relay_event_store());
                (
                    "event-relay".to_owned(),
                    vec!["event-relay"],
                    vec![(EVENT_STORE, event_store)],
                )
            }
            Role::Projection(of) => (
                format!("projections-{}", of.as_str()),
                vec!["projections", "serve", of.as_str()],
                vec![
                    (EVENT_STORE, by_link(urls.projection_event_store(of))),
                    (of.database_variable(), by_link(urls.projection_database(of))),
                ],
            ),
        };
        let name = format!("{name}-{copy}");
        let port = ReservedPort::pick().ok_or("there is no free port")?;
        let address = format!("127.0.0.1:{}", port.number());
        let databases = databases.into_iter().map(|(name, url)| (name.to_owned(), url));
        let mut environment: Vec<(String, String)> = databases.chain(plan.environment.iter().cloned()).collect();
        environment.push(("MARQUEE_LISTEN".to_owned(), address.clone()));
        environment.push(("MARQUEE_LOG_FORMAT".to_owned(), "json".to_owned()));
        if role != Role::CommandApi {
            environment.push(("MARQUEE_AMQP_URL".to_owned(), amqp_url));
        }
        if let Role::Projection(_) = role {
            let patience = QUEUE_PATIENCE.as_millis().to_string();
            environment.push(("MARQUEE_PROJECTION_QUEUE_PATIENCE_MS".to_owned(), patience));
        }
        fs::create_dir_all(plan.logs)?;
        let clock = fake_time.map(|library| Clock::new(library, plan.logs.join(format!("{name}.clock"))));
        let clock = clock.transpose()?;
        environment.extend(clock.iter().flat_map(Clock::environment));
        let process = Process::keep(Start {
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            environment,
            log: log_of(plan.logs, &name),
        });
        Ok(Self {
            name,
            role,
            url: format!("http://{address}"),
            _port: port,
            to_postgres,
            to_rabbit,
            clock,
            process,
        })
    }

    /// Tells whether it is ready: its process runs, and it is such a service that says so.
    pub(super) async fn is_ready(&self, client: &reqwest::Client) -> bool {
        let asked = client
            .get(format!("{}/readyz", self.url))
            .timeout(READY_TIMEOUT)
            .send()
            .await;
        let is_own = |answer: &reqwest::Response| {
            let service = answer.headers().get(SERVICE_HEADER);
            service.is_some_and(|service| service.as_bytes() == self.role.service().as_bytes())
        };
        asked.is_ok_and(|answer| answer.status().is_success() && is_own(&answer)) && self.process.is_running()
    }

    /// Takes back whatever is still broken about it.
    pub(super) async fn mend(&self) {
        for link in [&self.to_postgres, &self.to_rabbit] {
            link.freeze(false);
        }
        self.process.hold(false);
        self.process.signal("CONT").await;
        if let Some(clock) = &self.clock {
            let _ = clock.set(0);
        }
    }

    /// Stops it; says so if it did not end in good order, or panicked at any time.
    pub(super) async fn stop(self, logs: &Path) -> Option<String> {
        let Self {
            name,
            process,
            to_postgres,
            to_rabbit,
            ..
        } = self;
        let ended = process.stop().await;
        // Until here it reached its servers.
        drop((to_postgres, to_rabbit));
        let said = fs::read(log_of(logs, &name)).unwrap_or_default();
        let panicked = String::from_utf8_lossy(&said).contains("panicked at");
        match ended {
            _ if panicked => Some(format!("{name} panicked")),
            Ok(true) => None,
            Ok(false) => Some(format!("{name} did not end in good order")),
            Err(error) => Some(format!("{name} could not be started: {error}")),
        }
    }
}

/// Where a service writes its log.
fn log_of(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{name}.log"))
}
