//! The audit finds what is not as the log says, and nothing else.

use std::sync::Arc;

use projections::{Audit, AuditError, Served, verify};
use serde_json::json;

use crate::log::PASSWORD;
use crate::shelf::Shelf;
use crate::stack::Stack;

impl Stack {
    async fn audit(&self, version: i32) -> Result<Audit, AuditError> {
        let url = |url: String| url.parse().expect("a url");
        verify(&Served {
            projection: Arc::new(Shelf::of_version(version)),
            database_url: url(self.database.url_as("marquee_catalog", PASSWORD)),
            event_store_url: url(self.log_database.url_as("marquee_catalog", PASSWORD)),
        })
        .await
    }
}

#[tokio::test]
async fn a_read_model_that_is_what_the_log_says_is_sound() {
    let mut stack = Stack::start().await;
    assert!(matches!(stack.audit(1).await, Err(AuditError::NoReadModel)));
    let _process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    // Not applied yet, so no part of the audit.
    stack.append_many(10).await;
    let audit = stack.audit(1).await.expect("an audit");
    assert!(audit.is_sound(), "{audit:?}");
    assert_eq!((audit.position, audit.generation), (head, 1));
    assert_eq!(audit.comparison.tables[0].rows, 7);
    assert!(matches!(
        stack.audit(2).await,
        Err(AuditError::VersionMismatch { version: 1, .. })
    ));
    let temporary = stack
        .column("SELECT count(*) FROM pg_class WHERE relname = 'movies'")
        .await;
    assert_eq!(temporary, [1], "nothing is left of it");
}

#[tokio::test]
async fn what_was_tampered_with_is_listed() {
    let mut stack = Stack::start().await;
    let _process = stack.serve(Shelf::of_version(1)).await;
    let head = stack.append_many(50).await;
    stack.relay(0, head).await;
    stack.expect_shelf(head).await;
    stack
        .change_model("UPDATE recorder_g1.movies SET premiere = 'never' WHERE id = 'm-3'")
        .await;
    let audit = stack.audit(1).await.expect("an audit");
    assert!(!audit.is_sound());
    let comparison = serde_json::to_value(&audit).expect("JSON")["comparison"].take();
    assert_eq!(
        (&comparison["differences_total"], &comparison["differences"]),
        (
            &json!(1),
            &json!([{"table": "movies", "key": "m-3", "column": "premiere", "old": "never", "new": "2026-05-01"}])
        )
    );
}

#[tokio::test]
async fn parked_events_are_left_out_and_torn_ones_that_are_not_parked_are_told() {
    let mut stack = Stack::start().await;
    let _process = stack.serve(Shelf::of_version(1)).await;
    for id in ["rule-1", "m-1", "rule-1", "rule-1"] {
        stack.append(id).await;
    }
    stack.relay(0, 4).await;
    stack.reach(4).await;
    let audit = stack.audit(1).await.expect("an audit");
    assert!(audit.is_sound(), "{audit:?}");
    assert_eq!((audit.parked_streams, audit.parked_events), (1, 2));
    stack.change_model("DELETE FROM recorder_g1.parked_events").await;
    let Err(AuditError::Replay(error)) = stack.audit(1).await else {
        panic!("the log cannot be replayed")
    };
    assert_eq!((error.code.as_str(), error.position), ("EVENT_REFUSED", Some(3)));
}
