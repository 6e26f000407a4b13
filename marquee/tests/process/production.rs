//! What `MARQUEE_ENV=production` refuses, and that it does not show what it refuses.

use tokio::process::Command;

use crate::child::{Process, marquee};
use crate::deployment::Deployment;

const GOOD: &str = "8c1f0e5b";

/// A command in production, with the urls that it needs, all of them good.
fn production(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = marquee(arguments);
    command
        .env("MARQUEE_ENV", "production")
        .env("MARQUEE_LISTEN", "127.0.0.1:0");
    let database = format!("postgres://marquee_role:{GOOD}@127.0.0.1:1/x");
    for variable in [
        "DATABASE",
        "EVENT_STORE",
        "USERS_DATABASE",
        "MOVIES_DATABASE",
        "CATALOG_DATABASE",
    ] {
        command.env(format!("MARQUEE_{variable}_URL"), &database);
    }
    command.env("MARQUEE_AMQP_URL", format!("amqp://marquee_role:{GOOD}@127.0.0.1:1"));
    command.env("MARQUEE_IDEMPOTENCY_SECRET", GOOD);
    for (variable, value) in settings {
        command.env(variable, value);
    }
    command
}

async fn refused(arguments: &[&str], settings: &[(&str, &str)], words: &[&str]) {
    let ended = Process::start(production(arguments, settings)).ended().await;
    assert_eq!(ended.code, Some(64), "{arguments:?} {settings:?}: {ended:#?}");
    let said = ended.said.join("\n");
    for word in words {
        assert!(said.contains(word), "{arguments:?} {settings:?}: {word}: {said}");
    }
    assert!(!said.contains(GOOD) && !said.contains("postgres://"), "{said}");
}

#[tokio::test]
async fn in_production_each_secret_that_is_none_is_refused_with_its_setting() {
    let serve_users = ["projections", "serve", "users"];
    let everywhere: [(&[&str], &[&str]); 5] = [
        (&["command-api"], &["MARQUEE_EVENT_STORE_URL"]),
        (&["event-relay"], &["MARQUEE_EVENT_STORE_URL"]),
        (&serve_users, &["MARQUEE_EVENT_STORE_URL", "MARQUEE_USERS_DATABASE_URL"]),
        (&["migrate"], &["MARQUEE_DATABASE_URL"]),
        (&["up"], &["MARQUEE_DATABASE_URL"]),
    ];
    for (arguments, variables) in everywhere {
        for variable in variables {
            for (url, why) in [
                ("postgres://postgres:postgres@db/x", "everybody knows"),
                ("postgres://marquee_users:marquee_users@db/x", "the user's name"),
                ("postgres://me:@db/x", "missing"),
            ] {
                refused(arguments, &[(variable, url)], &["production", variable, why]).await;
            }
        }
    }
    for arguments in [&["event-relay"][..], &serve_users, &["up"]] {
        for url in ["amqp://guest:guest@broker", "amqp://broker"] {
            let guest = [("MARQUEE_AMQP_URL", url)];
            refused(arguments, &guest, &["MARQUEE_AMQP_URL", "guest", "everybody knows"]).await;
        }
    }
    for arguments in [&["command-api"][..], &["up"]] {
        for (secret, why) in [("", "is empty"), ("changeme", "everybody knows")] {
            let idempotency = "MARQUEE_IDEMPOTENCY_SECRET";
            refused(arguments, &[(idempotency, secret)], &[idempotency, why]).await;
        }
    }
    for arguments in [&["migrate"][..], &["up"]] {
        let password = "MARQUEE_CATALOG_PASSWORD";
        refused(arguments, &[(password, "test")], &[password, "marquee_catalog"]).await;
    }
    let management = "MARQUEE_MANAGEMENT_URL";
    let guest = [(management, "http://guest:guest@broker:15672")];
    refused(&["migrate"], &guest, &[management, "guest"]).await;
}

#[tokio::test]
async fn an_environment_that_nobody_knows_is_refused() {
    for environment in ["prod", "Production", ""] {
        for arguments in [&["up"][..], &["command-api"], &["event-relay"], &["migrate"]] {
            let named = ["MARQUEE_ENV", "development, production"];
            refused(arguments, &[("MARQUEE_ENV", environment)], &named).await;
        }
    }
}

#[tokio::test]
async fn in_production_secrets_from_files_are_refused_and_taken_like_any_other() {
    let deployment = Deployment::create().await;
    let file = deployment.home.path().join("secret");
    let with_secret = |url: &str| {
        std::fs::write(&file, "guest\n").expect("written");
        let mut command = marquee(&["command-api"]);
        command
            .env("MARQUEE_ENV", "production")
            .env("MARQUEE_EVENT_STORE_URL", url)
            .env("MARQUEE_IDEMPOTENCY_SECRET_FILE", &file);
        command
    };
    let url = format!("postgres://me:{GOOD}@127.0.0.1:1/x");
    let ended = Process::start(with_secret(&url)).ended().await;
    assert_eq!(ended.code, Some(64), "{ended:#?}");

    let mut migrate = deployment.marquee(&["migrate"]);
    for role in ["COMMAND_API", "EVENT_RELAY", "USERS", "MOVIES", "CATALOG"] {
        migrate.env_remove(format!("MARQUEE_{role}_PASSWORD"));
    }
    migrate.env("MARQUEE_ENV", "production");
    let ended = Process::start(migrate).ended().await;
    assert_eq!(ended.code, Some(0), "passwords made at random do: {ended:#?}");
}

#[tokio::test]
async fn in_production_a_connection_that_others_can_read_is_warned_of() {
    // Nothing has this name, so that nothing is reached.
    let elsewhere = format!("postgres://me:{GOOD}@nowhere.invalid/x");
    let mut command = production(&["migrate"], &[("MARQUEE_DATABASE_URL", &elsewhere)]);
    command.env("MARQUEE_MANAGEMENT_URL", format!("http://me:{GOOD}@nowhere.invalid"));
    let ended = Process::start(command).ended().await;
    let said = ended.said.join("\n");
    assert_eq!(ended.code, Some(1), "{said}");
    for words in [
        "MARQUEE_DATABASE_URL",
        "sslmode=verify-full",
        "MARQUEE_MANAGEMENT_URL",
        "WARN",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(GOOD), "{said}");
}
