//! The routes of cinemas.

use serde_json::{Value, json};

use crate::harness::Api;
use crate::movies::metropolis;

fn babylon() -> Value {
    let mut cinema = details("Babylon");
    cinema["id"] = json!("babylon");
    cinema
}

fn details(name: &str) -> Value {
    json!({ "name": name, "city_id": "berlin", "address": "Rosa-Luxemburg-Straße 30", "time_zone": "Europe/Berlin" })
}

async fn with_cinema_and_movie() -> Api {
    let api = Api::start().await;
    api.post("/cinemas").json(&babylon()).accepted().await;
    api.post("/movies").json(&metropolis()).accepted().await;
    api
}

#[tokio::test]
async fn opening_a_cinema_answers_201_with_its_place_and_its_fields() {
    let api = Api::start().await;
    let answer = api.post("/cinemas").json(&babylon()).accepted().await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, Some("/cinemas/babylon"))
    );
    let mut expected = babylon();
    expected["sequence"] = json!(1);
    expected["position"] = json!(1);
    assert_eq!(answer.body, expected);
    assert_eq!(api.event_types().await, ["cinema.opened"]);
    api.post("/cinemas")
        .json(&babylon())
        .refused(409, "CINEMA_ALREADY_EXISTS")
        .await;
}

#[tokio::test]
async fn details_are_updated_as_a_whole_and_the_same_again_changes_nothing() {
    let api = with_cinema_and_movie().await;
    let mut expected = details("Kino Babylon");
    for (name, value) in [("id", json!("babylon")), ("sequence", json!(2)), ("position", json!(3))] {
        expected[name] = value;
    }
    for _ in 0..2 {
        let answer = api
            .put("/cinemas/babylon/details")
            .json(&details("Kino Babylon"))
            .accepted()
            .await;
        assert_eq!((answer.status, &answer.body), (200, &expected));
    }
    assert_eq!(api.event_types().await[2..], ["cinema.details.updated"]);
}

#[tokio::test]
async fn a_movie_is_added_to_and_removed_from_the_programme_and_twice_changes_nothing() {
    let api = with_cinema_and_movie().await;
    let answer = |sequence: i64, position: i64| json!({ "id": "babylon", "sequence": sequence, "position": position, "movie_id": "metropolis" });
    for _ in 0..2 {
        assert_eq!(
            api.put("/cinemas/babylon/programme/metropolis").accepted().await.body,
            answer(2, 3)
        );
    }
    for _ in 0..2 {
        assert_eq!(
            api.delete("/cinemas/babylon/programme/metropolis")
                .accepted()
                .await
                .body,
            answer(3, 4)
        );
    }
    assert_eq!(
        api.event_types().await[2..],
        ["cinema.programme.movie_added", "cinema.programme.movie_removed"]
    );
}

#[tokio::test]
async fn only_a_movie_that_exists_and_is_not_withdrawn_is_added() {
    let api = with_cinema_and_movie().await;
    api.put("/cinemas/babylon/programme/none")
        .refused(404, "MOVIE_NOT_FOUND")
        .await;
    api.delete("/movies/metropolis").accepted().await;
    api.put("/cinemas/babylon/programme/metropolis")
        .refused(409, "MOVIE_WITHDRAWN")
        .await;
    assert_eq!(
        api.event_types().await,
        ["cinema.opened", "movie.announced", "movie.withdrawn"]
    );
}

#[tokio::test]
async fn a_movie_withdrawn_while_it_is_being_added_is_in_the_log_before_or_not_added_at_all() {
    let api = with_cinema_and_movie().await;
    let (added, withdrawn) = tokio::join!(
        api.put("/cinemas/babylon/programme/metropolis").send(),
        api.delete("/movies/metropolis").accepted()
    );
    assert!(matches!(added.status, 200 | 409), "{added:?}");
    if added.status == 200 {
        assert!(added.position() < withdrawn.position(), "a withdrawn movie was added");
    }
}

#[tokio::test]
async fn a_closed_cinema_is_gone_for_every_command() {
    let api = with_cinema_and_movie().await;
    let answer = api.delete("/cinemas/babylon").accepted().await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({ "id": "babylon", "sequence": 2, "position": 3 }))
    );

    api.post("/cinemas")
        .json(&babylon())
        .refused(410, "CINEMA_CLOSED")
        .await;
    api.put("/cinemas/babylon/details")
        .json(&details("a"))
        .refused(410, "CINEMA_CLOSED")
        .await;
    api.put("/cinemas/babylon/programme/metropolis")
        .refused(410, "CINEMA_CLOSED")
        .await;
    api.delete("/cinemas/babylon/programme/metropolis")
        .refused(410, "CINEMA_CLOSED")
        .await;
    api.delete("/cinemas/babylon").refused(410, "CINEMA_CLOSED").await;
}

#[tokio::test]
async fn an_unknown_cinema_is_not_found() {
    let api = Api::start().await;
    api.post("/movies").json(&metropolis()).accepted().await;
    api.put("/cinemas/none/details")
        .json(&details("a"))
        .refused(404, "CINEMA_NOT_FOUND")
        .await;
    api.put("/cinemas/none/programme/metropolis")
        .refused(404, "CINEMA_NOT_FOUND")
        .await;
    api.delete("/cinemas/none/programme/metropolis")
        .refused(404, "CINEMA_NOT_FOUND")
        .await;
    api.delete("/cinemas/none").refused(404, "CINEMA_NOT_FOUND").await;
    assert_eq!(api.event_types().await, ["movie.announced"]);
}

#[tokio::test]
async fn all_wrong_fields_are_told_at_once() {
    let api = Api::start().await;
    let wrong = json!({ "id": "", "name": " ", "city_id": "new york", "address": "\u{0}", "time_zone": "Berlin" });
    let answer = api
        .post("/cinemas")
        .json(&wrong)
        .refused(422, "VALIDATION_FAILED")
        .await;
    let pointers: Vec<String> = answer.field_errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/id", "/name", "/city_id", "/address", "/time_zone"]);
}
