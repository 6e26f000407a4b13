//! A log, a broker, and relays between them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dev_stack::{TestDatabase, TestVhost, for_tests};
use domain::Position;
use event_relay::{Relay, RelayConfig, RelayStatus};
use event_store::{Hint, RelayCheckpoint, RelayState};
use service::database::{DatabaseUrl, PoolOptions, ensure_role, pool};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::listener::Listener;

/// Longer than anything takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Event types of the events in the log, in turn.
pub(crate) const EVENT_TYPES: [&str; 4] = [
    "user.created",
    "user.profile.updated",
    "movie.announced",
    "cinema.opened",
];

pub(crate) struct Scene {
    pub(crate) database: TestDatabase,
    pub(crate) vhost: TestVhost,
    admin: PgPool,
}

impl Scene {
    pub(crate) async fn create() -> Self {
        let (database, vhost) = tokio::join!(TestDatabase::create_built("event_store", migrate), TestVhost::create());
        let admin = pool(&database.url().parse().expect("a url"), PoolOptions::default());
        event_bus::declare_topology(&vhost.amqp_url().parse().expect("a url"), "test")
            .await
            .expect("a topology");
        Self { database, vhost, admin }
    }

    /// The superuser, for what no service may do.
    pub(crate) fn admin(&self) -> &PgPool {
        &self.admin
    }

    /// Records events at these positions, of all types in turn, each in a stream of its own.
    pub(crate) async fn record(&self, from: i64, to: i64) {
        sqlx::query(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version,
                                 payload, metadata)
             SELECT p, split_part(t, '.', 1), 's' || p, 1, gen_random_uuid(), t, '1', jsonb_build_object('type', t), '{}'
             FROM generate_series($1, $2) p, LATERAL (SELECT ($3::text[])[1 + p % 4] AS t) types",
        )
        .bind(from)
        .bind(to)
        .bind(EVENT_TYPES.map(str::to_owned).to_vec())
        .execute(&self.admin)
        .await
        .expect("recorded");
    }

    /// Somebody else's queue that asks for everything.
    pub(crate) async fn listener(&self) -> Listener {
        Listener::open(&self.vhost.amqp_url(), "everything").await
    }

    pub(crate) fn relay_pool(&self) -> PgPool {
        let url = self.database.url_as("marquee_event_relay", "test");
        relay_pool(&url)
    }

    pub(crate) fn state(&self) -> RelayState {
        RelayState::new(self.relay_pool())
    }

    pub(crate) async fn checkpoint(&self) -> RelayCheckpoint {
        self.state().checkpoint().await.expect("a checkpoint")
    }

    /// Starts a relay with the usual bounds.
    pub(crate) fn relay(&self) -> Running {
        self.relay_with(quick())
    }

    /// Starts a relay that may ask the broker's management.
    pub(crate) fn relay_with_management(&self) -> Running {
        let (hint, broker) = (Arc::<Hint>::default(), self.vhost.amqp_url());
        let relay = Relay::new(quick(), self.relay_pool(), broker.parse().expect("a url"), hint.clone());
        let management = self.vhost.management_url().parse().expect("a url");
        Running::begin(relay.with_management(Some(management)), hint)
    }

    pub(crate) fn relay_with(&self, config: RelayConfig) -> Running {
        self.relay_by_way_of(config, &self.vhost.amqp_url())
    }

    /// Starts a relay that reaches the broker at another address.
    pub(crate) fn relay_by_way_of(&self, config: RelayConfig, amqp_url: &str) -> Running {
        Running::start(config, self.relay_pool(), amqp_url)
    }
}

pub(crate) fn relay_pool(url: &str) -> PgPool {
    let options = PoolOptions {
        application_name: "test relay",
        connections_max: 4,
        ..PoolOptions::default()
    };
    pool(&url.parse::<DatabaseUrl>().expect("a url"), options)
}

/// The usual bounds with short pauses.
pub(crate) fn quick() -> RelayConfig {
    RelayConfig {
        back_off: (Duration::from_millis(20), Duration::from_millis(100)),
        halt_pause: Duration::from_millis(100),
        standby_poll: Duration::from_millis(50),
        ..RelayConfig::default()
    }
}

async fn migrate(url: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = PgConnection::connect(for_tests().await.database_url()).await?;
    for role in event_store::ROLES {
        ensure_role(&mut server, role, Some("test")).await?;
    }
    let mut database = PgConnection::connect(&url).await?;
    event_store::migrate(&mut database).await?;
    Ok(database.close().await?)
}

/// A relay at work.
pub(crate) struct Running {
    pub(crate) hint: Arc<Hint>,
    status: watch::Receiver<RelayStatus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(config: RelayConfig, pool: PgPool, amqp_url: &str) -> Self {
        let hint = Arc::<Hint>::default();
        let relay = Relay::new(config, pool, amqp_url.parse().expect("a url"), hint.clone());
        Self::begin(relay, hint)
    }

    fn begin(relay: Relay, hint: Arc<Hint>) -> Self {
        let stop = CancellationToken::new();
        let status = relay.status();
        let task = tokio::spawn(relay.run(stop.clone()));
        Self {
            hint,
            status,
            stop,
            task,
        }
    }

    pub(crate) fn status(&self) -> RelayStatus {
        self.status.borrow().clone()
    }

    /// Waits until the relay's state is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl FnMut(&RelayStatus) -> bool) -> RelayStatus {
        if let Ok(status) = timeout(PATIENCE, self.status.wait_for(wanted)).await {
            return status.expect("the relay lives").clone();
        }
        panic!("never came to it: {}", self.status())
    }

    pub(crate) async fn until_confirmed(&mut self, position: i64) {
        self.until(|status| status.confirmed == Position(position)).await;
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task)
            .await
            .expect("stops in time")
            .expect("ends well");
    }

    /// Ends it where it stands, as a crash does.
    pub(crate) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Asks again and again until the answer is yes.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let asked = timeout(PATIENCE, async {
        while !ask().await {
            sleep(POLL_INTERVAL).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("never: {what}"));
}
