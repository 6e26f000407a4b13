//! Sessions that were ended while idle are nobody's concern: neither who reads nor who operates hears of them.

use reqwest::Client;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::operators::asking::{Answer, append_damaged, discard, get, post, relay, retry, send, served};
use crate::process::Process;
use crate::stack::Stack;

/// As a restart of both databases does, or a server, a NAT or a balancer that ends what is idle.
async fn end_sessions(stack: &Stack) {
    tokio::join!(
        stack.database.terminate_connections(),
        stack.log_database.terminate_connections()
    );
}

/// Has each pool make all the connections it may have.
async fn fill_pools(process: &Process) {
    let asked = (0..16).flat_map(|_| {
        [
            "/projections/recorder",
            "/projections/recorder/actions",
            "/streams/m-1",
            "/readyz",
        ]
        .map(|path| send(Client::new().get(format!("{}{path}", process.url))))
    });
    futures::future::join_all(asked).await;
}

#[tokio::test]
async fn nobody_who_reads_notices_that_sessions_were_ended_while_idle() {
    let (mut stack, process, _recorder) = served().await;
    relay(&mut stack, &["m-1", "m-2"]).await;
    for path in [
        "/readyz",
        "/streams/m-1",
        "/projections",
        "/projections/recorder",
        "/projections/recorder/actions",
        "/projections/recorder/parked",
        "/projections/recorder/foreign-messages",
    ] {
        fill_pools(&process).await;
        end_sessions(&stack).await;
        for _ in 0..10 {
            let answer = send(Client::new().get(format!("{}{path}", process.url))).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            if path == "/projections/recorder" {
                assert_eq!((&answer.body["position"], &answer.body["head"]), (&json!(2), &json!(2)));
            }
        }
    }
}

#[tokio::test]
async fn nobody_who_operates_notices_that_sessions_were_ended_while_idle() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["m-1"]).await;
    for _ in 0..3 {
        let first = append_damaged(&stack, "m-2").await;
        append_damaged(&stack, "m-2").await;
        stack.relay(first - 1, first + 1).await;
        stack.reach(first + 1).await;
        for (path, body) in [
            ("/pause", json!({})),
            ("/resume", json!({})),
            ("/pause", json!({})),
            ("/resume", json!({})),
        ] {
            fill_pools(&process).await;
            end_sessions(&stack).await;
            post(&process, path, body).await.ok();
        }
        fill_pools(&process).await;
        end_sessions(&stack).await;
        assert_eq!(get(&process, &format!("/parked/{first}")).await.ok()["position"], first);
        end_sessions(&stack).await;
        assert_eq!(retry(&process, first).await.ok()["still_parked"], 2);
        end_sessions(&stack).await;
        let discarded = discard(&process, first, json!({"reason": "a test", "all": true}))
            .await
            .ok();
        assert_eq!(discarded["discarded"], 2);
    }
    for _ in 0..2 {
        end_sessions(&stack).await;
        let begun = post(&process, "/rebuild", json!({"dry_run": true})).await;
        assert_eq!(begun.status, 202, "{}", begun.body);
        crate::process::eventually("the end of the rebuild", async || {
            let state = get(&process, "/rebuild").await.ok()["state"].clone();
            (state != "running").then_some(())
        })
        .await;
        end_sessions(&stack).await;
        get(&process, "/rebuild").await.ok();
        end_sessions(&stack).await;
        let none = send(Client::new().delete(format!("{}/projections/recorder/rebuild", process.url))).await;
        assert_eq!(none.refusal(), (409, "REBUILD_NOT_RUNNING"));
    }
    drop(recorder);
}

/// Acts while somebody holds the projection's row, and ends the session that waits for it: in the middle of a transaction.
async fn lose_the_session_of(stack: &Stack, acting: impl Future<Output = Answer>) -> Answer {
    let mut other = PgConnection::connect(&stack.database.url()).await.expect("a session");
    let mut holding = other.begin().await.expect("a transaction");
    sqlx::query("SELECT 1 FROM projection_control FOR UPDATE")
        .execute(&mut *holding)
        .await
        .expect("the row's lock");
    let ending = async {
        crate::process::eventually("an operator's session that waits", async || {
            let ended = stack
                .column(
                    "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'marquee-projection-operator' \
                     AND wait_event_type = 'Lock'",
                )
                .await;
            (ended == [1]).then_some(())
        })
        .await;
        holding.rollback().await.expect("the lock given back");
    };
    let (answer, ()) = tokio::join!(acting, ending);
    answer
}

#[tokio::test]
async fn nobody_who_operates_notices_that_the_session_was_lost_in_the_middle_and_all_is_done_once() {
    let (mut stack, process, recorder) = served().await;
    relay(&mut stack, &["rule-1", "rule-1", "rule-2", "rule-2"]).await;
    // So that nobody else wants the row.
    post(&process, "/pause", json!({})).await.ok();
    lose_the_session_of(&stack, post(&process, "/resume", json!({})))
        .await
        .ok();
    lose_the_session_of(&stack, post(&process, "/pause", json!({})))
        .await
        .ok();
    recorder.forgive(true);
    let retried = lose_the_session_of(&stack, retry(&process, 2)).await.ok();
    assert_eq!(retried["applied"], 1);
    let reason = json!({"reason": "a test"});
    let discarded = lose_the_session_of(&stack, discard(&process, 4, reason)).await.ok();
    assert_eq!(discarded["discarded"], 1);
    let actions = get(&process, "/actions").await.ok();
    let actions = actions["items"].as_array().expect("actions").iter();
    let done: Vec<_> = actions.map(|action| action["action"].clone()).collect();
    assert_eq!(done, ["discard", "retry", "pause", "resume", "pause"]);
}
