//! PostgreSQL's primary dies and its standby takes over, by the second address of the url.

use dev_stack::PrivatePostgres;
use e2e::{Client, until};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::watch;

use crate::deployment::Deployment;
use crate::log::{assert_acknowledged_once, assert_read_models_equal, head};
use crate::separate_services::Serving;
use crate::told::{ended, told};
use crate::up::Up;
use crate::writer::{Acknowledged, Writer, reaches};

const WRITERS: usize = 4;
/// Enough of a stream to be in the middle of it.
const ACKNOWLEDGED_BEFORE_THE_END: usize = 60;
const ACKNOWLEDGED_AFTER_IT: usize = 60;

/// A primary and its standby.
struct Pair {
    primary: PrivatePostgres,
    standby: PrivatePostgres,
}

impl Pair {
    async fn start() -> Self {
        let primary = PrivatePostgres::start().await;
        let standby = primary.start_standby().await;
        Self { primary, standby }
    }

    /// The url with both addresses, of one that has the primary's.
    fn of_both(&self, url: &str) -> String {
        let (one, two) = (address(self.primary.url()), address(self.standby.url()));
        url.replace(one, &format!("{one},{two}"))
    }

    async fn fail_over(&mut self) {
        self.primary.kill().await;
        self.standby.promote().await;
    }
}

fn address(url: &str) -> &str {
    let (_, address) = url.split_once('@').expect("a user");
    address.trim_end_matches("/postgres")
}

#[tokio::test]
async fn the_primary_dies_and_its_synchronous_standby_has_all_that_was_acknowledged_and_nothing_twice() {
    let mut pair = Pair::start().await;
    let mut deployment = Deployment::create_on(pair.primary.url()).await;
    let mut command = deployment.marquee(&["up", "--no-demo"]);
    command.env("MARQUEE_DATABASE_URL", pair.of_both(pair.primary.url()));
    let up = Up::start(command).await;
    pair.primary.set_synchronous(true).await;

    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let count = watch::Sender::new(0);
    let writing = join_all(writers.iter_mut().map(async |writer| {
        while *count.borrow() < ACKNOWLEDGED_BEFORE_THE_END + ACKNOWLEDGED_AFTER_IT {
            writer.repeat_unanswered(&up.client).await;
            count.send_modify(|count| *count += 1);
        }
    }));
    let failing_over = async {
        reaches(&count, ACKNOWLEDGED_BEFORE_THE_END).await;
        pair.fail_over().await;
    };
    tokio::join!(writing, failing_over);

    deployment.move_to(pair.standby.url());
    let mut event_store = deployment.event_store().await.expect("the event store");
    let acknowledged: Vec<Acknowledged> = writers.iter().flat_map(|writer| writer.acknowledged.clone()).collect();
    assert_acknowledged_once(&mut event_store, &acknowledged).await;
    for writer in &writers {
        writer.repeat_acknowledged(&up.client).await;
    }
    assert_read_models_equal(&mut event_store, &up.client).await;
    let last = head(&mut event_store).await;
    until("all is published", async || {
        let relay = up.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"]) == (&json!(last), &Value::Null)
    })
    .await;
    until("all is applied", async || {
        let projections = up.client.get("/projections").await.body;
        let items = projections["items"].as_array().expect("projections").iter();
        items
            .map(|one| &one["position"])
            .all(|position| *position == json!(last))
    })
    .await;
    told(&deployment, &["verify"]).await.said_with(0);
    up.stop("TERM").await;
}

/// A deployment, on a pair if there is one.
#[derive(Clone, Copy)]
struct On<'a>(&'a Deployment, Option<&'a Pair>);

impl On<'_> {
    fn url_as(self, database: &str, role: &str) -> String {
        let url = self.0.url_as(database, role);
        self.1.map_or(url.clone(), |pair| pair.of_both(&url))
    }
}

/// The services, with the log at one place and the read models at another.
struct Services {
    commands: Serving,
    relay: Serving,
    projections: Serving,
}

impl Services {
    async fn start(log: On<'_>, read_models: On<'_>) -> Self {
        for On(deployment, _) in [log, read_models] {
            ended(deployment.marquee(&["migrate"])).await.said_with(0);
        }
        let service = |arguments: &[&str], role: &str| {
            let mut command = log.0.marquee(arguments);
            name_databases(&mut command, log.url_as("event_store", role), read_models);
            command
        };
        let (commands, relay, projections) = tokio::join!(
            Serving::running(service(&["command-api"], "marquee_command_api")),
            Serving::running(service(&["event-relay"], "marquee_event_relay")),
            Serving::running(service(&["projections", "serve"], "marquee_users")),
        );
        Self {
            commands,
            relay,
            projections,
        }
    }

    async fn register(&self, id: &str) -> i64 {
        let user = json!({"id": id, "full_name": id});
        let mut position = None;
        until("the command is accepted", async || {
            let answer = self.commands.client.post("/users", user.clone()).await;
            if answer.status == 201 {
                position = Some(answer.position());
            }
            position.is_some()
        })
        .await;
        position.expect("waited for")
    }

    async fn until_applied(&self, position: i64) {
        until("it is applied", async || {
            let body = self.projections.client.get("/projections").await.body;
            let mut items = body["items"].as_array().expect("projections").iter();
            items.all(|one| (&one["position"], &one["state"]) == (&json!(position), &json!("consuming")))
        })
        .await;
    }

    async fn states(&self) -> Vec<Value> {
        let body = self.projections.client.get("/projections").await.body;
        let items = body["items"].as_array().expect("projections").iter();
        items.map(|one| one["state"].clone()).collect()
    }
}

fn name_databases(command: &mut Command, event_store_url: String, read_models: On<'_>) {
    command
        .env_remove("MARQUEE_DATABASE_URL")
        .env("MARQUEE_EVENT_STORE_URL", event_store_url);
    for name in ["users", "movies", "catalog"] {
        let url = read_models.url_as(name, &format!("marquee_{name}"));
        command.env(format!("MARQUEE_{}_DATABASE_URL", name.to_uppercase()), url);
    }
}

async fn shows(client: &Client, path: &str, position: i64) -> u16 {
    client.get_at(path, position).await.status
}

#[tokio::test]
async fn a_standby_that_lacked_the_last_events_is_noticed_by_all_and_all_go_on_after_it_is_adopted_and_rebuilt_from() {
    let mut pair = Pair::start().await;
    let mut deployment = Deployment::create_on(pair.primary.url()).await;
    let read_models = Deployment::create().await;
    let services = Services::start(On(&deployment, Some(&pair)), On(&read_models, None)).await;
    let kept = services.register("kept").await;
    until("the standby has it", async || {
        deployment.move_to(pair.standby.url());
        let mut standby = deployment.event_store().await.expect("the standby");
        head(&mut standby).await == kept
    })
    .await;
    pair.standby.stop_streaming().await;
    services.register("lost-1").await;
    let lost = services.register("lost-2").await;
    services.until_applied(lost).await;
    until("it is published", async || {
        services.relay.client.get("/relay").await.body["position"] == json!(lost)
    })
    .await;

    pair.fail_over().await;
    until("the command API says so", async || {
        let refused = services
            .commands
            .client
            .post("/users", json!({"id": "new", "full_name": "new"}))
            .await;
        refused.body["code"] == "LOG_DIVERGED"
    })
    .await;
    until("the relay says so", async || {
        services.relay.client.get("/relay").await.body["halted"]["code"] == "LOG_DIVERGED"
    })
    .await;
    until("the projections say so", async || {
        services.states().await.iter().all(|state| state == "log_diverged")
    })
    .await;

    let mut adopting = deployment.marquee(&["log", "adopt", "--yes"]);
    adopting.env("MARQUEE_DATABASE_URL", pair.of_both(pair.primary.url()));
    ended(adopting).await.said_with(0);
    let new = services.register("new").await;
    assert_eq!(new, kept + 1, "the place of what was lost");
    until("the relay goes on", async || {
        let relay = services.relay.client.get("/relay").await.body;
        (&relay["position"], &relay["halted"]) == (&json!(new), &Value::Null)
    })
    .await;
    for model in ["users", "movies", "catalog"] {
        let mut rebuilding = deployment.marquee(&["projections", "rebuild", model]);
        rebuilding
            .env_remove("MARQUEE_DATABASE_URL")
            .env("MARQUEE_URL", &services.projections.url);
        ended(rebuilding).await.said_with(0);
    }
    let last = services.register("last").await;
    for (path, status) in [("/users/new", 200), ("/users/last", 200), ("/users/lost-1", 404)] {
        assert_eq!(shows(&services.projections.client, path, last).await, status, "{path}");
    }
    services.until_applied(last).await;
    let mut verifying = deployment.marquee(&["verify"]);
    let event_store_url = deployment.url_as("event_store", "marquee_event_relay");
    name_databases(&mut verifying, event_store_url, On(&read_models, None));
    ended(verifying).await.said_with(0);
}

#[tokio::test]
async fn read_models_whose_standby_lacked_the_last_events_catch_up_by_themselves() {
    let mut pair = Pair::start().await;
    let deployment = Deployment::create().await;
    let read_models = Deployment::create_on(pair.primary.url()).await;
    let services = Services::start(On(&deployment, None), On(&read_models, Some(&pair))).await;
    let kept = services.register("kept").await;
    services.until_applied(kept).await;
    pair.standby.stop_streaming().await;
    let lacked = services.register("lacked").await;
    services.until_applied(lacked).await;

    pair.fail_over().await;
    let last = services.register("last").await;
    services.until_applied(last).await;
    for path in ["/users/kept", "/users/lacked", "/users/last"] {
        services.projections.client.get_at(path, last).await.accepted();
    }
}
