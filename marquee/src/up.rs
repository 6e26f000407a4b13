//! `marquee up`: finds or starts the servers, makes the databases ready, runs all services in this process, and stops
//! what it started.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::BoolishValueParser;
use command_api::{CommandApiArgs, CommandApiTuning};
use dev_stack::{DevStack, Options};
use domain::Position;
use event_bus::{AmqpUrl, ManagementUrl};
use event_relay::{RelayArgs, RelayTuning};
use event_store::{Hint, LogReader};
use projections::{ConsumerArgs, Name, Served};
use service::database::{DatabaseUrl, PoolOptions, pool, refuse_shared_sessions};
use service::{BoxError, HoldsSecrets, Review, Service};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::Management;
use crate::deployment::{Announced, Deployment, ProjectionUrls};
use crate::passwords::{RolePasswordArgs, RolePasswords};
use crate::progress::Progress;
use crate::provision::{DatabasePrefix, Urls, provision};
use crate::{banner, broker, demo};

/// The vhost that a private broker begins with.
const PRIVATE_VHOST: &str = "/";
/// Of a machine that does other things, too.
const READY_TIMEOUT: Duration = Duration::from_secs(180);
const READY_POLL: Duration = Duration::from_millis(50);

/// Settings of `marquee up`. None is needed to start.
#[derive(Args, Clone, Debug)]
pub(crate) struct UpArgs {
    /// Where HTTP is served
    #[arg(
        long,
        env = "MARQUEE_LISTEN",
        default_value = "127.0.0.1:3000",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Where private servers keep their data [default: target/marquee of the checkout]
    #[arg(long, env = "MARQUEE_HOME", value_name = "DIRECTORY")]
    home: Option<PathBuf>,
    /// A PostgreSQL server to use instead of a private one, as a superuser: postgres://USER:PASSWORD@HOST:PORT/postgres
    #[arg(long, env = "MARQUEE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// A RabbitMQ server to use instead of a private one: amqp://USER:PASSWORD@HOST:PORT/VHOST; several nodes: HOST:PORT,HOST:PORT
    #[arg(long, env = "MARQUEE_AMQP_URL", value_name = "URL", hide_env_values = true)]
    amqp_url: Option<AmqpUrl>,
    /// Never install packages, even where that would be the only way to the servers
    #[arg(long, env = "MARQUEE_NO_INSTALL", value_parser = BoolishValueParser::new())]
    no_install: bool,
    /// Leave the log empty instead of loading the demo set the first time
    #[arg(long, env = "MARQUEE_NO_DEMO", value_parser = BoolishValueParser::new())]
    no_demo: bool,
    #[command(flatten)]
    prefix: DatabasePrefix,
    #[command(
        flatten,
        next_help_heading = "Passwords of the database roles, generated and kept in the home when not given"
    )]
    passwords: RolePasswordArgs,
    #[command(flatten, next_help_heading = "Command API")]
    command_api: CommandApiTuning,
    #[command(flatten, next_help_heading = "Relay")]
    relay: RelayTuning,
    #[command(flatten, next_help_heading = "Projections")]
    consumer: ConsumerArgs,
}

impl HoldsSecrets for UpArgs {
    fn show_secrets(&self, review: &mut Review) {
        if let Some(url) = &self.database_url {
            review.database("--database-url", url);
        }
        if let Some(url) = &self.amqp_url {
            review.broker("--amqp-url", url, url.credentials(), url.is_exposed());
        }
        self.passwords.show_secrets(review);
        self.command_api.show_secrets(review);
    }
}

/// Runs until `shutdown` is cancelled. Whatever happens, the servers it started are stopped.
///
/// # Errors
/// Whatever keeps a part from starting or from running on, in words for the person at the terminal.
pub(crate) async fn run(args: UpArgs, shutdown: CancellationToken) -> Result<(), BoxError> {
    let started = Instant::now();
    // First of all: nothing is started for an address that is taken.
    let listen = args.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another address with --listen or MARQUEE_LISTEN")
    })?;
    let home = args.home.clone().unwrap_or_else(dev_stack::default_home);
    fs::create_dir_all(&home).map_err(|error| {
        let home = home.display();
        format!("{home} cannot be the home: {error}; choose another directory with --home or MARQUEE_HOME")
    })?;
    let progress = Progress::start();
    let say = |step: &str| progress.step(step);
    say("Looking for PostgreSQL and RabbitMQ");
    let options = Options {
        home: Some(home.clone()),
        database_url: args.database_url.as_ref().map(|url| url.expose().to_owned()),
        amqp_url: args.amqp_url.as_ref().map(|url| url.expose().to_owned()),
        replicated: false,
        allow_install: !args.no_install,
        progress: &say,
    };
    // Told to stop while they start, the servers are stopped as soon as they are up: the runtime waits for that.
    let Some(stack) = shutdown
        .run_until_cancelled(DevStack::start(options))
        .await
        .transpose()?
    else {
        return Ok(());
    };
    let served = serve(&args, &home, &stack, listener, &shutdown, progress, started).await;
    stack.stop().await;
    served
}

async fn serve(
    args: &UpArgs,
    home: &Path,
    stack: &DevStack,
    listener: TcpListener,
    shutdown: &CancellationToken,
    progress: Progress,
    started: Instant,
) -> Result<(), BoxError> {
    progress.step("Preparing the databases");
    let server: DatabaseUrl = stack.database_url().parse()?;
    refuse_shared_sessions("MARQUEE_DATABASE_URL", &server).await?;
    let passwords = RolePasswords::kept_in(home)?.overridden_by(&args.passwords);
    provision(&server, &args.prefix, &passwords).await?;
    let urls = Urls::new(server, args.prefix.clone(), passwords);
    progress.step("Starting the services");
    let amqp_url: AmqpUrl = stack.amqp_url().parse()?;
    let management = stack.management_url();
    let management = management.map(|url| ManagementUrl::with_user_of(url, stack.amqp_url()));
    let management = management.transpose()?;
    if let Some(management) = &management {
        broker::keep_unrouted(&Management::new(management), PRIVATE_VHOST).await?;
    }
    let empty = LogReader::new(pool(&urls.command_api_event_store(), PoolOptions::default()))
        .head()
        .await?
        .position
        == Position(0);
    let services = services(args, &urls, (&amqp_url, management)).await?;
    let url = base_url(listener.local_addr()?);
    let greet = shutdown.run_until_cancelled(async {
        wait_until_ready(&url).await?;
        let announced = announce(home, &url, &urls, &amqp_url)?;
        let seeded = if args.no_demo {
            None
        } else {
            demo::load_once(home, &url, empty, &progress).await?
        };
        drop(progress);
        print(&banner::greeting(&url, stack.describe(), seeded, started.elapsed()));
        Ok::<_, BoxError>(announced)
    });
    let serving = service::serve(listener, services, shutdown.clone());
    tokio::pin!(serving);
    let greeted = tokio::select! {
        served = &mut serving => return Ok(served?),
        // Told to stop before it was ready, it has nothing to say.
        greeted = greet => greeted.transpose(),
    };
    if greeted.is_err() {
        shutdown.cancel();
    }
    let served = serving.await;
    // Until here it was to be found in the home.
    greeted.map(drop).and(served.map_err(Into::into))
}

/// Tells the other commands in the home how to reach what runs here.
fn announce(home: &Path, url: &str, urls: &Urls, amqp_url: &AmqpUrl) -> Result<Announced, BoxError> {
    let projections = Name::ALL.map(|name| {
        let urls = ProjectionUrls {
            database_url: urls.projection_database(name),
            event_store_url: urls.projection_event_store(name),
        };
        (name, urls)
    });
    let deployment = Deployment::new(
        url,
        urls.server(),
        urls.event_relay_event_store(),
        projections,
        amqp_url.clone(),
    );
    Ok(deployment.announce(home)?)
}

/// Puts all services together, each with the database roles it would have as a process of its own.
async fn services(
    args: &UpArgs,
    urls: &Urls,
    (amqp_url, management_url): (&AmqpUrl, Option<ManagementUrl>),
) -> Result<Vec<Service>, BoxError> {
    let appended = Arc::<Hint>::default();
    let command_api = CommandApiArgs {
        event_store_url: urls.command_api_event_store(),
        listen: args.listen,
        tuning: args.command_api.clone(),
    };
    let relay = RelayArgs {
        event_store_url: urls.event_relay_event_store(),
        amqp_url: amqp_url.clone(),
        management_url,
        tuning: args.relay.clone(),
    };
    let projections = Name::ALL.map(|name| Served {
        projection: name.projection(),
        database_url: urls.projection_database(name),
        event_store_url: urls.projection_event_store(name),
    });
    Ok(vec![
        command_api::service_waking(command_api, appended.clone()).await?,
        event_relay::service_waking(relay, appended).await?,
        Served::service(projections.into(), amqp_url, &args.consumer),
    ])
}

/// The url a person on this machine reaches the listener by.
fn base_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}")
}

/// A client for what runs on this machine: a proxy that the environment names for the rest of the world is not asked.
pub(crate) fn local_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

async fn wait_until_ready(url: &str) -> Result<(), BoxError> {
    let client = local_client()?;
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let answer = client.get(format!("{url}/readyz")).timeout(READY_TIMEOUT).send().await;
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let checks = match answer {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            return Err(format!(
                "the services did not become ready within {} s: {checks}",
                READY_TIMEOUT.as_secs()
            )
            .into());
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn print(text: &str) {
    println!("{text}");
}
