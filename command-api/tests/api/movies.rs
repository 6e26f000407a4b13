//! The routes of movies.

use serde_json::{Value, json};

use crate::harness::Api;

pub(crate) fn metropolis() -> Value {
    json!({
        "id": "metropolis", "title": "Metropolis", "synopsis": "A city of the future.\nIts machines.", "runtime_minutes": 153,
        "age_rating": "6", "genres": ["drama", "science-fiction"], "premiere_date": "1927-01-10",
    })
}

fn details(title: &str) -> Value {
    json!({ "title": title, "synopsis": "", "runtime_minutes": 150, "age_rating": "12", "genres": ["drama"] })
}

async fn with_movie() -> Api {
    let api = Api::start().await;
    api.post("/movies").json(&metropolis()).accepted().await;
    api
}

#[tokio::test]
async fn announcing_a_movie_answers_201_with_its_place_and_its_fields() {
    let api = Api::start().await;
    let answer = api.post("/movies").json(&metropolis()).accepted().await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, Some("/movies/metropolis"))
    );
    let mut expected = metropolis();
    expected["sequence"] = json!(1);
    expected["position"] = json!(1);
    assert_eq!(answer.body, expected);
    assert_eq!(api.event_types().await, ["movie.announced"]);
}

#[tokio::test]
async fn a_movie_is_announced_once() {
    let api = with_movie().await;
    api.post("/movies")
        .json(&metropolis())
        .refused(409, "MOVIE_ALREADY_EXISTS")
        .await;
}

#[tokio::test]
async fn details_are_updated_as_a_whole_and_the_same_again_changes_nothing() {
    let api = with_movie().await;
    let mut expected = details("Metropolis (restored)");
    for (name, value) in [
        ("id", json!("metropolis")),
        ("sequence", json!(2)),
        ("position", json!(2)),
    ] {
        expected[name] = value;
    }
    for _ in 0..2 {
        let answer = api
            .put("/movies/metropolis/details")
            .json(&details("Metropolis (restored)"))
            .accepted()
            .await;
        assert_eq!((answer.status, &answer.body), (200, &expected));
    }
    assert_eq!(api.event_types().await, ["movie.announced", "movie.details.updated"]);
}

#[tokio::test]
async fn a_premiere_is_rescheduled_and_the_same_date_again_changes_nothing() {
    let api = with_movie().await;
    let expected = json!({ "id": "metropolis", "sequence": 2, "position": 2, "premiere_date": "2010-02-12" });
    for _ in 0..2 {
        let answer = api
            .put("/movies/metropolis/premiere")
            .json(&json!({ "premiere_date": "2010-02-12" }))
            .accepted()
            .await;
        assert_eq!((answer.status, &answer.body), (200, &expected));
    }
    assert_eq!(
        api.event_types().await,
        ["movie.announced", "movie.premiere.rescheduled"]
    );
}

#[tokio::test]
async fn a_withdrawn_movie_is_gone_for_every_command() {
    let api = with_movie().await;
    let answer = api.delete("/movies/metropolis").accepted().await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({ "id": "metropolis", "sequence": 2, "position": 2 }))
    );

    api.post("/movies")
        .json(&metropolis())
        .refused(410, "MOVIE_WITHDRAWN")
        .await;
    api.put("/movies/metropolis/details")
        .json(&details("a"))
        .refused(410, "MOVIE_WITHDRAWN")
        .await;
    api.put("/movies/metropolis/premiere")
        .json(&json!({ "premiere_date": "2010-02-12" }))
        .refused(410, "MOVIE_WITHDRAWN")
        .await;
    api.delete("/movies/metropolis").refused(410, "MOVIE_WITHDRAWN").await;
    assert_eq!(api.event_types().await, ["movie.announced", "movie.withdrawn"]);
}

#[tokio::test]
async fn an_unknown_movie_is_not_found() {
    let api = Api::start().await;
    api.put("/movies/none/details")
        .json(&details("a"))
        .refused(404, "MOVIE_NOT_FOUND")
        .await;
    api.put("/movies/none/premiere")
        .json(&json!({ "premiere_date": "2010-02-12" }))
        .refused(404, "MOVIE_NOT_FOUND")
        .await;
    api.delete("/movies/none").refused(404, "MOVIE_NOT_FOUND").await;
    assert_eq!(api.events().await.len(), 0);
}

#[tokio::test]
async fn all_wrong_fields_are_told_at_once() {
    let api = Api::start().await;
    let wrong = json!({
        "id": "a/b", "title": "", "synopsis": "x".repeat(5001), "runtime_minutes": 0,
        "age_rating": "13", "genres": [], "premiere_date": "1927-02-30",
    });
    let answer = api.post("/movies").json(&wrong).refused(422, "VALIDATION_FAILED").await;
    let pointers: Vec<String> = answer.field_errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        pointers,
        [
            "/id",
            "/title",
            "/synopsis",
            "/runtime_minutes",
            "/age_rating",
            "/genres",
            "/premiere_date"
        ]
    );
}
