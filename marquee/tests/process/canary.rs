//! No personal data where it does not belong: a name and an address that stand for all are sent through everything, and
//! then looked for in whatever the processes wrote, measured and refused.

mod traffic;

use tokio::process::Command;

use crate::child::Process;
use crate::deployment::Deployment;
use crate::separate_services::Serving;
use crate::up::Up;
use traffic::Scene;

/// What is looked for, in any case: parts of both, so that neither encoding nor cutting hides them; the last is a part as
/// a library prints bytes.
const CANARIES: [&str; 4] = ["zebulon", "quagmire", "canary.example", "101, 98, 117, 108, 111, 110"];

fn assert_no_canary(where_from: &str, text: &str) {
    let lower = text.to_lowercase();
    for canary in CANARIES {
        if let Some(found) = lower.find(canary) {
            let start = lower[..found]
                .char_indices()
                .rev()
                .nth(300)
                .map_or(0, |(place, _)| place);
            let around: String = lower[start..].chars().take(600).collect();
            panic!("{canary} in {where_from}: ... {around} ...");
        }
    }
}

fn talkative(mut command: Command) -> Command {
    command.env("MARQUEE_LOG", "trace");
    command
}

/// Ends it in good order, and looks through all that it has said.
async fn assert_said_nothing(process: Process, name: &str) {
    process.signal("TERM").await;
    let ended = process.ended().await;
    let said = ended.said.join("\n");
    assert!(
        said.contains("answered") && said.lines().count() > 20,
        "{name} logs: {said}"
    );
    assert_no_canary(name, &said);
}

#[tokio::test]
async fn everything_in_one_process_tells_no_names_and_addresses_to_its_logs() {
    let deployment = Deployment::create().await;
    let up = Up::start(talkative(deployment.marquee(&["up", "--no-demo"]))).await;
    let scene = Scene {
        deployment: &deployment,
        commands: &up.client,
        users: &up.client,
        movies: &up.client,
        catalog: &up.client,
    };
    let told = scene.all().await;
    for text in &told.answers {
        assert_no_canary("an answer", text);
    }
    assert_said_nothing(up.process, "up").await;
}

#[tokio::test]
async fn services_of_their_own_tell_no_names_and_addresses_to_their_logs() {
    let deployment = Deployment::create().await;
    let ended = Process::start(deployment.marquee(&["migrate"])).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let serve = async |arguments: &[&str], role: &str| {
        let mut command = talkative(deployment.marquee(arguments));
        command
            .env_remove("MARQUEE_DATABASE_URL")
            .env("MARQUEE_EVENT_STORE_URL", deployment.url_as("event_store", role));
        for name in ["users", "movies", "catalog"] {
            let url = deployment.url_as(name, &format!("marquee_{name}"));
            command.env(format!("MARQUEE_{}_DATABASE_URL", name.to_uppercase()), url);
        }
        Serving::running(command).await
    };
    let commands = serve(&["command-api"], "marquee_command_api").await;
    let relay = serve(&["event-relay"], "marquee_event_relay").await;
    let users = serve(&["projections", "serve", "users"], "marquee_users").await;
    let movies = serve(&["projections", "serve", "movies"], "marquee_movies").await;
    let catalog = serve(&["projections", "serve", "catalog"], "marquee_catalog").await;
    let scene = Scene {
        deployment: &deployment,
        commands: &commands.client,
        users: &users.client,
        movies: &movies.client,
        catalog: &catalog.client,
    };
    let mut told = scene.all().await;
    told.watched(&relay.client, &["/relay", "/metrics", "/readyz"]).await;
    for text in &told.answers {
        assert_no_canary("an answer", text);
    }
    for (serving, name) in [
        (commands, "command-api"),
        (relay, "event-relay"),
        (users, "users"),
        (movies, "movies"),
        (catalog, "catalog"),
    ] {
        assert_said_nothing(serving.process, name).await;
    }
}
