//! The command a newcomer types, with nothing given: the servers are the program's own.

use std::fs;
use std::path::Path;

use dev_stack::TestHome;
use serde_json::json;

use crate::child::{Process, marquee};
use crate::up::Up;

/// The processes that were started for a home, by what they were told.
fn processes_of(home: &Path) -> Vec<String> {
    let home = home.display().to_string();
    let tells = |pid: &str, file| {
        let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(&home)
    };
    fs::read_dir("/proc")
        .expect("the processes")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.parse::<u32>().is_ok() && (tells(name, "cmdline") || tells(name, "environ")))
        .collect()
}

#[tokio::test]
async fn without_any_setting_it_starts_its_servers_takes_over_those_left_behind_and_leaves_none() {
    let home = TestHome::create().await;
    let path = home.path().display().to_string();
    let up = || marquee(&["--home", &path, "--listen", "127.0.0.1:0", "--no-install"]);
    let first = Up::start(up()).await;
    assert!(first.greeting.contains("The demo set is loaded"), "{}", first.greeting);
    for server in ["PostgreSQL", "RabbitMQ", "bin/psql", "bin/rabbitmqctl"] {
        assert!(first.greeting.contains(server), "{server}: {}", first.greeting);
    }
    let user = first
        .client
        .post("/users/1", json!({"full_name": "usama"}))
        .await
        .accepted();
    first.client.get_at("/users/1", user.position()).await.accepted();

    let second = Process::start(up()).ended().await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let refusal = second.said.last().expect("a reason");
    assert!(
        refusal.contains("in use by another process") && refusal.contains("MARQUEE_HOME"),
        "{refusal}"
    );

    let left_behind = home.servers();
    first.process.kill().await;
    let again = Up::start(up()).await;
    let now = home.servers();
    assert!(
        left_behind.iter().all(|server| now.contains(server)),
        "taken over: {left_behind:?}, {now:?}"
    );
    assert!(!again.greeting.contains("The demo set"), "{}", again.greeting);
    assert_eq!(again.client.get("/users/1").await.accepted().body["full_name"], "usama");
    let user = again
        .client
        .post("/users/1", json!({"full_name": "again"}))
        .await
        .accepted();
    let shown = again.client.get_at("/users/1", user.position()).await.accepted();
    assert_eq!(shown.body["full_name"], "again");

    again.stop("INT").await;
    assert_eq!(processes_of(home.path()), Vec::<String>::new());
    assert_eq!(home.servers(), Vec::<String>::new());
}
