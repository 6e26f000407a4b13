//! All services in one process, as `marquee up` composes them.

use std::sync::Arc;

use command_api::CommandApiArgs;
use event_bus::AmqpUrl;
use event_relay::{RelayArgs, RelayTuning};
use event_store::Hint;
use projections::{ConsumerArgs, Name, Served};
use service::{ServeError, Service};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Client, Databases, until};

/// The running services. Dropped without [`Platform::stop`] they end abruptly.
pub struct Platform {
    /// Talks to them.
    pub client: Client,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Platform {
    /// Starts them on a free port, and waits until they are ready.
    pub async fn start(databases: &Databases, amqp_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let client = Client::new(&format!("http://{}", listener.local_addr().expect("an address")));
        let shutdown = CancellationToken::new();
        let services = services(databases, amqp_url.parse().expect("the url of a broker")).await;
        let serving = tokio::spawn(service::serve(listener, services, shutdown.clone()));
        let platform = Self {
            client,
            shutdown,
            serving,
        };
        until("ready", async || platform.client.get("/readyz").await.status == 200).await;
        platform
    }

    /// Stops them in good order.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.serving)
            .await
            .expect("no panic")
            .expect("stopped in good order");
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn services(databases: &Databases, amqp_url: AmqpUrl) -> Vec<Service> {
    let appended = Arc::<Hint>::default();
    let command_api = CommandApiArgs::new(databases.event_store_url("marquee_command_api"));
    let relay = RelayArgs {
        event_store_url: databases.event_store_url("marquee_event_relay"),
        amqp_url: amqp_url.clone(),
        management_url: None,
        tuning: RelayTuning::default(),
    };
    let projections = Name::ALL.map(|name| Served {
        projection: name.projection(),
        database_url: databases.projection_url(name),
        event_store_url: databases.event_store_url(name.role()),
    });
    vec![
        command_api::service_waking(command_api, appended.clone())
            .await
            .expect("the command API"),
        event_relay::service_waking(relay, appended).await.expect("the relay"),
        Served::service(projections.into(), &amqp_url, &ConsumerArgs::default()),
    ]
}
