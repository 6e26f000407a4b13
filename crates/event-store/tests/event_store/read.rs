//! Reading the log: contiguous or an error.

use domain::{Event, Metadata, Position, Sequence, UserEvent};
use event_store::{CommandRequest, LogError};
use sqlx::Connection;

use crate::setup::{Log, accepted, register, set_profile};

#[tokio::test]
async fn an_event_comes_back_as_it_was_decided_with_its_place_and_origin() {
    let log = Log::create().await;
    let process = log.process();
    let metadata = Metadata {
        correlation_id: Some("request".into()),
        causation_id: Some("command".into()),
        principal: Some("anonymous".into()),
        traceparent: None,
    };
    let request = CommandRequest {
        metadata: metadata.clone(),
        ..CommandRequest::default()
    };
    accepted(process.execute_with("ada", register("Ada"), request).await);

    let reader = log.reader();
    let head = reader.head().await.expect("head");
    let events = reader.read(Position(0), 10).await.expect("read");

    assert_eq!(head.position, Position(1));
    assert_eq!(reader.log_id().await.expect("log id"), head.log_id);
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (event.position, event.sequence, event.log_id),
        (Position(1), Sequence(1), head.log_id)
    );
    assert_eq!(
        (event.aggregate_type.as_str(), event.aggregate_id.as_str()),
        ("user", "ada")
    );
    assert_eq!(
        (event.event_type.as_str(), event.event_version.as_str()),
        ("user.created", "1")
    );
    assert_eq!(event.metadata, metadata);
    assert_eq!(Some(event.recorded_at), head.recorded_at);
    assert_eq!(reader.event_id_at(Position(1)).await.expect("id"), Some(event.event_id));
    assert_eq!(reader.event_id_at(Position(2)).await.expect("id"), None);
    let payload: serde_json::Value = serde_json::from_str(&event.payload).expect("json");
    assert_eq!(
        payload,
        serde_json::json!({"id": "ada", "type": "user.created", "full_name": "Ada"})
    );
    assert!(matches!(event.decode(), Ok(Event::User(UserEvent::Created { .. }))));
}

#[tokio::test]
async fn a_range_is_complete_or_an_error_and_a_gap_is_never_read_over() {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=5 {
        accepted(process.execute("1", set_profile(&n.to_string())).await);
    }
    let reader = log.reader();
    assert_eq!(
        reader
            .read_range(Position(2), Position(6))
            .await
            .expect("complete")
            .len(),
        4
    );
    let incomplete = reader.read_range(Position(2), Position(8)).await;
    assert!(
        matches!(
            incomplete,
            Err(LogError::Incomplete {
                expected: 6,
                found: 4,
                ..
            })
        ),
        "{incomplete:?}"
    );
    assert!(reader.read(Position(6), 10).await.expect("nothing yet").is_empty());

    let mut admin = log.admin().await;
    let skipped = "INSERT INTO events VALUES (8, 'user', '2', 1, gen_random_uuid(), 'user.created', '1', '{}', '{}')";
    sqlx::query(skipped).execute(&mut admin).await.expect("insert");
    admin.close().await.expect("close");
    let gap = reader.read(Position(5), 10).await;
    assert!(
        matches!(
            gap,
            Err(LogError::Gap {
                expected: Position(7),
                found: Position(8)
            })
        ),
        "{gap:?}"
    );
}
