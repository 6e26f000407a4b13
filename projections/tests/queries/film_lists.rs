//! Movies as film lists tell of them: little is known, and that little in many ways.

use projections::Movies;
use serde_json::{Value, json};

use crate::history::{History, recorded_at};
use crate::read_model::ReadModel;

fn das_boot() -> Value {
    json!({
        "title": "Das Boot", "original_title": "Das Boot (Kino)", "titles": [{"language": "en", "title": "The Boat"}],
        "synopsis": "A patrol.", "runtime_minutes": 149,
        "ratings": [{"scheme": "mpa", "value": "R"}, {"scheme": "fsk", "value": "12"}],
        "genres": [{"slug": "war", "label": "Krieg"}], "languages": ["de", "pt-BR"], "countries": ["DE", "SUHH"],
        "credits": [
            {"name": "Wolfgang Petersen", "role": "director"},
            {"name": "Jürgen Prochnow", "role": "actor", "character": "Captain"},
        ],
        "external_ids": [{"scheme": "imdb", "value": "tt0082096"}], "premiere_date": "1981-09",
        "premieres": [{"country": "DE", "date": "1981-09-17"}, {"country": "US", "date": "1982"}],
    })
}

#[tokio::test]
async fn everything_that_is_told_of_a_movie_is_answered() {
    let mut history = History::default();
    history.movie_of("das-boot", das_boot());
    let model = ReadModel::of(Movies, &history).await;
    let mut expected = das_boot();
    for (name, value) in [
        ("id", json!("das-boot")),
        ("age_rating", Value::Null),
        ("genres", json!(["war"])),
        ("genre_labels", json!([{"slug": "war", "label": "Krieg"}])),
        ("announced_at", json!(recorded_at(1))),
        ("updated_at", json!(recorded_at(1))),
        ("sequence", json!(1)),
    ] {
        expected[name] = value;
    }
    assert_eq!(model.get("/movies/das-boot").await.body, expected);

    expected.as_object_mut().expect("an object").remove("credits");
    assert_eq!(
        model.get("/movies").await.body["items"],
        json!([expected]),
        "lists leave the names out"
    );
}

#[tokio::test]
async fn what_is_not_known_is_null_or_empty_and_not_made_up() {
    let mut history = History::default();
    history.movie_of("21", json!({"title": "21"}));
    let model = ReadModel::of(Movies, &history).await;
    assert_eq!(
        model.get("/movies/21").await.body,
        json!({
            "id": "21", "title": "21", "original_title": null, "titles": [], "synopsis": null, "runtime_minutes": null,
            "age_rating": null, "ratings": [], "genres": [], "genre_labels": [], "languages": [], "countries": [],
            "credits": [], "external_ids": [], "premiere_date": null, "premieres": [], "announced_at": recorded_at(1),
            "updated_at": recorded_at(1), "sequence": 1,
        })
    );
}

#[tokio::test]
async fn movies_are_narrowed_by_rating_language_and_country() {
    let mut history = History::default();
    history.movie_of("das-boot", das_boot());
    history.movie_of(
        "21",
        json!({"title": "21", "ratings": [{"scheme": "mpa", "value": "PG-13"}], "countries": ["US"]}),
    );
    history.movie_of(
        "m",
        json!({"title": "M", "languages": ["de"], "ratings": [{"scheme": "age", "value": "12"}]}),
    );
    let model = ReadModel::of(Movies, &history).await;
    let table = [
        ("rating=mpa:PG-13", vec!["21"]),
        ("rating=MPA:R", vec!["das-boot"]),
        ("rating=mpa:pg-13", vec!["21"]),
        ("rating=fsk:R", vec![]),
        ("rating=age:12", vec!["m"]),
        ("age_rating=12", vec!["m"]),
        ("language=de", vec!["das-boot", "m"]),
        ("language=pt", vec!["das-boot"]),
        ("language=pt-br", vec!["das-boot"]),
        ("language=pt-PT", vec![]),
        ("country=us", vec!["21"]),
        ("country=SUHH&language=de&rating=fsk:12&genre=war", vec!["das-boot"]),
        ("country=US&language=de", vec![]),
    ];
    for (query, expected) in table {
        assert_eq!(
            model.listed(&format!("/movies?{query}"), "id").await,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_premiere_is_listed_as_exactly_as_it_is_known() {
    let mut history = History::default();
    for (id, premiere) in [
        ("day", json!("2026-05-15")),
        ("month", json!("2026-05")),
        ("year", json!("2026")),
        ("before", json!("2025")),
        ("unknown", Value::Null),
    ] {
        history.movie_of(id, json!({"title": id, "premiere_date": premiere}));
    }
    let model = ReadModel::of(Movies, &history).await;
    let windows = [
        ("from=2026-05-10&to=2026-05-20", vec!["month", "day"]),
        ("from=2026-05-31&to=2026-06-30", vec!["month"]),
        ("from=2026-06-01&to=2026-12-31", vec![]),
        ("from=2026-01-01&to=2026-12-31", vec!["year", "month", "day"]),
        ("from=2026&to=2026", vec!["year", "month", "day"]),
        ("from=2026-05&to=2026-05", vec!["month", "day"]),
        ("from=2026-01-02&to=2026-12-31", vec!["month", "day"]),
        ("from=2025&to=2026", vec!["before", "year", "month", "day"]),
        ("from=1888&to=2200", vec!["before", "year", "month", "day"]),
    ];
    for (window, expected) in windows {
        let path = format!("/movies/premieres?{window}");
        assert_eq!(model.listed(&path, "id").await, expected, "{window}");
    }
    assert_eq!(
        model.listed("/movies?sort=premiere_date", "id").await,
        ["before", "year", "month", "day", "unknown"]
    );
    assert_eq!(
        model.listed("/movies?sort=-premiere_date", "id").await,
        ["year", "month", "day", "before", "unknown"]
    );
    for sort in ["premiere_date", "-premiere_date"] {
        let mut found = vec![];
        let mut path = format!("/movies?sort={sort}&limit=1");
        while found.len() <= 5 {
            let body = model.get(&path).await.body;
            found.extend(body["items"][0]["id"].as_str().map(str::to_owned));
            let Some(cursor) = body["next_cursor"].as_str() else {
                break;
            };
            path = format!("/movies?sort={sort}&limit=1&cursor={cursor}");
        }
        let at_once = model.listed(&format!("/movies?sort={sort}"), "id").await;
        assert_eq!(found, at_once, "{sort}, page by page");
    }
}

/// Movies with premieres in Germany, known in every way, and in Sweden.
fn premieres_in_countries() -> History {
    let mut history = History::default();
    for (id, premieres) in [
        (
            "day",
            json!([{"country": "SE", "date": "2025-01-01"}, {"country": "DE", "date": "2026-05-15"}]),
        ),
        ("month", json!([{"country": "DE", "date": "2026-05"}])),
        ("year", json!([{"country": "DE", "date": "2026"}])),
        ("next", json!([{"country": "DE", "date": "2026-06-01"}])),
        ("swedish", json!([{"country": "SE", "date": "2026-05-15"}])),
        ("unknown", json!([])),
    ] {
        history.movie_of(
            id,
            json!({"title": id, "premiere_date": "2026-05-15", "premieres": premieres}),
        );
    }
    history
}

#[tokio::test]
async fn premieres_in_a_country_are_listed_by_the_day_there() {
    let mut history = premieres_in_countries();
    let model = ReadModel::of(Movies, &history).await;
    let windows = [
        ("country=DE&from=2026-05-10&to=2026-05-20", vec!["month", "day"]),
        ("country=de&from=2026-05-16&to=2026-06-30", vec!["month", "next"]),
        ("country=DE&from=2026-05-15&to=2026-05-15", vec!["month", "day"]),
        ("country=DE&from=2026&to=2026", vec!["year", "month", "day", "next"]),
        ("country=DE&from=2026-01-02&to=2026-12-31", vec!["month", "day", "next"]),
        ("country=SE&from=2025&to=2026", vec!["day", "swedish"]),
        ("country=DE&from=2025-01-01&to=2025-01-01", vec![]),
        ("country=SUHH&from=2026&to=2026", vec![]),
    ];
    for (window, expected) in windows {
        let path = format!("/movies/premieres?{window}");
        assert_eq!(model.listed(&path, "id").await, expected, "{window}");
    }

    let all = "/movies/premieres?country=DE&from=2026&to=2026";
    let (mut found, mut path) = (vec![], format!("{all}&limit=1"));
    while found.len() <= 4 {
        let body = model.get(&path).await.body;
        found.extend(body["items"][0]["id"].as_str().map(str::to_owned));
        let Some(cursor) = body["next_cursor"].as_str() else {
            break;
        };
        path = format!("{all}&limit=1&cursor={cursor}");
    }
    assert_eq!(found, ["year", "month", "day", "next"], "page by page");

    let moved = json!({"premiere_date": "2026", "premieres": [{"country": "DE", "date": "2027-02"}]});
    history.push_as("day", "movie.premiere.rescheduled", "2", moved);
    history.push("month", "movie.withdrawn", json!({}));
    model.apply(&history.events[6..]).await.expect("valid events");
    assert_eq!(model.listed(all, "id").await, ["year", "next"]);
    assert_eq!(
        model
            .listed("/movies/premieres?country=DE&from=2027-02-10&to=2027-02-10", "id")
            .await,
        ["day"]
    );
}

#[tokio::test]
async fn a_wrong_country_or_a_window_without_end_is_refused() {
    let model = ReadModel::empty(Movies).await;
    for (query, code) in [
        ("country=XX", "UNKNOWN_COUNTRY"),
        ("country=DE&from=1888&to=2200", "OUT_OF_RANGE"),
        ("country=DE&from=2020-01-01&to=2030-01-02", "OUT_OF_RANGE"),
    ] {
        let answered = model.get(&format!("/movies/premieres?{query}")).await;
        assert_eq!(
            (answered.status.as_u16(), &answered.body["errors"][0]["code"]),
            (400, &json!(code)),
            "{query}"
        );
    }
    for query in ["country=DE&from=2020-01-01&to=2030-01-01", "from=1888&to=2200"] {
        let answered = model.get(&format!("/movies/premieres?{query}")).await;
        assert_eq!(answered.status.as_u16(), 200, "{query}");
    }
}

fn imdb(value: &str) -> Value {
    json!([{"scheme": "imdb", "value": value}])
}

/// Three movies that claim one id: `second` first, then `first` by an update, then `third`.
fn claims() -> History {
    let mut history = History::default();
    history.movie_of("first", json!({"title": "First"}));
    history.movie_of("second", json!({"title": "Second", "external_ids": imdb("tt0000001")}));
    history.push_as(
        "first",
        "movie.details.updated",
        "2",
        json!({"title": "First", "external_ids": imdb("tt0000001")}),
    );
    history.movie_of("third", json!({"title": "Third", "external_ids": imdb("tt0000001")}));
    history
}

const HOLDER: &str = "/movies?external_id=imdb:tt0000001";

#[tokio::test]
async fn an_external_id_finds_one_movie_the_first_that_claimed_it_and_still_does() {
    let mut history = claims();
    let model = ReadModel::of(Movies, &history).await;
    assert_eq!(model.listed(HOLDER, "id").await, ["second"]);
    assert_eq!(
        model.listed("/movies?external_id=imdb:tt0000002", "id").await,
        Vec::<String>::new()
    );
    for (id, event_type, payload, holder) in [
        ("second", "movie.withdrawn", json!({}), "first"),
        ("first", "movie.details.updated", json!({"title": "First"}), "third"),
        (
            "second",
            "movie.announced",
            json!({"title": "Second", "external_ids": imdb("tt0000001")}),
            "third",
        ),
    ] {
        let version = ["1", "2", "3"][["movie.withdrawn", "movie.details.updated", "movie.announced"]
            .iter()
            .position(|known| *known == event_type)
            .expect("one of them")];
        history.push_as(id, event_type, version, payload);
        let last = history.events.len() - 1;
        model.apply(&history.events[last..]).await.expect("a valid event");
        assert_eq!(model.listed(HOLDER, "id").await, [holder], "after {event_type} of {id}");
    }
}

#[tokio::test]
async fn who_has_an_external_id_is_the_same_in_whatever_order_streams_are_applied() {
    let history = claims();
    let of = |id: &str| {
        let events = history.events.iter().filter(|event| event.envelope.aggregate_id == id);
        events.cloned().collect::<Vec<_>>()
    };
    let model = ReadModel::empty(Movies).await;
    for id in ["third", "first", "second"] {
        model.apply(&of(id)).await.expect("a valid stream");
    }
    assert_eq!(model.listed(HOLDER, "id").await, ["second"]);
}

#[tokio::test]
async fn a_new_release_is_back_with_what_is_told_of_it_now() {
    let mut history = History::default();
    history.movie_of("das-boot", das_boot());
    history.push("das-boot", "movie.withdrawn", json!({}));
    let model = ReadModel::of(Movies, &history).await;
    model
        .assert_refused("/movies/das-boot", 410, "MOVIE_WITHDRAWN", None)
        .await;
    history.movie_of(
        "das-boot",
        json!({"title": "Das Boot: The Director's Cut", "premiere_date": "1997"}),
    );
    model.apply(&history.events[2..]).await.expect("a valid event");
    let answered = model.get("/movies/das-boot").await;
    assert_eq!(
        (
            &answered.body["title"],
            &answered.body["credits"],
            &answered.body["announced_at"]
        ),
        (
            &json!("Das Boot: The Director's Cut"),
            &json!([]),
            &json!(recorded_at(3))
        )
    );
    assert_eq!(
        (&answered.body["sequence"], answered.etag.as_deref()),
        (&json!(3), Some("\"3-00000000\""))
    );
    assert_eq!(model.listed("/movies", "id").await, ["das-boot"]);
}
