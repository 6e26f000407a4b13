//! A log that went back under a running process: nothing is appended to it before it has a new identity.

use event_store::{ExecuteError, StoreError, adopt, plan_adoption};

use crate::setup::{Log, accepted, register, set_profile, until};

#[tokio::test]
async fn a_writer_that_has_seen_more_than_the_log_has_appends_nothing_before_it_is_adopted() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", register("Ada")).await);
    accepted(process.execute("1", set_profile("Ada Lovelace")).await);
    // As on a standby that lacked the last event, and got another one in its place since.
    log.tamper("UPDATE events SET event_id = gen_random_uuid() WHERE position = 2")
        .await;
    log.database.terminate_connections().await;

    let is_refused = async || {
        let executed = process.execute("2", register("Bob")).await;
        matches!(executed, Err(ExecuteError::Store(StoreError::Diverged { position })) if position.0 == 2)
    };
    // The batch that finds the connection gone was sent, so its outcome is unknown.
    until(is_refused).await;
    assert!(is_refused().await, "it stays so");
    assert_eq!(log.assert_unbroken().await, 2);

    let mut admin = log.admin().await;
    let planned = plan_adoption(&mut admin).await.expect("a plan");
    adopt(&mut admin, planned.log_id).await.expect("adopted");
    accepted(process.execute("2", register("Bob")).await);
    accepted(process.execute("1", set_profile("Countess Lovelace")).await);
    assert_eq!(log.assert_unbroken().await, 4);
}
