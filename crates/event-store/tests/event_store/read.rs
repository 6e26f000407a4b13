//! Reading the log: contiguous or an error.

use domain::{Event, Metadata, Position, Sequence, UserEvent};
use event_store::{CommandRequest, LogError, LogReader, Place, Share};
use futures::poll;
use sqlx::Connection;

use crate::setup::{Log, accepted, register, set_profile, until};

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
    for (position, event_id) in [(1, Some(event.event_id)), (2, None)] {
        let log_id = head.log_id;
        let place = reader.place(Position(position)).await.expect("a place");
        let head = Position(1);
        assert_eq!(place, Place { log_id, event_id, head });
    }
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

#[tokio::test]
async fn what_is_read_behind_an_event_is_read_from_the_log_that_has_it() {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=5 {
        accepted(process.execute("1", set_profile(&n.to_string())).await);
    }
    let reader = log.reader();
    let whole = reader.read(Position(0), 10).await.expect("read");
    let third = Some(whole[2].event_id);
    let behind = reader.read_on(Position(3), third, 2).await.expect("it is there");
    assert_eq!(behind, whole[3..5]);
    assert_eq!(
        reader.read_on(Position(0), None, 2).await.expect("all of it"),
        whole[..2]
    );
    let last = whole.last().map(|event| event.event_id);
    assert!(
        reader
            .read_on(Position(6), last, 2)
            .await
            .expect("nothing yet")
            .is_empty()
    );
    let excerpt = reader
        .read_kinds(Position(3), Position(6), &["movie"], Share::WHOLE)
        .await;
    assert_eq!(excerpt.expect("complete").before, third);
    for (told, has_told) in [
        (vec![], true),
        (vec![2, 4], true),
        (vec![2, 7], false),
        (vec![7], false),
    ] {
        let told: Vec<_> = told
            .into_iter()
            .map(|position: usize| (Position(position as i64), whole[position.min(6) - 1].event_id))
            .collect();
        let edges = reader.edges(Position(3), Position(6), &told).await.expect("edges");
        assert_eq!(
            (edges.before, edges.last, edges.has_told),
            (third, last, has_told),
            "{told:?}"
        );
    }
    let other = [(Position(4), whole[4].event_id)];
    assert!(
        !reader
            .edges(Position(3), Position(6), &other)
            .await
            .expect("edges")
            .has_told
    );
    let page = reader
        .stream_beside("user", "1", Sequence(1), 2, Position(3))
        .await
        .expect("read");
    assert_eq!((&page.events[..], page.beside), (&whole[1..3], third));

    for (position, event_id) in [(4, third), (7, last), (3, None)] {
        let diverged = reader.read_on(Position(position), event_id, 2).await;
        let at = Position(position);
        assert!(
            matches!(diverged, Err(LogError::Diverged { position }) if position == at),
            "{diverged:?}"
        );
    }
    log.tamper("DELETE FROM events WHERE position = 3").await;
    let diverged = reader.read_on(Position(3), third, 2).await;
    assert!(matches!(diverged, Err(LogError::Diverged { .. })), "{diverged:?}");
}

#[tokio::test]
async fn of_a_complete_range_only_the_kinds_that_are_asked_for_are_read() {
    let log = Log::create().await;
    let process = log.process();
    accepted(process.execute("1", set_profile("1")).await);
    let mut admin = log.admin().await;
    let of_another_kind = "INSERT INTO events VALUES \
        (3, 'movie', 'm', 1, gen_random_uuid(), 'movie.withdrawn', '1', '{\"type\": \"movie.withdrawn\"}', '{\"principal\": \"ada\"}'), \
        (4, 'cinema', 'c', 1, gen_random_uuid(), 'cinema.closed', '1', '{\"type\": \"cinema.closed\"}', '{}'), \
        (6, 'movie', 'n', 1, gen_random_uuid(), 'movie.withdrawn', '1', '{\"type\": \"movie.withdrawn\"}', '{}')";
    sqlx::query(of_another_kind).execute(&mut admin).await.expect("insert");
    admin.close().await.expect("close");
    let reader = log.reader();
    let excerpt = async |after, to, kinds: &[&str]| {
        reader
            .read_kinds(Position(after), Position(to), kinds, Share::WHOLE)
            .await
    };

    let whole = reader.read_range(Position(0), Position(4)).await.expect("complete");
    for (kinds, expected) in [
        (vec!["movie"], vec![2]),
        (vec!["cinema", "movie"], vec![2, 3]),
        (vec!["user"], vec![0, 1]),
    ] {
        let found = excerpt(0, 4, &kinds).await.expect("complete");
        let mut expected: Vec<_> = expected.into_iter().map(|index: usize| whole[index].clone()).collect();
        for event in &mut expected {
            event.metadata = Metadata::default();
        }
        assert_eq!(found.events, expected, "{kinds:?}");
        assert_eq!(
            (found.log_id, found.event_id, found.recorded_at),
            (whole[3].log_id, whole[3].event_id, whole[3].recorded_at)
        );
    }
    let nothing = excerpt(2, 4, &["booking"]).await.expect("complete");
    assert_eq!((nothing.events, nothing.event_id), (Vec::new(), whole[3].event_id));

    let mut shared = Vec::new();
    for share in Share::all(3) {
        let found = reader
            .read_kinds(Position(0), Position(4), &["user", "movie"], share)
            .await
            .expect("complete");
        assert_eq!(found.event_id, whole[3].event_id, "{share:?}");
        shared.extend(
            found
                .events
                .iter()
                .map(|event| (event.position.0, event.aggregate_id.clone())),
        );
    }
    shared.sort();
    let ids = [(1, "1".to_owned()), (2, "1".to_owned()), (3, "m".to_owned())];
    assert_eq!(shared, ids, "each stream is in one share");

    let gap = excerpt(2, 6, &["movie"]).await;
    assert!(
        matches!(
            gap,
            Err(LogError::Gap {
                expected: Position(5),
                found: Position(6)
            })
        ),
        "{gap:?}"
    );
    let incomplete = excerpt(2, 5, &["movie"]).await;
    assert!(
        matches!(
            incomplete,
            Err(LogError::Incomplete {
                expected: 3,
                found: 2,
                ..
            })
        ),
        "{incomplete:?}"
    );
}

#[tokio::test]
async fn a_stream_is_read_alone_in_order_and_never_over_a_missing_sequence() {
    let log = Log::create().await;
    let process = log.process();
    for n in 1..=3 {
        accepted(process.execute("1", set_profile(&n.to_string())).await);
        accepted(process.execute("10", set_profile(&n.to_string())).await);
    }
    let reader = log.reader();
    let sequences = async |id: &str, after, limit| {
        let events = reader.stream("user", id, Sequence(after), limit).await.expect("read");
        assert!(events.iter().all(|event| event.aggregate_id == id), "{events:?}");
        let sequences: Vec<i64> = events.iter().map(|event| event.sequence.0).collect();
        sequences
    };
    assert_eq!(sequences("1", 0, 10).await, [1, 2, 3, 4]);
    assert_eq!(sequences("1", 1, 2).await, [2, 3]);
    assert!(sequences("1", 4, 10).await.is_empty());
    assert!(sequences("unknown", 0, 10).await.is_empty());

    let mut admin = log.admin().await;
    let skipped = "INSERT INTO events VALUES (9, 'user', '1', 6, gen_random_uuid(), 'user.logged_in', '1', '{}', '{}')";
    sqlx::query(skipped).execute(&mut admin).await.expect("insert");
    admin.close().await.expect("close");
    let gap = reader.stream("user", "1", Sequence(0), 10).await;
    assert!(
        matches!(
            gap,
            Err(LogError::StreamGap {
                expected: Sequence(5),
                found: Sequence(6),
                ..
            })
        ),
        "{gap:?}"
    );
}

#[tokio::test]
async fn a_question_given_up_half_way_does_not_cost_the_pool_its_connection() {
    let log = Log::create().await;
    let reader = LogReader::new(
        log.pool_as("marquee_event_relay")
            .options()
            .clone()
            .max_connections(1)
            .connect_lazy(log.url_as("marquee_event_relay").expose())
            .expect("url"),
    );
    let mut admin = log.admin().await;
    let mut holding = admin.begin().await.expect("begin");
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *holding)
        .await
        .expect("lock");
    let mut looking_on = log.admin().await;
    let mut reading = Box::pin(reader.head());
    until(async || {
        let waiting = poll!(&mut reading);
        assert!(waiting.is_pending(), "{waiting:?}");
        log.lock_is_waited_for(&mut looking_on, "relation").await
    })
    .await;
    drop(reading);
    reader.log_id().await.expect("another connection");
    holding.rollback().await.expect("rollback");
}
