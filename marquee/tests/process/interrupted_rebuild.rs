//! The process is killed in the middle of rebuilds.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use tokio::time::sleep;
use uuid::Uuid;

use crate::deployment::Deployment;
use crate::history::append_users;
use crate::told::told;
use crate::up::Up;

const EVENTS: i64 = 8_000;
const KILLS: usize = 10;
/// With it, a rebuild is two seconds in its load; without, it is soon in its later phases.
const THROTTLE: &str = "4000";
const THROTTLED_MS_MAX: u128 = 2_000;
const UNTHROTTLED_MS_MAX: u128 = 500;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const TIDYING_POLLS_MAX: usize = 600;

/// What the database holds of the projection.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    live: i64,
    /// Number and state of the others.
    others: Vec<(i64, String)>,
    schemas: Vec<String>,
    /// Rows of the live generation and a hash of them.
    content: (i64, String),
}

async fn held(users: &mut PgConnection) -> Held {
    let live: i64 = sqlx::query_scalar("SELECT generation FROM projection WHERE name = 'users'")
        .fetch_one(&mut *users)
        .await
        .expect("the row");
    let others = sqlx::query_as("SELECT number, state FROM generation ORDER BY number")
        .fetch_all(&mut *users)
        .await
        .expect("the generations");
    let schemas = sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'users\\_g%' ORDER BY nspname COLLATE \"C\"",
    )
    .fetch_all(&mut *users)
    .await
    .expect("the schemas");
    let content =
        format!("SELECT count(*), md5(string_agg(users::text, '' ORDER BY users::text)) FROM users_g{live}.users");
    let content = sqlx::query_as(&content).fetch_one(users).await.expect("the content");
    Held {
        live,
        others,
        schemas,
        content,
    }
}

impl Held {
    /// Nothing that a rebuild began and did not finish.
    fn is_tidy(&self) -> bool {
        let mut numbers: Vec<i64> = self.others.iter().map(|(number, _)| *number).collect();
        numbers.push(self.live);
        let mut schemas: Vec<String> = numbers.iter().map(|number| format!("users_g{number}")).collect();
        schemas.sort();
        self.others.iter().all(|(_, state)| state == "retired") && self.others.len() <= 1 && self.schemas == schemas
    }
}

/// What is held once a start or the end of a rebuild has cleaned up.
async fn tidied(users: &mut PgConnection) -> Held {
    let mut last = held(users).await;
    for _ in 0..TIDYING_POLLS_MAX {
        if last.is_tidy() {
            return last;
        }
        sleep(POLL_INTERVAL).await;
        last = held(users).await;
    }
    panic!("something is left behind: {last:?}")
}

fn random_ms(max: u128) -> Duration {
    let ms = Uuid::new_v4().as_u128() % max;
    Duration::from_millis(u64::try_from(ms).expect("it is below the largest"))
}

#[tokio::test]
async fn a_process_killed_in_rebuilds_leaves_nothing_behind_and_the_live_model_alone() {
    let deployment = Deployment::create().await;
    let migrated = crate::told::ended(deployment.marquee(&["migrate"])).await;
    migrated.said_with(0);
    let mut event_store = deployment.event_store().await.expect("the event store");
    append_users(&mut event_store, EVENTS).await;
    let start = async || Up::start(deployment.marquee(&["--no-demo"])).await;

    let mut up = start().await;
    up.client.get_at("/users/user-0", EVENTS).await.accepted();
    let mut users = deployment.database("users").await.expect("the read model");
    let content = held(&mut users).await.content;
    assert_eq!(content.0, EVENTS / 4);

    let mut interrupted = 0;
    for kill in 0..KILLS {
        let throttled = kill % 2 == 0;
        let mut rebuild = vec!["projections", "rebuild", "users", "--yes", "--detach"];
        if throttled {
            rebuild.extend(["--throttle", THROTTLE]);
        }
        told(&deployment, &rebuild).await.said_with(0);
        let moment = random_ms(if throttled {
            THROTTLED_MS_MAX
        } else {
            UNTHROTTLED_MS_MAX
        });
        sleep(moment).await;
        up.process.kill().await;
        let left = held(&mut users).await;
        assert_eq!(
            left.content, content,
            "kill {kill}: the live model is as it was: {left:?}"
        );

        up = start().await;
        let after = tidied(&mut users).await;
        assert_eq!((after.live, &after.content), (left.live, &content), "kill {kill}");
        let ended = up.client.get("/projections/users/rebuild").await.accepted().body;
        match ended["state"].as_str() {
            Some("interrupted") => interrupted += 1,
            Some("succeeded") => {}
            _ => panic!("kill {kill}: {ended}"),
        }
    }
    assert!(interrupted >= KILLS / 2, "{interrupted} of {KILLS} were in the middle");

    let rebuild = told(&deployment, &["projections", "rebuild", "users", "--yes", "--json"]).await;
    rebuild.said_with(0);
    let operation: Value = rebuild.json();
    assert_eq!(operation["state"], "succeeded", "{operation}");
    assert_eq!(operation["verification"]["differences_total"], 0, "{operation}");
    let last = tidied(&mut users).await;
    assert_eq!(last.content, content, "{last:?}");
    assert_eq!(operation["generation"], last.live);
    up.stop("INT").await;
}
