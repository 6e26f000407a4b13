//! The log as it stands in the database, and read models held against it.

use std::collections::BTreeMap;

use e2e::Client;
use sqlx::PgConnection;

use crate::writer::Acknowledged;

/// A profile update in the log.
struct Update {
    user: String,
    name: String,
    sequence: i64,
    position: i64,
}

async fn updates(event_store: &mut PgConnection) -> Vec<Update> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT aggregate_id, payload ->> 'full_name', sequence, position FROM events \
         WHERE event_type = 'user.profile.updated' ORDER BY position",
    )
    .fetch_all(event_store)
    .await
    .expect("the log");
    let update = |(user, name, sequence, position)| Update {
        user,
        name,
        sequence,
        position,
    };
    rows.into_iter().map(update).collect()
}

/// The position of the last event; positions have no gap up to it.
pub(crate) async fn head(event_store: &mut PgConnection) -> i64 {
    let (count, head): (i64, i64) = sqlx::query_as("SELECT count(*), coalesce(max(position), 0) FROM events")
        .fetch_one(event_store)
        .await
        .expect("the log");
    assert_eq!(count, head, "positions are dense");
    head
}

/// How many events there are of each type.
pub(crate) async fn events_by_type(event_store: &mut PgConnection) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT event_type, count(*) FROM events GROUP BY event_type")
        .fetch_all(event_store)
        .await
        .expect("the log");
    rows.into_iter().collect()
}

/// Every acknowledged command is in the log once, with the sequence and the position it was answered with, and no
/// command, acknowledged or not, is there twice.
pub(crate) async fn assert_acknowledged_once(event_store: &mut PgConnection, acknowledged: &[Acknowledged]) {
    let mut by_name = BTreeMap::new();
    for update in updates(event_store).await {
        let name = update.name.clone();
        assert!(by_name.insert(name.clone(), update).is_none(), "{name} is there twice");
    }
    for answer in acknowledged {
        let update = by_name
            .get(&answer.name)
            .unwrap_or_else(|| panic!("{answer:?} is lost"));
        assert_eq!(
            (&update.user, update.sequence, update.position),
            (&answer.user, answer.sequence, answer.position)
        );
    }
}

/// Every user's read model is what the log says of the user last.
pub(crate) async fn assert_read_models_equal(event_store: &mut PgConnection, client: &Client) {
    let head = head(event_store).await;
    let last: BTreeMap<String, Update> = updates(event_store)
        .await
        .into_iter()
        .map(|update| (update.user.clone(), update))
        .collect();
    assert!(!last.is_empty());
    for (user, update) in last {
        let shown = client.get_at(&format!("/users/{user}"), head).await.accepted().body;
        assert_eq!(shown["full_name"], update.name.as_str(), "{user}");
        assert_eq!(shown["sequence"], update.sequence, "{user}");
    }
}
