//! The relay as a service: its check, its task, and a process of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Hint, LogReader, RelayState};
use service::database::{PoolOptions, pool, refuse_shared_sessions};
use service::{BoxError, Check, HoldsSecrets, Review, Service, Task};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Relay, RelayArgs, RelayConfig, routes};

/// The relay's connections, besides the one that listens for hints: reading, writing its row, and one for who asks how it is.
const CONNECTIONS_MAX: u32 = 3;
/// Reads of a few hundred rows and updates of one row.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of a process that is only a relay.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// Where the relay's state, health and metrics are served
    #[arg(
        long,
        env = "MARQUEE_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:3000"
    )]
    pub listen: SocketAddr,
    /// The relay's own.
    #[command(flatten)]
    pub relay: RelayArgs,
}

impl HoldsSecrets for ServeArgs {
    fn show_secrets(&self, review: &mut Review) {
        self.relay.show_secrets(review);
    }
}

/// Makes the relay's service for a process that appends nothing itself.
///
/// # Errors
/// [`UnusableDatabase`](service::database::UnusableDatabase). What is away is waited for.
pub async fn service(args: RelayArgs) -> Result<Service, BoxError> {
    service_waking(args, Arc::default()).await
}

/// Makes the relay's service; `wake` is told by whoever appends in the same process.
///
/// # Errors
/// [`UnusableDatabase`](service::database::UnusableDatabase). What is away is waited for.
pub async fn service_waking(args: RelayArgs, wake: Arc<Hint>) -> Result<Service, BoxError> {
    refuse_shared_sessions("MARQUEE_EVENT_STORE_URL", &args.event_store_url).await?;
    let options = PoolOptions {
        application_name: "marquee event-relay",
        connections_max: CONNECTIONS_MAX,
        acquire_timeout: ACQUIRE_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
    };
    let pool = pool(&args.event_store_url, options);
    let window = usize::try_from(args.tuning.relay_window).unwrap_or(usize::MAX);
    let config = RelayConfig {
        window,
        ..RelayConfig::default()
    };
    let relay = Relay::new(config, pool.clone(), args.amqp_url, wake).with_management(args.management_url);
    let status = relay.status();
    let router = routes::router(RelayState::new(pool.clone()), status.clone());
    let log = LogReader::new(pool);
    Ok(Service {
        name: "event-relay",
        answers_for: vec!["event-relay"],
        router,
        checks: vec![
            Check::required("event_store", move || {
                let log = log.clone();
                async move {
                    log.head()
                        .await
                        .map(|head| format!("head {}", head.position.0))
                        .map_err(|e| e.to_string())
                }
            }),
            // Commands and queries go on without the broker; whether events are published is told, not required.
            Check::informative("publishing", move || {
                let health = status.borrow().health();
                async move { health }
            }),
        ],
        tasks: vec![Task::new("relay", move |stop| async move {
            relay.run(stop).await;
            Ok(())
        })],
    })
}

/// Why a process that is only a relay ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address} (MARQUEE_LISTEN)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The service failed.
    #[error("the relay's service failed")]
    Serve(#[source] BoxError),
}

/// Runs a relay with its health and metrics until told to stop.
///
/// # Errors
/// As [`RunError`] says.
pub async fn run(args: ServeArgs, shutdown: CancellationToken) -> Result<(), RunError> {
    let address = args.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })?;
    let service = service(args.relay).await.map_err(RunError::Serve)?;
    service::serve(listener, vec![service], shutdown)
        .await
        .map_err(|error| RunError::Serve(error.into()))
}
