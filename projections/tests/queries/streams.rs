//! Streams are applied in any interleaving and in any batches, and never with a hole.

use std::collections::BTreeMap;

use domain::Position;
use projections::{ApplyError, Catalog, Movies, Projection, Recorded, Users};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::history::{History, cinema};
use crate::read_model::ReadModel;

const INTERLEAVINGS: usize = 24;

/// Users, movies and cinemas that have been through everything.
fn eventful() -> History {
    let mut history = History::default();
    for number in 0..4 {
        let (user, movie, cinema_id) = (format!("u{number}"), format!("m{number}"), format!("c{number}"));
        history.user(&user, "Ada Byron");
        history.push(&user, "user.roles.granted", json!({"role": "manager"}));
        history.push(&user, "user.roles.granted", json!({"role": "admin"}));
        history.push(
            &user,
            "user.profile.updated",
            json!({"full_name": "Ada L", "email": "ada@example.org"}),
        );
        history.push(&user, "user.roles.revoked", json!({"role": "manager"}));
        history.push(&user, "user.logged_in", json!({}));
        history.movie(&movie, "Alien", "1979-05-25");
        history.push(
            &movie,
            "movie.premiere.rescheduled",
            json!({"premiere_date": "1979-10-25"}),
        );
        history.push(&movie, "movie.details.updated", details());
        history.cinema(&cinema_id, "Odeon", "berlin");
        history.add_to_programme(&cinema_id, &movie);
        history.add_to_programme(&cinema_id, "m0");
        history.push(&cinema_id, "cinema.programme.movie_removed", json!({"movie_id": movie}));
        history.push(&cinema_id, "cinema.details.updated", cinema("Rex", "vienna"));
    }
    history.push("u3", "user.deleted", json!({}));
    history.push("m3", "movie.withdrawn", json!({}));
    history.push("c3", "cinema.closed", json!({}));
    history
}

fn details() -> Value {
    json!({"title": "ALIEN", "synopsis": "x", "runtime_minutes": 117, "age_rating": "16", "genres": ["horror"]})
}

/// Another order of the same events in which each stream keeps its own.
fn interleaved(events: &[Recorded], choices: &[usize]) -> Vec<Recorded> {
    let mut streams: BTreeMap<(&str, &str), Vec<&Recorded>> = BTreeMap::new();
    for recorded in events.iter().rev() {
        let envelope = &recorded.envelope;
        streams
            .entry((&envelope.aggregate_type, &envelope.aggregate_id))
            .or_default()
            .push(recorded);
    }
    let mut streams: Vec<Vec<&Recorded>> = streams.into_values().collect();
    let mut order = Vec::with_capacity(events.len());
    for choice in choices {
        let chosen = choice % streams.len();
        order.extend(streams[chosen].pop().cloned());
        streams.retain(|stream| !stream.is_empty());
    }
    order
}

async fn assert_commutes(projection: impl Projection) {
    let kinds: Vec<&str> = projection.bindings().iter().map(|binding| binding.exchange).collect();
    let mut events = eventful().events;
    events.retain(|recorded| kinds.contains(&recorded.envelope.aggregate_type.as_str()));
    let model = ReadModel::empty(projection).await;
    let one_by_one = model.contents(&events, &vec![1; events.len()]).await;

    let mut runner = TestRunner::deterministic();
    let strategy = (vec(0..1000_usize, events.len()), vec(0..20_usize, 0..6));
    for _ in 0..INTERLEAVINGS {
        let (choices, batches) = strategy.new_tree(&mut runner).expect("a value").current();
        let order = interleaved(&events, &choices);
        assert_eq!(order.len(), events.len());
        let contents = model.contents(&order, &batches).await;
        assert!(
            contents == one_by_one,
            "batches {batches:?} of {order:#?}\n{contents:#?}\ninstead of\n{one_by_one:#?}"
        );
    }
}

#[tokio::test]
async fn interleavings_of_users_commute() {
    assert_commutes(Users).await;
}

#[tokio::test]
async fn interleavings_of_movies_commute() {
    assert_commutes(Movies).await;
}

#[tokio::test]
async fn interleavings_of_cinemas_and_movies_commute() {
    assert_commutes(Catalog).await;
}

async fn assert_refused(model: &ReadModel, events: &[Recorded], at: i64) {
    let refused = model.apply(events).await.expect_err("an event that does not follow");
    assert!(
        matches!(refused, ApplyError::Rule { position, .. } if position == Position(at)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_event_missing_in_a_stream_is_a_broken_rule_and_nothing_of_the_batch_is_written() {
    let mut history = History::default();
    history.movie("m1", "One", "2026-01-01");
    history.movie("m2", "Two", "2026-01-01");
    history.push(
        "m2",
        "movie.premiere.rescheduled",
        json!({"premiere_date": "2026-02-02"}),
    );
    history.push(
        "m2",
        "movie.premiere.rescheduled",
        json!({"premiere_date": "2026-03-03"}),
    );
    let events = &history.events;
    for model in [ReadModel::empty(Movies).await, ReadModel::empty(Catalog).await] {
        let holed = [events[0].clone(), events[1].clone(), events[3].clone()];
        assert_refused(&model, &holed, 4).await;
        assert_refused(&model, &events[2..], 3).await;
        model.apply(&events[..2]).await.expect("nothing was written before");
        assert_refused(&model, &events[3..], 4).await;
        assert_refused(&model, &events[1..2], 2).await;
        model
            .apply(&events[2..])
            .await
            .expect("nothing was written by what was refused");
    }
}
