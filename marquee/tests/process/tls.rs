//! TLS to PostgreSQL and RabbitMQ: whom the services believe, and whom they do not.

use std::fs;

use dev_stack::{PrivatePostgres, PrivateRabbit, TestHome};
use e2e::{Authority, until};
use event_bus::{AmqpUrl, Publisher};
use serde_json::{Value, json};
use service::database::{DatabaseUrl, connect_options};
use service::with_causes;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;
use url::Url;

use crate::child::{Process, marquee};
use crate::separate_services::Serving;

const HOST: &str = "localhost";
/// Of the roles of this test's own server.
const PASSWORD: &str = "hunter2";
const PROJECTIONS: [&str; 3] = ["users", "movies", "catalog"];

/// Two servers with certificates for `localhost`, and two authorities, of which the second has signed neither.
struct Scene {
    postgres: PrivatePostgres,
    broker: PrivateRabbit,
    home: TestHome,
    authority: Authority,
}

impl Scene {
    async fn create() -> Self {
        let authority = Authority::make("one");
        let (postgres, broker) = tokio::join!(
            PrivatePostgres::start_with_tls(authority.issue(HOST)),
            PrivateRabbit::start_with_tls(authority.issue(HOST)),
        );
        let home = TestHome::create().await;
        fs::write(home.path().join("ca.pem"), authority.certificate()).expect("written");
        fs::write(home.path().join("other-ca.pem"), Authority::make("other").certificate()).expect("written");
        Self {
            postgres,
            broker,
            home,
            authority,
        }
    }

    fn file(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// The url of a database, that of its superuser if there is no role, in the mode that believes nobody unproved.
    fn database_url(&self, host: &str, database: &str, role: Option<&str>, authority: &str) -> String {
        let mut url: Url = self.postgres.url().parse().expect("a url");
        url.set_host(Some(host)).expect("a host");
        url.set_path(database);
        if let Some(role) = role {
            url.set_username(role).expect("a host");
            url.set_password(Some(PASSWORD)).expect("a host");
        }
        url.query_pairs_mut()
            .append_pair("sslmode", "verify-full")
            .append_pair("sslrootcert", &self.file(authority));
        url.into()
    }

    fn amqp_url(&self, host: &str, authority: &str) -> String {
        let url: Url = self.broker.amqp_url().parse().expect("a url");
        let (user, password) = (url.username(), url.password().expect("a password"));
        let port = self.broker.tls_port().expect("it speaks TLS");
        let file = self.file(authority);
        format!("amqps://{user}:{password}@{host}:{port}/%2f?cacertfile={file}")
    }

    /// Believes the system's authorities, which are those of a file here.
    async fn migrate(&self) {
        let mut command = marquee(&["migrate"]);
        let url = self.database_url(HOST, "postgres", None, "ca.pem");
        let (without_file, _) = url.split_once("&sslrootcert=").expect("the last parameter");
        command.env("MARQUEE_DATABASE_URL", without_file);
        for role in ["COMMAND_API", "EVENT_RELAY", "USERS", "MOVIES", "CATALOG"] {
            command.env(format!("MARQUEE_{role}_PASSWORD"), PASSWORD);
        }
        let ended = Process::start(with_system(command, &self.file("ca.pem"))).ended().await;
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }

    /// A service with its urls, the authority being one of the two files.
    fn service(&self, arguments: &[&str], role: &str, authority: &str) -> Command {
        let mut command = marquee(arguments);
        let url = |database: &str| self.database_url(HOST, database, Some(role), authority);
        command
            .env("MARQUEE_LISTEN", "127.0.0.1:0")
            .env("MARQUEE_EVENT_STORE_URL", url("marquee_event_store"))
            .env("MARQUEE_AMQP_URL", self.amqp_url(HOST, authority));
        if let Some(name) = role.strip_prefix("marquee_").filter(|name| PROJECTIONS.contains(name)) {
            command.env(format!("MARQUEE_{}_DATABASE_URL", name.to_uppercase()), url(role));
        }
        command
    }

    /// Why a connection to the database is not made.
    async fn refused_by_database(&self, host: &str, authority: &str) -> String {
        let url: DatabaseUrl = self
            .database_url(host, "postgres", None, authority)
            .parse()
            .expect("a url");
        let error = connect_options(&url, "test").connect().await.expect_err("a connection");
        with_causes(&error)
    }

    /// Why a connection to the broker is not made.
    async fn refused_by_broker(&self, host: &str, authority: &str) -> String {
        let url: AmqpUrl = self.amqp_url(host, authority).parse().expect("a url");
        match Publisher::open(&url, "test").await {
            Ok(_) => panic!("a connection"),
            Err(error) => with_causes(&error),
        }
    }
}

/// In a system whose certificate authorities are those of the file.
fn with_system(mut command: Command, authorities: &str) -> Command {
    command.env("SSL_CERT_FILE", authorities);
    command
}

fn assert_told(told: &str, words: &str) {
    assert!(told.contains(words), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");
}

#[tokio::test]
async fn by_tls_a_command_reaches_the_query_and_nothing_goes_in_plain_text() {
    let scene = Scene::create().await;
    scene.migrate().await;
    let commands = Serving::running(scene.service(&["command-api"], "marquee_command_api", "ca.pem")).await;
    let mut relay = scene.service(&["event-relay"], "marquee_event_relay", "ca.pem");
    let url = scene.amqp_url(HOST, "ca.pem");
    let (without_file, _) = url.split_once('?').expect("a parameter");
    relay.env("MARQUEE_AMQP_URL", without_file);
    let _relay = Serving::running(with_system(relay, &scene.file("ca.pem"))).await;
    let mut projections = Vec::new();
    for name in PROJECTIONS {
        let service = scene.service(&["projections", "serve", name], &format!("marquee_{name}"), "ca.pem");
        projections.push(Serving::running(service).await);
    }
    for (name, projection) in PROJECTIONS.iter().zip(&projections) {
        let path = format!("/projections/{name}");
        let consumes = async || projection.client.get(&path).await.body["state"] == "consuming";
        until("it consumes", consumes).await;
    }
    let answer = commands
        .client
        .post("/users/1", json!({"full_name": "usama"}))
        .await
        .accepted();
    let user = projections[0]
        .client
        .get_at("/users/1", answer.position())
        .await
        .accepted();
    assert_eq!(user.body["full_name"], "usama");

    let mut superuser = PgConnection::connect(scene.postgres.url()).await.expect("the server");
    let (sessions, in_plain_text): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE usename LIKE 'marquee\\_%' AND usename <> 'marquee_admin'",
    )
    .fetch_one(&mut superuser)
    .await
    .expect("an answer");
    assert!(
        sessions > 5 && in_plain_text == 0,
        "{in_plain_text} of {sessions} sessions"
    );

    let administrator: Url = scene.broker.amqp_url().parse().expect("a url");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let path = format!("{}/api/connections", scene.broker.management_url());
    let mut connections = Vec::new();
    until("the broker counts its connections", async || {
        let asked = client
            .get(&path)
            .basic_auth(administrator.username(), administrator.password());
        let answer = asked.send().await.expect("an answer").json::<Vec<Value>>().await;
        connections = answer.expect("JSON");
        // A publisher, and a consumer for each projection.
        connections.len() > PROJECTIONS.len() && connections.iter().all(|one| one["ssl"].is_boolean())
    })
    .await;
    assert!(connections.iter().all(|one| one["ssl"] == true), "{connections:#?}");
}

#[tokio::test]
async fn who_cannot_prove_to_be_the_server_is_refused_and_it_is_told_why() {
    let mut scene = Scene::create().await;
    let (unknown, other_name) = ("UnknownIssuer", "not valid for name");
    assert_told(&scene.refused_by_database(HOST, "other-ca.pem").await, unknown);
    assert_told(&scene.refused_by_broker(HOST, "other-ca.pem").await, unknown);
    assert_told(&scene.refused_by_database("127.0.0.1", "ca.pem").await, other_name);
    assert_told(&scene.refused_by_broker("127.0.0.1", "ca.pem").await, other_name);

    // A service says so, and at once: waiting would not help.
    scene.migrate().await;
    let ended = Process::start(scene.service(&["command-api"], "marquee_command_api", "other-ca.pem"))
        .ended()
        .await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert_told(&ended.said.join("\n"), unknown);
    let mut service = scene.service(&["event-relay"], "marquee_event_relay", "ca.pem");
    service.env("MARQUEE_AMQP_URL", scene.amqp_url(HOST, "other-ca.pem"));
    let relay = Serving::running(service).await;
    let mut last_error = String::new();
    until("the relay says it", async || {
        last_error = relay.client.get("/relay").await.body["last_error"].to_string();
        last_error.contains(unknown)
    })
    .await;
    assert_told(&last_error, unknown);

    let expired = scene.authority.issue_expired(HOST);
    scene.postgres.change_certificate(expired).await;
    scene.postgres.stop().await;
    scene.postgres.start_again().await;
    assert_told(&scene.refused_by_database(HOST, "ca.pem").await, "expired");
}
