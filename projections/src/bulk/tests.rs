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
use crate::{Generation, Movies, Projection, Recorded, Users, control};

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

/// The history in chunks: what is applied, and an event to discard behind it.
///
/// The last event of some chunks is discarded; what follows it in its stream must go on all the same.
fn chunks(events: &[Recorded]) -> impl Iterator<Item = (&[Recorded], Option<&Recorded>)> {
    events
        .chunks(7)
        .enumerate()
        .map(|(nr, events)| match events.split_last() {
            Some((last, before)) if nr % 5 == 4 && last.envelope.event_type == "user.logged_in" => (before, Some(last)),
            _ => (events, None),
        })
}

async fn apply_in_pieces(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
    events: &[Recorded],
) {
    for (applied, discarded) in chunks(events) {
        projection
            .apply(tx, &generation, applied)
            .await
            .expect("a valid history");
        if let Some(event) = discarded {
            projection
                .discard(tx, &generation, &event.envelope)
                .await
                .expect("an event of a stream");
        }
    }
}

/// Loads the streams in shares, as their numbers divide them.
async fn load_at_once(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
    events: &[Recorded],
    shares: usize,
) {
    let mut bulk = projection.bulk_load().expect("it can be loaded at once");
    for share in 0..shares {
        let is_of_share = |event: &&Recorded| usize::from(event.envelope.aggregate_id.as_bytes()[1]) % shares == share;
        for (applied, discarded) in chunks(events) {
            let applied: Vec<Recorded> = applied.iter().filter(is_of_share).cloned().collect();
            bulk.apply(&applied).expect("a valid history");
            if let Some(event) = discarded.filter(is_of_share) {
                bulk.discard(&event.envelope);
            }
        }
        bulk.write(tx, &generation).await.expect("rows");
    }
}

async fn make(
    connection: &mut PgConnection,
    projection: &dyn Projection,
    generation: Generation,
    events: &[Recorded],
    shares: Option<usize>,
) {
    let mut tx = connection.begin().await.expect("a transaction");
    control::create_tables(&mut tx, projection, generation)
        .await
        .expect("tables");
    match shares {
        Some(shares) => load_at_once(&mut tx, projection, generation, events, shares).await,
        None => apply_in_pieces(&mut tx, projection, generation, events).await,
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
        make(&mut connection, &Users, number(1), &history, None).await;
        for (of, shares) in [(2, 1), (3, 2), (4, 5)] {
            make(&mut connection, &Users, number(of), &history, Some(shares)).await;
            let mut found = Verification::default();
            let (new, old) = (number(of).to_string(), number(1).to_string());
            compare(&mut connection, &new, Some(&old), &mut found)
                .await
                .expect("a comparison");
            assert_eq!(found.differences, Vec::new(), "in {shares} shares: {history:?}");
            assert_eq!(found.differences_total, 0);
        }
    }
}

/// What a movie is found by goes as text into a statement and in binary into COPY.
#[tokio::test]
async fn what_movies_are_found_by_is_the_same_however_it_was_written() {
    let mut events = Vec::new();
    let titles = [
        "Ocean's \\ \"Eleven\"",
        "千と千尋の神隠し",
        "the the the",
        "???",
        "기생충",
        "S.W.A.T. & Face/Off 8½",
    ];
    for (number, title) in titles.into_iter().enumerate() {
        let synopsis = format!("{title} ").repeat(300);
        let details = |title: &str, synopsis: &str| {
            json!({
                "title": title, "synopsis": synopsis, "runtime_minutes": 100, "age_rating": "12", "genres": ["drama"],
                "premiere_date": "2026-01-01",
            })
        };
        let mut updated = details(&format!("{title} 2"), &synopsis);
        updated.as_object_mut().expect("an object").remove("premiere_date");
        let of_stream = [
            recorded(1, "movie.announced", "2", details(title, "")),
            recorded(
                2,
                "movie.premiere.rescheduled",
                "1",
                json!({"premiere_date": "2026-02-02"}),
            ),
            recorded(3, "movie.details.updated", "1", updated.clone()),
            recorded(4, "movie.details.updated", "1", updated),
        ];
        events.extend(of_stream.into_iter().map(|mut event| {
            event.envelope.aggregate_id = format!("m{number}");
            event
        }));
    }
    let database = TestDatabase::create("bulk").await;
    let mut connection = PgConnection::connect(&database.url()).await.expect("a connection");
    let (applied, loaded) = (Generation::new("movies", 1), Generation::new("movies", 2));
    make(&mut connection, &Movies, applied, &events, None).await;
    make(&mut connection, &Movies, loaded, &events, Some(1)).await;
    let mut found = Verification::default();
    let (new, old) = (loaded.to_string(), applied.to_string());
    compare(&mut connection, &new, Some(&old), &mut found)
        .await
        .expect("a comparison");
    assert_eq!(found.differences, Vec::new());
    assert_eq!(found.tables[0].rows, i64::try_from(titles.len()).expect("few"));
}
