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
        "age_rating": "13", "genres": ["Drama"], "premiere_date": "1927-02-30",
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
            "/genres/0",
            "/premiere_date"
        ]
    );
}

fn das_boot() -> Value {
    json!({
        "id": "das-boot", "title": "Das Boot", "original_title": "Das Boot (Kino)",
        "titles": [{ "language": "en", "title": "The Boat" }], "synopsis": "A patrol.", "runtime_minutes": 51_420,
        "age_rating": "12", "ratings": [{ "scheme": "mpa", "value": "R" }, { "scheme": "bbfc", "value": "unrated" }],
        "genres": ["war", "drama"], "languages": ["de", "pt-BR"], "countries": ["DE", "SUHH"],
        "credits": [
            { "name": "Wolfgang Petersen", "role": "director" },
            { "name": "Jürgen Prochnow", "role": "actor", "character": "Captain" },
        ],
        "external_ids": [{ "scheme": "imdb", "value": "tt0082096" }],
        "premiere_date": "1981-09", "premieres": [{ "country": "DE", "date": "1981-09-17" }],
    })
}

#[tokio::test]
async fn everything_that_is_told_of_a_movie_is_answered_and_recorded() {
    let api = Api::start().await;
    let answer = api.post("/movies").json(&das_boot()).accepted().await;
    let mut expected = das_boot();
    expected["sequence"] = json!(1);
    expected["position"] = json!(1);
    assert_eq!(answer.body, expected);

    let recorded = api.events().await[0].payload.clone();
    assert_eq!(
        recorded["ratings"],
        json!([
            { "scheme": "age", "value": "12" },
            { "scheme": "mpa", "value": "R" },
            { "scheme": "bbfc", "value": "unrated" },
        ])
    );
    assert_eq!(
        recorded["genres"],
        json!([{ "slug": "war", "label": "War" }, { "slug": "drama", "label": "Drama" }])
    );
    for field in [
        "title",
        "original_title",
        "titles",
        "runtime_minutes",
        "languages",
        "countries",
        "credits",
        "external_ids",
        "premiere_date",
        "premieres",
    ] {
        assert_eq!(recorded[field], das_boot()[field], "{field}");
    }
}

#[tokio::test]
async fn a_title_is_enough_and_null_is_as_good_as_nothing() {
    let api = Api::start().await;
    api.post("/movies")
        .json(&json!({ "id": "21", "title": "21" }))
        .accepted()
        .await;
    let nulls = json!({
        "title": "21", "original_title": null, "titles": null, "synopsis": null, "runtime_minutes": null, "ratings": null,
        "genres": null, "languages": null, "countries": null, "credits": null, "external_ids": null,
    });
    api.put("/movies/21/details").json(&nulls).accepted().await;
    let empty = json!({ "title": "21", "titles": [], "ratings": [], "genres": [], "languages": [], "countries": [] });
    api.put("/movies/21/details").json(&empty).accepted().await;
    api.put("/movies/21/premiere")
        .json(&json!({ "premiere_date": null, "premieres": [] }))
        .accepted()
        .await;
    assert_eq!(api.event_types().await, ["movie.announced"], "nothing of it is news");
    api.put("/movies/21/premiere")
        .json(&json!({}))
        .refused(422, "VALIDATION_FAILED")
        .await;
}

#[tokio::test]
async fn a_rating_said_both_ways_is_said_once_and_two_of_a_scheme_are_refused() {
    let api = Api::start().await;
    let movie = |ratings: Value| json!({ "id": "m", "title": "M", "age_rating": "12", "ratings": ratings });
    let refused = api
        .post("/movies")
        .json(&movie(json!([{ "scheme": "age", "value": "16" }])))
        .refused(422, "VALIDATION_FAILED")
        .await;
    assert_eq!(
        refused.field_errors(),
        [("/ratings".to_owned(), "DUPLICATE_RATING".to_owned())]
    );
    let answer = api
        .post("/movies")
        .json(&movie(json!([{ "scheme": "age", "value": "12" }])))
        .accepted()
        .await;
    assert_eq!(answer.body["age_rating"], "12");
}

#[tokio::test]
async fn a_genre_may_come_with_a_label_and_without_a_slug() {
    let api = Api::start().await;
    let genres = json!(["drama", { "label": "Sci-Fi" }, { "label": "ドラマ", "slug": "dorama" }]);
    let answer = api
        .post("/movies")
        .json(&json!({ "id": "m", "title": "M", "genres": genres }))
        .accepted()
        .await;
    assert_eq!(answer.body["genres"], json!(["drama", "sci-fi", "dorama"]));
    let recorded = api.events().await[0].payload.clone();
    assert_eq!(recorded["genres"][1], json!({ "slug": "sci-fi", "label": "Sci-Fi" }));
}

#[tokio::test]
async fn each_wrong_item_of_a_list_is_told_at_its_place() {
    let api = Api::start().await;
    let wrong = json!({
        "title": "M",
        "titles": [{ "language": "xx", "title": "" }],
        "ratings": [{ "scheme": "mpa", "value": "R" }, { "scheme": "", "value": "R" }],
        "genres": ["drama", { "label": "ドラマ" }],
        "languages": ["de", "German"],
        "countries": ["DE", "Germany"],
        "credits": [
            { "name": "", "role": "director" }, { "name": "M", "role": "?" },
            { "name": "M", "role": "actor", "character": "" },
        ],
        "external_ids": [{ "scheme": "imdb", "value": "17136" }],
        "premieres": [{ "country": "DE", "date": "1931-13" }],
    });
    let answer = api.post("/movies").json(&wrong).refused(422, "VALIDATION_FAILED").await;
    let told: Vec<(String, String)> = answer.field_errors();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(pointer, code)| (pointer.as_str(), code.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("/titles/0/language", "INVALID_LANGUAGE"),
            ("/titles/0/title", "TOO_SHORT"),
            ("/ratings/1/scheme", "INVALID_SCHEME"),
            ("/genres/1/slug", "INVALID_GENRE"),
            ("/languages/1", "INVALID_LANGUAGE"),
            ("/countries/1", "UNKNOWN_COUNTRY"),
            ("/credits/0/name", "TOO_SHORT"),
            ("/credits/1/role", "INVALID_ROLE"),
            ("/credits/2/character", "TOO_SHORT"),
            ("/external_ids/0/value", "INVALID_EXTERNAL_ID"),
            ("/premieres/0/date", "INVALID_DATE"),
        ]
    );
    let many = vec![json!({ "name": "", "role": "actor" }); 400];
    let answer = api
        .post("/movies")
        .json(&json!({ "title": "M", "credits": many }))
        .refused(422, "VALIDATION_FAILED")
        .await;
    assert_eq!(answer.field_errors().len(), 20, "not four hundred");
}

#[tokio::test]
async fn a_withdrawn_movie_is_announced_again_only_as_a_new_release_and_its_sequence_goes_on() {
    let api = with_movie().await;
    api.delete("/movies/metropolis").accepted().await;
    api.post("/movies")
        .json(&metropolis())
        .refused(410, "MOVIE_WITHDRAWN")
        .await;

    let mut again = metropolis();
    again["new_release"] = json!(true);
    let answer = api.post("/movies").json(&again).accepted().await;
    let (first, third) = (api.tag(1).await, api.tag(3).await);
    assert_eq!(
        (answer.status, answer.header("etag"), answer.header("location")),
        (201, Some(third.as_str()), Some("/movies/metropolis"))
    );
    assert_eq!(answer.body["sequence"], 3);
    api.post("/movies")
        .json(&again)
        .refused(409, "MOVIE_ALREADY_EXISTS")
        .await;
    api.put("/movies/metropolis/details")
        .header("if-match", &first)
        .json(&details("a"))
        .refused(412, "PRECONDITION_FAILED")
        .await;
    api.put("/movies/metropolis/details")
        .header("if-match", &third)
        .json(&details("a"))
        .accepted()
        .await;
    assert_eq!(
        api.event_types().await,
        [
            "movie.announced",
            "movie.withdrawn",
            "movie.announced",
            "movie.details.updated"
        ]
    );
}
