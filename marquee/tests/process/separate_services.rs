//! Each service as a process of its own, as in production.

use e2e::{Client, until};
use reqwest::Method;
use serde_json::Value;
use tokio::process::Command;

use crate::child::Process;
use crate::deployment::Deployment;

/// A service that serves.
pub(crate) struct Serving {
    pub(crate) process: Process,
    pub(crate) client: Client,
    pub(crate) url: String,
}

impl Serving {
    /// Starts it with the urls of its own databases, each as its role, and waits until it is ready.
    pub(crate) async fn start(deployment: &Deployment, arguments: &[&str], databases: &[(&str, &str, &str)]) -> Self {
        let mut command = deployment.marquee(arguments);
        command.env_remove("MARQUEE_DATABASE_URL");
        for (variable, database, role) in databases {
            command.env(variable, deployment.url_as(database, role));
        }
        Self::running(command).await
    }

    /// Starts the command and waits until it is ready.
    pub(crate) async fn running(mut command: Command) -> Self {
        command.env("MARQUEE_LOG_FORMAT", "json");
        let mut process = Process::start(command);
        let address = process.says("where it serves", |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["address"].as_str()?.to_owned())
        });
        let url = format!("http://{}", address.await);
        let client = Client::new(&url);
        until("ready", async || client.get("/readyz").await.status == 200).await;
        Self { process, client, url }
    }
}

/// A line of log is one object: its span stands there once, and no value is a list written as a text.
fn assert_flat(lines: &[String]) {
    for line in lines {
        let line: Value = serde_json::from_str(line).expect(line);
        let fields = line.as_object().expect("an object");
        assert!(!fields.contains_key("spans"), "{line}");
        let is_list = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('['));
        assert!(!fields.values().any(is_list), "{line}");
    }
    let answered = |line: &&String| line.contains("\"span\":{") && line.contains("\"route\":");
    assert!(lines.iter().any(|line| answered(&line)), "{lines:#?}");
}

async fn run(deployment: &Deployment, arguments: &[&str]) -> String {
    let ended = Process::start(deployment.marquee(arguments)).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.said.join("\n")
}

#[tokio::test]
async fn every_service_runs_as_a_process_of_its_own() {
    let deployment = Deployment::create().await;
    for _ in 0..2 {
        let said = run(&deployment, &["migrate"]).await;
        assert!(said.contains("are migrated"), "{said}");
    }
    const LOG: &str = "MARQUEE_EVENT_STORE_URL";
    let projection = async |name: &str| {
        let role = format!("marquee_{name}");
        let variable = format!("MARQUEE_{}_DATABASE_URL", name.to_uppercase());
        let databases = [(LOG, "event_store", role.as_str()), (&variable, name, &role)];
        Serving::start(&deployment, &["projections", "serve", name], &databases).await
    };
    let command_api = [(LOG, "event_store", "marquee_command_api")];
    let event_relay = [(LOG, "event_store", "marquee_event_relay")];
    let (commands, relay, users, movies, catalog) = tokio::join!(
        Serving::start(&deployment, &["command-api"], &command_api),
        Serving::start(&deployment, &["event-relay"], &event_relay),
        projection("users"),
        projection("movies"),
        projection("catalog"),
    );

    let form = commands
        .client
        .request(Method::POST, "/users/1")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("full_name=usama");
    let answer = form.send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.expect("JSON");
    let position = answer["position"].as_i64().expect("a position");
    let user = users.client.get_at("/users/1", position).await.accepted();
    assert_eq!(user.body["full_name"], "usama");

    let said = run(&deployment, &["seed", "--url", &commands.url]).await;
    assert!(said.contains("40 movies, 12 cinemas, 5 users"), "{said}");
    let last = commands.client.post("/users/1", answer["full_name"].clone()).await;
    assert_eq!(last.status, 422, "a text is no user: {last:?}");
    let last = commands
        .client
        .post("/users/2", serde_json::json!({"full_name": "last"}))
        .await;
    let head = last.accepted().position();
    let shown = movies.client.get_at("/movies?limit=100", head).await.accepted();
    assert_eq!(shown.body["items"].as_array().map(Vec::len), Some(40));
    let shown = catalog.client.get_at("/catalog/berlin", head).await.accepted();
    assert_eq!(shown.body["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        users.client.get("/movies").await.status,
        404,
        "each answers for itself alone"
    );
    let asked = users.client.request(Method::GET, "/users/1");
    let answer = asked
        .header("Marquee-Service", "catalog")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 421);
    assert_eq!(answer.headers()["marquee-service"], "users");
    assert_eq!(relay.client.get("/users/1").await.status, 404);

    for serving in [commands, relay, users, movies, catalog] {
        assert_eq!(run(&deployment, &["ready", "--url", &serving.url]).await, "ready");
        serving.process.signal("TERM").await;
        let ended = serving.process.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_flat(&ended.said);
        let gone = Process::start(deployment.marquee(&["ready", "--url", &serving.url]));
        assert_eq!(gone.ended().await.code, Some(1), "nothing answers any more");
    }
}
