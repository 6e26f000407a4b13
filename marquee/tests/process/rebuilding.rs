//! Operators rebuild, roll back and pause projections.

use crate::child::{Process, marquee};
use crate::deployment::Deployment;
use crate::history::append_users;
use crate::told::{ended, told};
use crate::up::Up;

/// A deployment whose log has so many events of users, and nothing else.
async fn with_users(events: i64) -> (Deployment, Up) {
    let deployment = Deployment::create().await;
    ended(deployment.marquee(&["migrate"])).await.said_with(0);
    let mut event_store = deployment.event_store().await.expect("the event store");
    append_users(&mut event_store, events).await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    up.client.get_at("/users/user-0", events).await.accepted();
    (deployment, up)
}

async fn generation(up: &Up) -> i64 {
    let status = up.client.get("/projections/users").await.accepted().body;
    status["generation"].as_i64().expect("a generation")
}

#[tokio::test]
async fn a_rebuild_is_told_from_its_beginning_to_what_it_found() {
    let (deployment, up) = with_users(400).await;
    let dry_run = told(&deployment, &["projections", "rebuild", "users", "--dry-run"]).await;
    let said = dry_run.said_with(0);
    assert!(
        said.contains("Dry run done") && said.contains("No differences"),
        "{said}"
    );
    let before = generation(&up).await;
    let version = up.client.get("/projections/users").await.accepted().body["version"].clone();

    let rebuilt = told(&deployment, &["projections", "rebuild", "users", "--reason", "to see"]).await;
    let said = rebuilt.said_with(0);
    let after = generation(&up).await;
    assert!(after > before);
    for words in [
        format!("Generation {after} is the live one of users"),
        "400 events in".to_owned(),
        "Verified at position 400".to_owned(),
        "CONTENT HASH".to_owned(),
        format!("No differences from generation {before}."),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    let shown = told(&deployment, &["projections", "show", "users"]).await.said_with(0);
    assert!(
        shown.contains("rebuild of users, by ada") && shown.contains("to see"),
        "{shown}"
    );

    let again = told(&deployment, &["projections", "rebuild", "users"]).await;
    let said = again.said_with(64);
    let dropped = format!("drops generation {before} (version {version}, position 400) for good");
    assert!(said.contains(&dropped), "{said}");
    assert!(said.contains("--yes"), "{said}");
    let back = told(&deployment, &["projections", "rollback", "users"]).await;
    assert!(back.said_with(64).contains("--yes"), "{back:?}");
    assert_eq!(generation(&up).await, after, "nobody confirmed");

    let back = told(&deployment, &["projections", "rollback", "users", "--yes"]).await;
    assert!(
        back.said_with(0)
            .contains(&format!("Generation {before} is the live one")),
        "{back:?}"
    );
    assert_eq!(generation(&up).await, before);
    up.stop("INT").await;
}

#[tokio::test]
async fn differences_are_listed_by_key_and_column_and_a_rebuild_mends_them() {
    let (deployment, up) = with_users(40).await;
    let mut users = deployment.database("users").await.expect("the read model");
    let live = generation(&up).await;
    let spoil = format!(
        "UPDATE users_g{live}.users SET full_name = '東京', email = 'x@example.org' WHERE id = 'user-7'; \
         DELETE FROM users_g{live}.users WHERE id = 'user-9'"
    );
    sqlx::raw_sql(&spoil).execute(&mut users).await.expect("spoilt");

    let dry_run = told(&deployment, &["projections", "rebuild", "users", "--dry-run"]).await;
    let said = dry_run.said_with(0);
    assert!(
        said.contains(&format!("3 differences from generation {live}:")),
        "{said}"
    );
    let listed: Vec<Vec<&str>> = said
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    for expected in [
        ["users", "user-7", "email", "x@example.org", "null"],
        ["users", "user-7", "full_name", "東京", "name 31"],
    ] {
        assert!(listed.iter().any(|cells| cells == &expected), "{expected:?}: {said}");
    }
    assert!(
        listed.iter().any(|cells| cells.starts_with(&["users", "user-9"])),
        "{said}"
    );
    assert_eq!(generation(&up).await, live, "a dry run switches nothing");

    let json = told(&deployment, &["projections", "rebuild", "users", "--json"]).await;
    json.said_with(0);
    assert_eq!(json.json()["verification"]["differences_total"], 3);
    let mended = up.client.get("/users/user-7").await.accepted().body;
    assert_eq!(mended["full_name"], "name 31");
    up.stop("INT").await;
}

#[tokio::test]
async fn a_second_rebuild_is_told_of_the_first_and_the_first_can_be_watched_and_cancelled() {
    let (deployment, up) = with_users(2_000).await;
    let before = generation(&up).await;
    let slow = ["projections", "rebuild", "users", "--yes", "--throttle", "20"];
    let started = told(&deployment, &[&slow[..], &["--detach"]].concat()).await;
    assert!(started.said_with(0).contains("--attach"), "{started:?}");
    let second = told(&deployment, &["projections", "rebuild", "users", "--yes"]).await;
    let said = second.said_with(1);
    for words in ["REBUILD_RUNNING", "/projections/users/rebuild", "--attach"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let mut attach = marquee(&["projections", "rebuild", "users", "--attach"]);
    attach.env("MARQUEE_HOME", deployment.home.path());
    let mut watching = Process::start(attach);
    let progress = |line: &str| line.contains("rebuild of users: ").then_some(());
    watching.says("how it goes", progress).await;
    watching.signal("INT").await;
    let left = watching.ended().await.said_with(130);
    assert!(left.contains("Left to itself"), "{left}");
    let running = up.client.get("/projections/users/rebuild").await.accepted().body;
    assert_eq!(running["state"], "running", "who only watches does not cancel");

    told(&deployment, &["projections", "cancel", "users"])
        .await
        .said_with(0);
    let attached = told(&deployment, &["projections", "rebuild", "users", "--attach"]).await;
    assert!(attached.said_with(1).contains("cancelled"), "{attached:?}");
    let none = told(&deployment, &["projections", "cancel", "users"]).await;
    assert!(none.said_with(1).contains("REBUILD_NOT_RUNNING"), "{none:?}");
    assert_eq!(generation(&up).await, before);

    let mut own = marquee(&slow);
    own.env("MARQUEE_HOME", deployment.home.path());
    let mut own = Process::start(own);
    own.says("how it goes", progress).await;
    own.signal("INT").await;
    let said = own.ended().await.said_with(1);
    assert!(said.contains("Cancelling") && said.contains("was cancelled"), "{said}");
    assert_eq!(generation(&up).await, before);
    up.stop("INT").await;
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_its_reason() {
    let (deployment, up) = with_users(4).await;
    let refused = async |arguments: &[&str], code: i32, words: &[&str]| {
        let said = told(&deployment, arguments).await.said_with(code);
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    };
    refused(&["projections", "rebuild", "seats"], 64, &["users, movies, catalog"]).await;
    refused(
        &["projections", "rebuild", "users", "--throttle", "0"],
        64,
        &["--throttle"],
    )
    .await;
    refused(
        &["projections", "rollback", "users", "--yes"],
        1,
        &["NO_RETIRED_GENERATION"],
    )
    .await;
    refused(&["parked", "discard", "users", "1"], 64, &["--reason"]).await;
    refused(&["parked", "retry", "users"], 64, &["POSITION"]).await;
    refused(&["projections", "list", "--url", "marquee:3000"], 64, &["MARQUEE_URL"]).await;
    refused(
        &["projections", "resume", "users", "--operator", "zoë"],
        64,
        &["MARQUEE_OPERATOR"],
    )
    .await;
    let listed = told(&deployment, &["projections", "list", "--json"]).await;
    assert_eq!(listed.json().as_array().map(Vec::len), Some(3));
    up.stop("INT").await;

    let nobody = crate::nobody::Nobody::take();
    let url = format!("http://{}", nobody.address());
    for command in [
        "list",
        "show users",
        "pause users",
        "rebuild users",
        "rollback users --yes",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let arguments = [&["projections"], &words[..], &["--url", &url]].concat();
        refused(&arguments, 1, &["nothing answers"]).await;
    }
}
