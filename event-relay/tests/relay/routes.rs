//! `GET /relay`: any relay process tells who leads and how far it is.

use dev_stack::CutProxy;
use event_relay::{RelayArgs, RelayTuning};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, eventually};

/// A relay that is served.
struct Serving {
    url: String,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Serving {
    async fn start(event_store_url: &str, amqp_url: &str) -> Self {
        let args = RelayArgs {
            event_store_url: event_store_url.parse().expect("a url"),
            amqp_url: amqp_url.parse().expect("a url"),
            management_url: None,
            tuning: RelayTuning::default(),
        };
        let service = event_relay::service(args).await.expect("a service");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let serving = service::serve(listener, vec![service], stop.clone());
        let serving = tokio::spawn(async move { serving.await.expect("it ends well") });
        Self { url, stop, serving }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn relay(&self) -> Value {
        let (status, relay) = self.get("/relay").await;
        assert_eq!(status, 200, "{relay}");
        relay
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("it ends");
    }
}

#[tokio::test]
async fn both_relays_tell_the_same_leader_and_position_and_each_its_own_part() {
    let scene = Scene::create().await;
    let database = scene.database.url_as("marquee_event_relay", "test");
    let first = Serving::start(&database, &scene.vhost.amqp_url()).await;
    eventually("a leader", || async { first.relay().await["this"] == "leader" }).await;
    let second = Serving::start(&database, &scene.vhost.amqp_url()).await;
    eventually("a standby", || async { second.relay().await["this"] == "standby" }).await;
    scene.record(1, 7).await;
    eventually("everything is published", || async {
        first.relay().await["watermark"] == 7
    })
    .await;

    let (leading, standing_by) = (first.relay().await, second.relay().await);
    for relay in [&leading, &standing_by] {
        assert_eq!(
            (
                &relay["position"],
                &relay["head"],
                &relay["lag_events"],
                &relay["watermark"]
            ),
            (&7.into(), &7.into(), &0.into(), &7.into()),
            "{relay}"
        );
        assert_eq!((&relay["halted"], &relay["last_error"]), (&Value::Null, &Value::Null));
        assert_eq!(relay["broker"], "connected");
        assert!(relay["leader"]["expires_at"].is_string(), "{relay}");
    }
    assert_eq!(leading["this"], "leader");
    assert_eq!(standing_by["this"], "standby");
    for field in ["holder", "epoch"] {
        assert_eq!(leading["leader"][field], standing_by["leader"][field], "{field}");
    }
    assert_eq!(leading["log_id"], standing_by["log_id"]);

    first.stop().await;
    let epoch = leading["leader"]["epoch"].as_i64().expect("a number");
    eventually("the standby leads", || async {
        second.relay().await["leader"]["epoch"] == epoch + 1
    })
    .await;
    second.stop().await;
}

#[tokio::test]
async fn without_a_broker_there_is_no_leader_and_without_the_event_store_no_answer() {
    let scene = Scene::create().await;
    let (database, database_url) = CutProxy::to_url(&scene.database.url_as("marquee_event_relay", "test"))
        .await
        .expect("a proxy");
    let (broker, amqp_url) = CutProxy::to_url(&scene.vhost.amqp_url()).await.expect("a proxy");
    broker.refuse(true);
    let serving = Serving::start(&database_url, &amqp_url).await;
    eventually("it has tried", || async {
        serving.relay().await["last_error"].is_string()
    })
    .await;
    let relay = serving.relay().await;
    assert_eq!(
        (&relay["leader"], &relay["broker"]),
        (&Value::Null, &"disconnected".into())
    );
    assert_eq!(relay["this"], "starting");

    database.refuse(true);
    database.cut();
    let (status, problem) = serving.get("/relay").await;
    assert_eq!(
        (status, &problem["code"]),
        (503, &"EVENT_STORE_UNAVAILABLE".into()),
        "{problem}"
    );
    serving.stop().await;
}

#[tokio::test]
async fn a_checkpoint_that_is_not_in_the_log_is_no_lag_of_zero() {
    let scene = Scene::create().await;
    let database = scene.database.url_as("marquee_event_relay", "test");
    let (broker, amqp_url) = CutProxy::to_url(&scene.vhost.amqp_url()).await.expect("a proxy");
    scene.record(1, 9).await;
    let serving = Serving::start(&database, &amqp_url).await;
    eventually("everything is published", || async {
        serving.relay().await["watermark"] == 9
    })
    .await;
    // This process leads no more, and finds nothing out by itself.
    broker.refuse(true);
    broker.cut();
    for statement in [
        "DELETE FROM events WHERE position > 5",
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_id, event_type, event_version, payload, metadata)
         SELECT p, 'user', 'other' || p, 1, gen_random_uuid(), 'user.created', '1', '{}', '{}' FROM generate_series(6, 12) p",
    ] {
        let mut tx = scene.admin().begin().await.expect("a transaction");
        for statement in ["SET LOCAL session_replication_role = replica", statement] {
            sqlx::query(statement).execute(&mut *tx).await.expect("changed");
        }
        tx.commit().await.expect("committed");
        let relay = serving.relay().await;
        assert_eq!((&relay["lag_events"], &relay["position"]), (&Value::Null, &9.into()), "{relay}");
        assert_eq!(relay["halted"]["code"], "LOG_DIVERGED", "{relay}");
    }
    serving.stop().await;
}

#[tokio::test]
async fn the_route_is_documented() {
    let scene = Scene::create().await;
    let database = scene.database.url_as("marquee_event_relay", "test");
    let serving = Serving::start(&database, &scene.vhost.amqp_url()).await;
    let (_, document) = serving.get("/openapi.json").await;
    let answers = &document["paths"]["/relay"]["get"]["responses"];
    assert!(answers["200"].is_object() && answers["503"].is_object(), "{answers}");
    let schema = &document["components"]["schemas"]["Relay"]["properties"];
    for (field, _) in serving.relay().await.as_object().expect("an object") {
        assert!(schema[field].is_object(), "{field}: {schema}");
    }
    serving.stop().await;
}
