//! What the users try on the broker.

use dev_stack::PrivateRabbit;
use e2e::until;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};
use tokio::process::Command;
use url::Url;

use crate::child::Process;
use crate::deployment::{Deployment, PASSWORD};
use crate::separate_services::Serving;

const LOG: &str = "MARQUEE_EVENT_STORE_URL";
const PROJECTIONS: [&str; 3] = ["users", "movies", "catalog"];

/// Something one may do to a broker.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    /// To an exchange, by a key; through the exchange without a name a queue is written to.
    Publish(&'static str, &'static str),
    DeclareExchange(&'static str),
    DeleteExchange(&'static str),
    DeclareQueue(&'static str),
    DeleteQueue(&'static str),
    Purge(&'static str),
    Consume(&'static str),
    /// A queue to an exchange.
    Bind(&'static str, &'static str),
}
use Attempt::{Bind, Consume, DeclareExchange, DeclareQueue, DeleteExchange, DeleteQueue, Publish, Purge};

const OF_THE_RELAY: [Attempt; 11] = [
    Consume("users.v1"),
    Purge("users.v1"),
    DeleteQueue("users.v1"),
    Publish("", "users.v1"),
    Bind("users.v1", "unrouted"),
    Bind("unrouted", "user"),
    DeclareQueue("mine"),
    DeclareExchange("mine"),
    Publish("amq.topic", "user.created"),
    DeleteExchange("amq.topic"),
    Consume("movies.v1"),
];

const OF_USERS: [Attempt; 17] = [
    Publish("user", "user.created"),
    Publish("watermark", ""),
    Publish("unrouted", ""),
    Publish("", "users.v1"),
    Publish("", "movies.v1"),
    DeclareExchange("user"),
    DeleteExchange("user"),
    DeleteExchange("watermark"),
    DeclareQueue("mine"),
    DeclareQueue("movies.v2"),
    DeleteQueue("movies.v1"),
    DeleteQueue("unrouted"),
    Purge("movies.v1"),
    Consume("movies.v1"),
    Consume("unrouted"),
    Bind("users.v1", "movie"),
    Bind("movies.v1", "user"),
];

/// What movies and catalog try beyond what is theirs, each by its own names.
const OF_MOVIES: [Attempt; 12] = [
    Publish("movie", "movie.announced"),
    Publish("watermark", ""),
    Publish("", "users.v1"),
    DeclareExchange("movie"),
    DeleteExchange("movie"),
    DeclareQueue("users.v2"),
    DeleteQueue("catalog.v1"),
    Purge("catalog.v1"),
    Consume("users.v1"),
    Consume("unrouted"),
    Bind("movies.v1", "cinema"),
    Bind("catalog.v1", "movie"),
];

const OF_CATALOG: [Attempt; 12] = [
    Publish("cinema", "cinema.opened"),
    Publish("watermark", ""),
    Publish("", "movies.v1"),
    DeclareExchange("cinema"),
    DeleteExchange("cinema"),
    DeclareQueue("movies.v2"),
    DeleteQueue("users.v1"),
    Purge("users.v1"),
    Consume("movies.v1"),
    Consume("unrouted"),
    Bind("catalog.v1", "user"),
    Bind("movies.v1", "movie"),
];

impl Attempt {
    async fn by(self, channel: &Channel) -> lapin::Result<()> {
        let table = FieldTable::default;
        match self {
            Publish(exchange, key) => {
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
                let sent = channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties);
                sent.await?.await.map(drop)
            }
            DeclareExchange(exchange) => {
                let options = ExchangeDeclareOptions {
                    durable: true,
                    ..Default::default()
                };
                let declared = channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, table());
                declared.await
            }
            DeleteExchange(exchange) => {
                let deleted = channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default());
                deleted.await
            }
            DeclareQueue(queue) => {
                let options = QueueDeclareOptions {
                    durable: true,
                    ..Default::default()
                };
                channel.queue_declare(queue.into(), options, table()).await.map(drop)
            }
            DeleteQueue(queue) => {
                let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
                deleted.await.map(drop)
            }
            Purge(queue) => {
                let purged = channel.queue_purge(queue.into(), QueuePurgeOptions::default());
                purged.await.map(drop)
            }
            Consume(queue) => {
                let consumed = channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), table());
                consumed.await.map(drop)
            }
            Bind(queue, exchange) => {
                let options = QueueBindOptions::default();
                channel
                    .queue_bind(queue.into(), exchange.into(), "#".into(), options, table())
                    .await
            }
        }
    }
}

/// A broker whose users `marquee migrate` has made.
struct Scene {
    broker: PrivateRabbit,
    deployment: Deployment,
}

impl Scene {
    async fn create() -> Self {
        let scene = Self {
            broker: PrivateRabbit::start().await,
            deployment: Deployment::create().await,
        };
        for _ in 0..2 {
            scene.migrate(&[]).await;
        }
        scene
    }

    async fn migrate(&self, without: &[&str]) {
        let mut command = self.deployment.marquee(&["migrate"]);
        command.env("MARQUEE_MANAGEMENT_URL", self.management_url());
        for variable in without {
            command.env_remove(variable);
        }
        let ended = Process::start(command).ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said = ended.said.join("\n");
        assert!(said.contains("the vhost marquee") && !said.contains(PASSWORD), "{said}");
    }

    fn management_url(&self) -> String {
        let administrator: Url = self.broker.amqp_url().parse().expect("a url");
        let mut url: Url = self.broker.management_url().parse().expect("a url");
        url.set_username(administrator.username()).expect("a host");
        url.set_password(administrator.password()).expect("a host");
        url.into()
    }

    fn amqp_url_as(&self, user: &str) -> String {
        let mut url: Url = self.broker.amqp_url().parse().expect("a url");
        url.set_username(user).expect("a host");
        url.set_password(Some(PASSWORD)).expect("a host");
        url.set_path("marquee");
        url.into()
    }

    /// A service with its own role and its own user.
    async fn serve(&self, arguments: &[&str], role: &str, database: Option<&str>) -> Serving {
        let mut command: Command = self.deployment.marquee(arguments);
        command
            .env_remove("MARQUEE_DATABASE_URL")
            .env(LOG, self.deployment.url_as("event_store", role))
            .env("MARQUEE_AMQP_URL", self.amqp_url_as(role));
        if let Some(name) = database {
            let variable = format!("MARQUEE_{}_DATABASE_URL", name.to_uppercase());
            command.env(variable, self.deployment.url_as(name, role));
        }
        Serving::running(command).await
    }

    /// The platform, each service as itself; the projections first, so that none finds a relay's exchanges.
    async fn serve_all(&self) -> (Serving, Vec<Serving>) {
        let mut serving = Vec::new();
        for name in PROJECTIONS {
            let role = format!("marquee_{name}");
            serving.push(self.serve(&["projections", "serve", name], &role, Some(name)).await);
        }
        serving.push(self.serve(&["event-relay"], "marquee_event_relay", None).await);
        for (name, projection) in PROJECTIONS.iter().zip(&serving) {
            let path = format!("/projections/{name}");
            let consumes = async || projection.client.get(&path).await.body["state"] == "consuming";
            until("it consumes", consumes).await;
        }
        let commands = self.serve(&["command-api"], "marquee_command_api", None).await;
        (commands, serving)
    }

    async fn refused(&self, user: &str, attempts: &[Attempt]) {
        let url = self.amqp_url_as(user);
        let connection = Connection::connect(&url, ConnectionProperties::default());
        let connection = connection.await.expect("it may connect");
        for attempt in attempts {
            let channel = connection.create_channel().await.expect("a channel");
            let refused = attempt.by(&channel).await.expect_err(&format!("{user}: {attempt:?}"));
            assert!(
                refused.to_string().contains("ACCESS_REFUSED"),
                "{user}: {attempt:?}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn with_users_of_their_own_the_services_do_their_work_and_nothing_else() {
    let scene = Scene::create().await;
    let (commands, serving) = scene.serve_all().await;
    let answer = commands
        .client
        .post("/users/1", json!({"full_name": "usama"}))
        .await
        .accepted();
    let users = &serving[0].client;
    let user = users.get_at("/users/1", answer.position()).await.accepted();
    assert_eq!(user.body["full_name"], "usama");
    let relay = serving[3].client.get("/relay").await;
    assert_eq!(relay.body["broker"], "connected", "{relay:?}");
    let status: Value = users.get("/projections/users").await.body;
    assert_eq!(status["last_error"], Value::Null, "{status}");

    scene.refused("marquee_event_relay", &OF_THE_RELAY).await;
    scene.refused("marquee_users", &OF_USERS).await;
    scene.refused("marquee_movies", &OF_MOVIES).await;
    scene.refused("marquee_catalog", &OF_CATALOG).await;
    let commands = scene.amqp_url_as("marquee_command_api");
    let connected = Connection::connect(&commands, ConnectionProperties::default()).await;
    assert!(connected.is_err(), "the command API has no business with the broker");
}

#[tokio::test]
async fn no_user_is_an_administrator_and_a_password_that_is_not_given_stays() {
    let scene = Scene::create().await;
    // What is left out of a later run is left as it is.
    scene
        .migrate(&["MARQUEE_USERS_PASSWORD", "MARQUEE_CATALOG_PASSWORD"])
        .await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let whoami = format!("{}/api/whoami", scene.broker.management_url());
    for user in [
        "marquee_event_relay",
        "marquee_users",
        "marquee_movies",
        "marquee_catalog",
    ] {
        let connected = Connection::connect(&scene.amqp_url_as(user), ConnectionProperties::default()).await;
        connected.unwrap_or_else(|error| panic!("{user}: {error}"));
        let asked = client.get(&whoami).basic_auth(user, Some(PASSWORD)).send();
        assert_eq!(asked.await.expect("an answer").status(), 401, "{user}");
    }
    let relay = scene.amqp_url_as("marquee_event_relay");
    let elsewhere = relay.strip_suffix("marquee").expect("the vhost").to_owned() + "%2f";
    let connected = Connection::connect(&elsewhere, ConnectionProperties::default()).await;
    assert!(connected.is_err(), "a user enters the vhost of others");
}
