//! PgBouncer between the program and its databases: refused where it shares sessions, else not noticed.

use dev_stack::{PoolMode, PrivatePooler, for_tests};
use serde_json::json;
use tokio::process::Command;

use crate::child::Process;
use crate::deployment::Deployment;
use crate::separate_services::Serving;

const LOG: &str = "MARQUEE_EVENT_STORE_URL";
const ROLES: [(&str, &str); 4] = [
    ("MARQUEE_EVENT_STORE_URL", "event_store"),
    ("MARQUEE_USERS_DATABASE_URL", "users"),
    ("MARQUEE_MOVIES_DATABASE_URL", "movies"),
    ("MARQUEE_CATALOG_DATABASE_URL", "catalog"),
];

/// A deployment that is migrated, by way of the pooler or not.
async fn migrated(deployment: &Deployment, by_way_of: Option<&PrivatePooler>) {
    let mut command = deployment.marquee(&["migrate"]);
    if let Some(pooler) = by_way_of {
        command.env("MARQUEE_DATABASE_URL", pooler.url(for_tests().await.database_url()));
    }
    let ended = Process::start(command).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// The program with all of its databases behind the pooler.
async fn behind(pooler: &PrivatePooler, deployment: &Deployment, arguments: &[&str], role: &str) -> Command {
    let mut command = deployment.marquee(arguments);
    command.env("MARQUEE_DATABASE_URL", pooler.url(for_tests().await.database_url()));
    for (variable, database) in ROLES {
        let role = if database == "event_store" {
            role
        } else {
            &format!("marquee_{database}")
        };
        command.env(variable, pooler.url(&deployment.url_as(database, role)));
    }
    command
}

#[tokio::test]
async fn behind_a_pooler_that_shares_sessions_every_service_and_every_command_is_refused_with_one_message() {
    let deployment = Deployment::create().await;
    migrated(&deployment, None).await;
    let server = for_tests().await.database_url();
    let pooler = PrivatePooler::start(server, PoolMode::Transaction, &[]).await;
    for (arguments, role, setting) in [
        (&["command-api"][..], "marquee_command_api", LOG),
        (&["event-relay"], "marquee_event_relay", LOG),
        (&["projections", "serve"], "marquee_users", "_URL"),
        (&["projections", "serve", "catalog"], "marquee_catalog", "_URL"),
        (&["up"], "", "MARQUEE_DATABASE_URL"),
        (&["migrate"], "", "MARQUEE_DATABASE_URL"),
        (&["log", "adopt", "--yes"], "", "MARQUEE_DATABASE_URL"),
        (&["events", "tail"], "marquee_event_relay", LOG),
        (&["events", "stream", "user/1"], "marquee_event_relay", LOG),
        (&["events", "trace", "none"], "marquee_event_relay", LOG),
        (&["verify"], "marquee_event_relay", LOG),
    ] {
        let ended = Process::start(behind(&pooler, &deployment, arguments, role).await)
            .ended()
            .await;
        assert_eq!(ended.code, Some(64), "{arguments:?}: {ended:#?}");
        let told: Vec<&String> = ended
            .said
            .iter()
            .filter(|line| line.contains("pool_mode = session"))
            .collect();
        assert_eq!(told.len(), 1, "{arguments:?}: {ended:#?}");
        assert!(told[0].contains(setting), "{arguments:?}: {ended:#?}");
    }
}

#[tokio::test]
async fn behind_a_pooler_that_keeps_sessions_everything_works_whatever_the_databases_say_of_sessions() {
    let deployment = Deployment::create().await;
    let server = for_tests().await.database_url();
    let pooler = PrivatePooler::start(server, PoolMode::Session, &[]).await;
    migrated(&deployment, Some(&pooler)).await;
    for (_, database) in ROLES {
        for (setting, value) in [
            ("search_path", "elsewhere"),
            ("idle_session_timeout", "200ms"),
            ("statement_timeout", "200ms"),
            ("default_transaction_isolation", "serializable"),
        ] {
            let say = format!("ALTER DATABASE \"{{}}_{database}\" SET {setting} = '{value}'");
            deployment.to_database(&say).await;
        }
    }
    // A migration that has nothing to do is none the wiser.
    migrated(&deployment, Some(&pooler)).await;
    let serving = async |arguments: &[&str], role: &str| {
        let mut command = behind(&pooler, &deployment, arguments, role).await;
        command.env_remove("MARQUEE_DATABASE_URL");
        Serving::running(command).await
    };
    let (commands, relay, projections) = tokio::join!(
        serving(&["command-api"], "marquee_command_api"),
        serving(&["event-relay"], "marquee_event_relay"),
        serving(&["projections", "serve"], "marquee_users"),
    );
    let mut head = 0;
    for n in 0..12 {
        let answer = commands
            .client
            .post(&format!("/users/{n}"), json!({"full_name": "usama"}))
            .await;
        head = answer.accepted().position();
    }
    projections.client.get_at("/users/11", head).await.accepted();

    // It takes longer than a session may be idle.
    let rebuild = [
        "projections",
        "rebuild",
        "users",
        "--throttle",
        "20",
        "--url",
        &projections.url,
    ];
    let rebuilt = Process::start(deployment.marquee(&rebuild)).ended().await;
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:#?}");
    let verify = behind(&pooler, &deployment, &["verify"], "marquee_event_relay").await;
    let verified = Process::start(verify).ended().await;
    assert_eq!(verified.code, Some(0), "{verified:#?}");
    for serving in [commands, relay, projections] {
        serving.process.signal("TERM").await;
        assert_eq!(serving.process.ended().await.code, Some(0));
    }
}
