//! A history loaded at once is the history applied in pieces.

use dev_stack::TestDatabase;
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::rebuild::compare::compare;
use crate::rebuild::verification::Verification;
use crate::row::testing::recorded;
use crate::{Generation, Projection, Recorded, Users, control};

const HISTORIES: usize = 12;

/// Events of some users, each with a valid stream, whichever comes next.
fn history(choices: &[(u8, u8)]) -> Vec<Recorded> {
    let mut lengths = [0_i64; 9];
    let mut events = Vec::new();
    for (position, (user, what)) in (1..).zip(choices) {
        let user = usize::from(*user) % lengths.len();
        if lengths[user] < 0 {
            continue;
        }
        let sequence = lengths[user] + 1;
        lengths[user] = sequence;
        let person = json!({"full_name": format!("Zo\u{eb} \"{what}\" \\ O'Hara"), "email": "zoe@example.org"});
        let (event_type, payload) = match (sequence, what % 8) {
            (1, _) => ("user.created", person),
            (_, 0) => ("user.deleted", json!({})),
            (_, 1 | 2) => ("user.profile.updated", json!({"full_name": format!("Name {what}")})),
            (_, 3) => ("user.roles.revoked", json!({"role": "manager"})),
            (_, 4 | 5) => ("user.roles.granted", json!({"role": "manager"})),
            _ => ("user.logged_in", json!({})),
        };
        if event_type == "user.deleted" {
            lengths[user] = -1;
        }
        let mut event = recorded(sequence, event_type, "1", payload);
        event.envelope.aggregate_id = format!("u{user}");
        event.envelope.position = domain::Position(position);
        events.push(event);
    }
    events
}

async fn load(
    connection: &mut PgConnection,
    generation: Generation,
    events: &[Recorded],
    resident_rows_max: Option<usize>,
) {
    let mut tx = connection.begin().await.expect("a transaction");
    control::create_tables(&mut tx, &Users, generation)
        .await
        .expect("tables");
    let mut bulk = resident_rows_max.map(|resident_rows_max| {
        let mut bulk = Users.bulk_load().expect("users can be loaded at once");
        bulk.resident_rows_max = resident_rows_max;
        bulk
    });
    for (nr, events) in events.chunks(7).enumerate() {
        let (last, before) = events.split_last().expect("a chunk has events");
        // The last of some chunks is discarded; what follows it in its stream must go on all the same.
        let is_discarded = nr % 5 == 4 && last.envelope.event_type == "user.logged_in";
        let applied = if is_discarded { before } else { events };
        match &mut bulk {
            Some(bulk) => bulk.apply(&mut tx, &generation, applied).await,
            None => Users.apply(&mut tx, &generation, applied).await,
        }
        .expect("a valid history");
        if is_discarded {
            match &mut bulk {
                Some(bulk) => bulk.discard(&mut tx, &generation, &last.envelope).await,
                None => Users.discard(&mut tx, &generation, &last.envelope).await,
            }
            .expect("an event of a stream");
        }
    }
    if let Some(bulk) = &mut bulk {
        bulk.write(&mut tx, &generation).await.expect("rows");
    }
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_history_loaded_at_once_is_the_history_applied_in_pieces() {
    let database = TestDatabase::create("bulk").await;
    let mut connection = PgConnection::connect(&database.url()).await.expect("a connection");
    let mut runner = TestRunner::deterministic();
    let choices = proptest::collection::vec(any::<(u8, u8)>(), 0..300);
    for nr in 0..HISTORIES {
        let history = history(&choices.new_tree(&mut runner).expect("a history").current());
        let number = |of: usize| Generation::new("users", i64::try_from(nr * 10 + of).expect("a small number"));
        load(&mut connection, number(1), &history, None).await;
        for (of, resident_rows_max) in [(2, usize::MAX), (3, 0), (4, 3)] {
            load(&mut connection, number(of), &history, Some(resident_rows_max)).await;
            let mut found = Verification::default();
            let (new, old) = (number(of).to_string(), number(1).to_string());
            compare(&mut connection, &new, Some(&old), &mut found)
                .await
                .expect("a comparison");
            assert_eq!(
                found.differences,
                Vec::new(),
                "with {resident_rows_max} rows in memory: {history:?}"
            );
            assert_eq!(found.differences_total, 0);
        }
    }
}
