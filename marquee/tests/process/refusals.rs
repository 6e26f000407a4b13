//! What is wrong with a setting, a server or the disk is said once, clearly, and no password with it.

use std::fs;
use std::os::unix::fs::symlink;

use dev_stack::{TestDatabase, TestHome, for_tests};
use tokio::net::TcpListener;
use tokio::process::Command;
use url::Url;

use crate::child::{Process, marquee};
use crate::deployment::Deployment;
use crate::nobody::Nobody;

const SECRET: &str = "hunter2";
const NO_DATABASE: &str = "postgres://me:hunter2@127.0.0.1/postgres";
const NO_BROKER: &str = "amqp://me:hunter2@127.0.0.1";

/// Runs the program to its end: it fails with `code`, says why in one line that has all `words`, and no secret.
async fn refused(command: Command, code: i32, words: &[&str]) {
    let ended = Process::start(command).ended().await;
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    let reasons: Vec<&String> = ended
        .said
        .iter()
        .filter(|line| line.contains("ERROR") || line.starts_with("error: "))
        .collect();
    assert_eq!(reasons.len(), 1, "{ended:#?}");
    for word in words {
        assert!(reasons[0].contains(word), "{word}: {ended:#?}");
    }
    let said = ended.said.join("\n");
    assert!(!said.contains(SECRET) && !said.contains("panicked"), "{said}");
}

fn with_password(url: &str, password: &str) -> String {
    let mut url: Url = url.parse().expect("a url");
    url.set_password(Some(password)).expect("the url has a host");
    url.into()
}

#[tokio::test]
async fn wrong_arguments_are_named_and_end_it_with_64() {
    let event_store = ["--event-store-url", NO_DATABASE];
    refused(marquee(&["--colour"]), 64, &["--colour"]).await;
    refused(marquee(&["paint"]), 64, &["paint"]).await;
    refused(marquee(&["projections", "paint"]), 64, &["paint"]).await;
    refused(marquee(&["projections", "serve", "seats"]), 64, &["NAME", "users"]).await;
    refused(marquee(&["--listen", "everywhere"]), 64, &["MARQUEE_LISTEN"]).await;
    refused(marquee(&["--database-prefix", "No!"]), 64, &["MARQUEE_DATABASE_PREFIX"]).await;
    refused(
        marquee(&["--database-url", "mysql://me:hunter2@db/"]),
        64,
        &["MARQUEE_DATABASE_URL"],
    )
    .await;
    refused(marquee(&["--amqp-url", "me:hunter2@broker"]), 64, &["MARQUEE_AMQP_URL"]).await;
    refused(marquee(&["migrate"]), 64, &["MARQUEE_DATABASE_URL"]).await;
    refused(marquee(&["command-api"]), 64, &["MARQUEE_EVENT_STORE_URL"]).await;
    refused(
        marquee(&[&["event-relay"], &event_store[..]].concat()),
        64,
        &["MARQUEE_AMQP_URL"],
    )
    .await;
    let broker = ["--amqp-url", NO_BROKER];
    let catalog = [&["projections", "serve", "catalog"], &event_store[..], &broker].concat();
    refused(marquee(&catalog), 64, &["MARQUEE_CATALOG_DATABASE_URL"]).await;
    let management = ["migrate", "--database-url", NO_DATABASE, "--management-url", "hunter2"];
    refused(marquee(&management), 64, &["MARQUEE_MANAGEMENT_URL"]).await;
}

/// Each service by its environment alone: whatever is missing or wrong is named.
#[tokio::test]
async fn each_service_names_the_variable_that_is_missing_or_wrong() {
    const LOG: (&str, &str) = ("MARQUEE_EVENT_STORE_URL", NO_DATABASE);
    const BUS: (&str, &str) = ("MARQUEE_AMQP_URL", NO_BROKER);
    let serve = |name| ["projections", "serve", name];
    let (users, movies, catalog) = (serve("users"), serve("movies"), serve("catalog"));
    type Variables = Vec<(&'static str, &'static str)>;
    let services: [(&[&str], Variables); 6] = [
        (&["command-api"], vec![LOG]),
        (&["event-relay"], vec![LOG, BUS]),
        (&users, vec![LOG, BUS, ("MARQUEE_USERS_DATABASE_URL", NO_DATABASE)]),
        (&movies, vec![LOG, BUS, ("MARQUEE_MOVIES_DATABASE_URL", NO_DATABASE)]),
        (&catalog, vec![LOG, BUS, ("MARQUEE_CATALOG_DATABASE_URL", NO_DATABASE)]),
        (&["migrate"], vec![("MARQUEE_DATABASE_URL", NO_DATABASE)]),
    ];
    for (arguments, variables) in services {
        for (variable, _) in &variables {
            let others = variables.iter().filter(|(other, _)| other != variable);
            let mut missing = marquee(arguments);
            missing.envs(others.copied());
            let file = format!("{variable}_FILE");
            let mut wrong = marquee(arguments);
            wrong.envs(variables.iter().copied()).env(variable, SECRET);
            let mut no_file = marquee(arguments);
            no_file.envs(variables.iter().copied()).env_remove(variable);
            no_file.env(&file, "/nowhere/at/all");
            let mut both = marquee(arguments);
            both.envs(variables.iter().copied()).env(&file, "/dev/null");
            refused(missing, 64, &[variable]).await;
            refused(wrong, 64, &[variable]).await;
            refused(no_file, 64, &[&file, "/nowhere/at/all"]).await;
            refused(both, 64, &[variable, &file]).await;
        }
        let mut listen = marquee(arguments);
        listen.envs(variables).env("MARQUEE_LISTEN", "everywhere");
        if arguments != ["migrate"] {
            refused(listen, 64, &["MARQUEE_LISTEN"]).await;
        }
    }
}

#[tokio::test]
async fn a_taken_port_is_found_before_any_server_is_started() {
    let home = TestHome::create().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut up = marquee(&["up", "--listen", &address]);
    up.env("MARQUEE_HOME", home.path());
    refused(up, 1, &[&address, "MARQUEE_LISTEN", "in use"]).await;
    assert_eq!(fs::read_dir(home.path()).expect("the home").count(), 0);

    let database = ["--event-store-url", NO_DATABASE, "--amqp-url", NO_BROKER];
    let relay = [&["event-relay", "--listen", &address], &database[..]].concat();
    refused(marquee(&relay), 1, &[&address, "MARQUEE_LISTEN", "in use"]).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_by_its_setting() {
    let deployment = Deployment::create().await;
    let servers = for_tests().await;
    let held = Nobody::take();
    let nobody = held.address();
    let no_database = format!("postgres://me:{SECRET}@{nobody}/postgres");
    let up = |variable: &str, url: &str| {
        let mut up = deployment.marquee(&["up"]);
        up.env(variable, url);
        up
    };
    for (variable, url) in [
        ("MARQUEE_DATABASE_URL", no_database.clone()),
        ("MARQUEE_DATABASE_URL", with_password(servers.database_url(), SECRET)),
        ("MARQUEE_AMQP_URL", format!("amqp://me:{SECRET}@{nobody}")),
        ("MARQUEE_AMQP_URL", with_password(&deployment.vhost.amqp_url(), SECRET)),
    ] {
        refused(up(variable, &url), 1, &[variable]).await;
    }
    let mut migrate = deployment.marquee(&["migrate"]);
    migrate.env("MARQUEE_DATABASE_URL", no_database);
    refused(migrate, 1, &["database server"]).await;
    let url = format!("http://{nobody}");
    refused(marquee(&["seed", "--url", &url]), 1, &[&url]).await;
    assert!(deployment.event_store().await.is_err(), "no database was made");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_told_by_the_service_that_needs_it() {
    let empty = TestDatabase::create("not_migrated").await;
    let mut command_api = marquee(&["command-api", "--listen", "127.0.0.1:0"]);
    command_api.env("MARQUEE_EVENT_STORE_URL", empty.url());
    refused(command_api, 1, &["MARQUEE_EVENT_STORE_URL", "does not exist"]).await;
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_named() {
    let deployment = Deployment::create().await;
    let home = deployment.home.path();
    let file = home.join("file");
    fs::write(&file, "").expect("a file");
    // Of a full disk: whatever is written to it is refused for want of space.
    let full = home.join("full");
    fs::create_dir(&full).expect("a directory");
    symlink("/dev/full", full.join("role-passwords.unfinished")).expect("a link");

    for (home, reason) in [
        (file.as_path(), "File exists"),
        ("/proc/marquee".as_ref(), "No such file or directory"),
    ] {
        let shown = home.display().to_string();
        let own_servers = marquee(&["--listen", "127.0.0.1:0", "--no-install", "--home", &shown]);
        refused(own_servers, 1, &[&shown, reason, "MARQUEE_HOME"]).await;
    }
    let mut given_servers = deployment.marquee(&["up"]);
    given_servers.env("MARQUEE_HOME", &full);
    refused(
        given_servers,
        1,
        &[&full.display().to_string(), "No space left on device"],
    )
    .await;
}
