//! Queries of the catalog.

use chrono::{Days, NaiveDate, TimeDelta, Utc};
use projections::Catalog;
use reqwest::StatusCode;
use serde_json::json;

use crate::history::{History, cinema, recorded_at};
use crate::read_model::{ReadModel, fields};

/// Far enough from midnight in any time zone.
fn days_ago(days: u64) -> String {
    (today() - Days::new(days)).to_string()
}

fn in_days(days: u64) -> String {
    (today() + Days::new(days)).to_string()
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}

/// Two open cinemas and a closed one in Berlin, one in Vienna, and movies old, new and to come.
fn some_cinemas() -> History {
    let mut history = History::default();
    history.movie("old", "Old", "1979-05-25");
    history.movie("new", "New", &days_ago(5));
    history.movie("soon", "Soon", &in_days(3));
    history.movie("later", "Later", &in_days(60));
    history.cinema("odeon", "Odeon", "berlin");
    history.cinema("astor", "Astor", "berlin");
    history.cinema("closed", "Closed", "berlin");
    history.cinema("burg", "Burg", "vienna");
    for movie_id in ["soon", "old", "new", "later"] {
        history.add_to_programme("odeon", movie_id);
    }
    history.add_to_programme("astor", "old");
    history.push("closed", "cinema.closed", json!({}));
    history
}

async fn apply_last(model: &ReadModel, history: &History) {
    model
        .apply(&history.events[history.events.len() - 1..])
        .await
        .expect("a valid event");
}

#[tokio::test]
async fn a_city_shows_its_open_cinemas_with_their_movies_and_current_premieres() {
    let model = ReadModel::of(Catalog, &some_cinemas()).await;
    let answered = model.get("/catalog/berlin").await;
    assert_eq!(answered.status, StatusCode::OK);
    let body = &answered.body;
    assert_eq!(
        (&body["city_id"], &body["next_cursor"]),
        (&json!("berlin"), &json!(null))
    );
    assert_eq!(fields(&body["items"], "name"), ["Astor", "Odeon"]);

    let odeon = &body["items"][1];
    assert_eq!(
        fields(&odeon["movies"], "id"),
        ["soon", "old", "new", "later"],
        "in the order they were added"
    );
    assert_eq!(fields(&odeon["premieres"], "id"), ["new", "soon"], "the earliest first");
    assert_eq!(
        odeon["movies"][1],
        json!({
            "id": "old", "title": "Old", "runtime_minutes": 100, "age_rating": "12",
            "ratings": [{"scheme": "age", "value": "12"}], "genres": ["drama"], "premiere_date": "1979-05-25",
        })
    );
    assert_eq!(
        (&odeon["id"], &odeon["time_zone"]),
        (&json!("odeon"), &json!("Europe/Berlin"))
    );
    assert_eq!(odeon["address"], json!("Main Street 1"));
    assert_eq!(body["items"][0]["premieres"], json!([]));
}

#[tokio::test]
async fn the_window_of_current_premieres_is_a_parameter() {
    let model = ReadModel::of(Catalog, &some_cinemas()).await;
    let table = [
        ("?window_days_before=1", vec!["soon"]),
        ("?window_days_after=1", vec!["new"]),
        ("?window_days_before=0&window_days_after=0", vec![]),
        ("?window_days_after=90", vec!["new", "soon", "later"]),
    ];
    for (query, expected) in table {
        let body = model.get(&format!("/catalog/berlin{query}")).await.body;
        assert_eq!(fields(&body["items"][1]["premieres"], "id"), expected, "{query}");
        assert_eq!(
            fields(&body["items"][1]["movies"], "id").len(),
            4,
            "{query}: the programme is whole"
        );
    }
}

#[tokio::test]
async fn the_catalog_follows_a_premiere_that_is_rescheduled() {
    let mut history = some_cinemas();
    let model = ReadModel::of(Catalog, &history).await;
    history.push(
        "soon",
        "movie.premiere.rescheduled",
        json!({"premiere_date": in_days(80)}),
    );
    apply_last(&model, &history).await;
    let body = model.get("/catalog/berlin").await.body;
    assert_eq!(fields(&body["items"][1]["premieres"], "id"), ["new"]);
    assert_eq!(body["items"][1]["movies"][0]["premiere_date"], json!(in_days(80)));
}

#[tokio::test]
async fn a_withdrawn_movie_disappears_from_all_programmes() {
    let mut history = some_cinemas();
    let model = ReadModel::of(Catalog, &history).await;
    history.push("old", "movie.withdrawn", json!({}));
    apply_last(&model, &history).await;
    let body = model.get("/catalog/berlin").await.body;
    assert_eq!(fields(&body["items"][0]["movies"], "id"), Vec::<String>::new());
    assert_eq!(fields(&body["items"][1]["movies"], "id"), ["soon", "new", "later"]);
}

#[tokio::test]
async fn a_movie_that_is_not_in_the_read_model_is_left_out_until_it_is() {
    let mut history = History::default();
    history.movie("late", "Late", "2026-01-01");
    history.cinema("odeon", "Odeon", "berlin");
    history.add_to_programme("odeon", "late");
    let model = ReadModel::empty(Catalog).await;
    model
        .apply(&history.events[1..])
        .await
        .expect("cinemas do not need movies");
    assert_eq!(model.get("/catalog/berlin").await.body["items"][0]["movies"], json!([]));
    model
        .apply(&history.events[..1])
        .await
        .expect("movies do not need cinemas");
    assert_eq!(
        fields(&model.get("/catalog/berlin").await.body["items"][0]["movies"], "id"),
        ["late"]
    );
}

#[tokio::test]
async fn a_city_without_open_cinemas_is_empty_and_one_without_any_is_not_found() {
    let mut history = some_cinemas();
    history.push("burg", "cinema.closed", json!({}));
    let model = ReadModel::of(Catalog, &history).await;
    let answered = model.get("/catalog/vienna").await;
    assert_eq!((answered.status, &answered.body["items"]), (StatusCode::OK, &json!([])));
    model
        .assert_refused("/catalog/atlantis", 404, "CITY_NOT_FOUND", None)
        .await;
    assert!(model.get("/catalog/atlantis").await.read_position.is_some());
}

#[tokio::test]
async fn a_cinema_whose_city_is_corrected_moves_and_leaves_no_city_behind() {
    let mut history = History::default();
    history.cinema("odeon", "Odeon", "belrin");
    history.push("odeon", "cinema.details.updated", cinema("Odeon", "berlin"));
    let model = ReadModel::of(Catalog, &history).await;
    assert_eq!(
        fields(&model.get("/catalog/berlin").await.body["items"], "id"),
        ["odeon"]
    );
    model
        .assert_refused("/catalog/belrin", 404, "CITY_NOT_FOUND", None)
        .await;
    let detail = model.get("/catalog/belrin").await.body["detail"].clone();
    assert_eq!(
        detail, "no cinema is in this city, open or closed",
        "one was, and has moved"
    );
    assert_eq!(model.listed("/cities", "city_id").await, ["berlin"]);
}

#[tokio::test]
async fn the_today_of_a_cinema_in_a_time_zone_nobody_knows_is_an_error_and_never_that_of_another() {
    let mut history = History::default();
    for (id, time_zone) in [("olympus", "Mars/Olympus_Mons"), ("lower", "europe/berlin")] {
        let mut opened = cinema("Olympus", id);
        opened["time_zone"] = time_zone.into();
        history.push(id, "cinema.opened", opened);
    }
    history.cinema("odeon", "Odeon", "berlin");
    let model = ReadModel::of(Catalog, &history).await;
    for id in ["olympus", "lower"] {
        let path = format!("/catalog/{id}");
        model.assert_refused(&path, 500, "UNKNOWN_TIME_ZONE", None).await;
        let detail = model.get(&path).await.body["detail"].to_string();
        assert!(detail.contains(id), "{detail}");
        assert_eq!(
            model.get(&format!("/cinemas/{id}")).await.status,
            StatusCode::OK,
            "needs no today"
        );
    }
    assert_eq!(model.get("/catalog/berlin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_cinema_whose_zone_was_accepted_once_is_shown_with_its_day() {
    let zones = [
        ("UTC", 0),
        ("Etc/GMT-14", 14),
        ("Etc/GMT+12", -12),
        ("EST", -5),
        ("Asia/Calcutta", 5),
    ];
    let mut history = History::default();
    for (number, (time_zone, _)) in zones.iter().enumerate() {
        let mut opened = cinema("Odeon", &format!("city{number}"));
        opened["time_zone"] = (*time_zone).into();
        history.push(&format!("c{number}"), "cinema.opened", opened);
    }
    let model = ReadModel::of(Catalog, &history).await;
    for (number, (time_zone, hours)) in zones.iter().enumerate() {
        let day = || (Utc::now() + TimeDelta::hours(*hours)).date_naive().to_string();
        let before = day();
        let body = model.get(&format!("/catalog/city{number}")).await.body;
        let shown = body["items"][0]["today"].as_str().expect("a day").to_owned();
        // Kolkata is half an hour further; the day may also change while it is asked for.
        let half_an_hour_on = (Utc::now() + TimeDelta::minutes(hours * 60 + 30))
            .date_naive()
            .to_string();
        assert!(
            [before, day(), half_an_hour_on].contains(&shown),
            "{time_zone}: {shown}"
        );
    }
}

#[tokio::test]
async fn a_cinema_is_answered_with_all_its_fields_and_the_sequence_as_entity_tag() {
    let mut history = some_cinemas();
    let model = ReadModel::of(Catalog, &history).await;
    let answered = model.get("/cinemas/odeon").await;
    assert_eq!(
        answered.body,
        json!({
            "id": "odeon", "name": "Odeon", "city_id": "berlin", "address": "Main Street 1",
            "time_zone": "Europe/Berlin", "programme": ["soon", "old", "new", "later"],
            "opened_at": recorded_at(5), "updated_at": recorded_at(12), "sequence": 5,
        })
    );
    assert_eq!(
        (answered.status, answered.etag.as_deref()),
        (StatusCode::OK, Some("\"5-00000000\""))
    );
    assert_eq!(
        model.get_unless("/cinemas/odeon", Some("\"5-00000000\"")).await.status,
        StatusCode::NOT_MODIFIED
    );

    history.push("odeon", "cinema.programme.movie_removed", json!({"movie_id": "old"}));
    apply_last(&model, &history).await;
    let answered = model.get_unless("/cinemas/odeon", Some("\"5-00000000\"")).await;
    assert_eq!(
        (answered.status, &answered.body["programme"]),
        (StatusCode::OK, &json!(["soon", "new", "later"]))
    );
}

#[tokio::test]
async fn a_movie_of_which_little_is_known_is_shown_as_it_is_and_a_new_release_is_back_in_the_programme() {
    let mut history = History::default();
    history.cinema("odeon", "Odeon", "berlin");
    history.movie_of("21", json!({"title": "21", "premiere_date": "2008"}));
    history.add_to_programme("odeon", "21");
    history.push("21", "movie.withdrawn", json!({}));
    let model = ReadModel::of(Catalog, &history).await;
    assert_eq!(model.get("/catalog/berlin").await.body["items"][0]["movies"], json!([]));
    history.movie_of(
        "21",
        json!({"title": "21", "ratings": [{"scheme": "mpa", "value": "PG-13"}]}),
    );
    model
        .apply(&history.events[history.events.len() - 1..])
        .await
        .expect("a valid event");
    assert_eq!(
        model.get("/catalog/berlin?window_days_before=365").await.body["items"][0]["movies"],
        json!([{
            "id": "21", "title": "21", "runtime_minutes": null, "age_rating": null,
            "ratings": [{"scheme": "mpa", "value": "PG-13"}], "genres": [], "premiere_date": null,
        }])
    );
}

#[tokio::test]
async fn a_closed_cinema_is_gone_and_an_unknown_one_not_found() {
    let model = ReadModel::of(Catalog, &some_cinemas()).await;
    model
        .assert_refused("/cinemas/closed", 410, "CINEMA_CLOSED", None)
        .await;
    model
        .assert_refused("/cinemas/nothing", 404, "CINEMA_NOT_FOUND", None)
        .await;
}

#[tokio::test]
async fn cities_are_listed_with_their_open_cinemas() {
    let mut history = some_cinemas();
    history.push("burg", "cinema.closed", json!({}));
    let model = ReadModel::of(Catalog, &history).await;
    let items = model.get("/cities").await.body["items"].clone();
    assert_eq!(
        items,
        json!([{"city_id": "berlin", "open_cinemas": 2}, {"city_id": "vienna", "open_cinemas": 0}])
    );
}

#[tokio::test]
async fn all_pages_together_have_every_cinema_and_every_city_once() {
    let mut history = History::default();
    for number in 0..13 {
        let name = if number % 3 == 0 { "Odeon" } else { "Rex" };
        history.cinema(&format!("c{number:02}"), name, "berlin");
        history.cinema(&format!("other{number:02}"), "Other", &format!("city{number:02}"));
    }
    let model = ReadModel::of(Catalog, &history).await;
    let cinemas = model.listed("/catalog/berlin?limit=100", "id").await;
    assert_eq!(cinemas.len(), 13);
    let cities = model.listed("/cities?limit=100", "city_id").await;
    assert_eq!(cities.len(), 14);
    for limit in [1, 4, 13] {
        assert_eq!(
            model.paged("/catalog/berlin", "id", limit).await,
            cinemas,
            "limit {limit}"
        );
        assert_eq!(model.paged("/cities", "city_id", limit).await, cities, "limit {limit}");
    }
}

#[tokio::test]
async fn an_unchanged_catalog_is_304_and_a_changed_one_is_not() {
    let mut history = some_cinemas();
    let model = ReadModel::of(Catalog, &history).await;
    for path in ["/catalog/berlin", "/cities"] {
        let etag = model.get(path).await.etag.expect("an entity tag");
        assert_eq!(
            model.get_unless(path, Some(&etag)).await.status,
            StatusCode::NOT_MODIFIED,
            "{path}"
        );
    }
    let etag = model.get("/catalog/berlin").await.etag.expect("an entity tag");
    history.push("old", "movie.withdrawn", json!({}));
    apply_last(&model, &history).await;
    assert_eq!(
        model.get_unless("/catalog/berlin", Some(&etag)).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let model = ReadModel::of(Catalog, &some_cinemas()).await;
    let table = [
        ("/catalog/berlin?window_days_before=-1", "/window_days_before"),
        ("/catalog/berlin?window_days_before=366", "/window_days_before"),
        ("/catalog/berlin?window_days_after=soon", "/window_days_after"),
        ("/catalog/berlin?limit=0", "/limit"),
        ("/catalog/berlin?genre=drama", "/genre"),
        ("/cinemas/odeon?limit=1", "/limit"),
        ("/cities?limit=1000", "/limit"),
        ("/cities?q=b", "/q"),
    ];
    for (path, pointer) in table {
        model.assert_refused(path, 400, "INVALID_QUERY", Some(pointer)).await;
    }
    model
        .assert_refused("/catalog/%00", 400, "INVALID_PATH", Some("/city_id"))
        .await;
    model
        .assert_refused("/cinemas/a%2Fb", 400, "INVALID_PATH", Some("/id"))
        .await;
    model
        .assert_refused("/cities?cursor=x", 400, "INVALID_CURSOR", Some("/cursor"))
        .await;
    model
        .assert_refused("/catalog/berlin?cursor=x", 400, "INVALID_CURSOR", Some("/cursor"))
        .await;
}

#[tokio::test]
async fn every_query_can_ask_for_a_position() {
    let history = some_cinemas();
    let model = ReadModel::in_log(Catalog, &history).await;
    let position = history.events.len();
    for path in ["/catalog/berlin", "/cinemas/odeon", "/cities"] {
        let answered = model.get(&format!("{path}?min_position={position}")).await;
        assert_eq!(
            answered.read_position,
            Some(position.to_string()),
            "{path}: {}",
            answered.body
        );
    }
}
