//! Queries of movies.

use chrono::{Days, TimeDelta, Utc};
use projections::Movies;
use reqwest::StatusCode;
use serde_json::json;

use crate::history::{History, recorded_at};
use crate::read_model::ReadModel;

fn some_movies() -> History {
    let mut history = History::default();
    let mut movie = |id: &str, title: &str, synopsis: &str, age_rating: &str, genres: &[&str], premiere: &str| {
        history.movie_with(
            id,
            json!({
                "title": title, "synopsis": synopsis, "age_rating": age_rating, "genres": genres,
                "premiere_date": premiere,
            }),
        );
    };
    movie(
        "alien",
        "Alien",
        "The crew of a ship answers a call.",
        "16",
        &["horror", "science-fiction"],
        "1979-05-25",
    );
    movie(
        "brazil",
        "Brazil",
        "A clerk dreams; ships are not in it.",
        "16",
        &["comedy", "science-fiction"],
        "1985-02-20",
    );
    movie(
        "it",
        "It",
        "A clown waits in the drain.",
        "16",
        &["horror"],
        "2017-09-08",
    );
    movie(
        "ship",
        "Ship of Fools",
        "Passengers cross an ocean.",
        "12",
        &["drama"],
        "1965-07-29",
    );
    movie("up", "Up", "A house flies.", "all", &["comedy"], "2009-05-29");
    history
}

#[tokio::test]
async fn a_movie_is_answered_with_all_its_fields_and_the_sequence_as_entity_tag() {
    let mut history = some_movies();
    history.push(
        "up",
        "movie.premiere.rescheduled",
        json!({"premiere_date": "2009-09-17"}),
    );
    let model = ReadModel::of(Movies, &history).await;
    let answered = model.get("/movies/up").await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(
        answered.body,
        json!({
            "id": "up", "title": "Up", "original_title": null, "titles": [], "synopsis": "A house flies.",
            "runtime_minutes": 100, "age_rating": "all", "ratings": [{"scheme": "age", "value": "all"}],
            "genres": ["comedy"], "genre_labels": [{"slug": "comedy", "label": "Comedy"}], "languages": [], "countries": [],
            "credits": [], "external_ids": [], "premiere_date": "2009-09-17", "premieres": [],
            "announced_at": recorded_at(5), "updated_at": recorded_at(6), "sequence": 2,
        })
    );
    assert_eq!(
        (answered.etag.as_deref(), answered.read_position.as_deref()),
        (Some("\"2-00000000\""), Some("6"))
    );
    assert_eq!(
        model.get_unless("/movies/up", Some("\"2-00000000\"")).await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        model.get_unless("/movies/up", Some("\"1\"")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_withdrawn_movie_is_gone_from_everywhere_and_an_unknown_one_not_found() {
    let mut history = some_movies();
    history.push("alien", "movie.withdrawn", json!({}));
    let model = ReadModel::of(Movies, &history).await;
    model
        .assert_refused("/movies/alien", 410, "MOVIE_WITHDRAWN", None)
        .await;
    model
        .assert_refused("/movies/nothing", 404, "MOVIE_NOT_FOUND", None)
        .await;
    assert_eq!(model.listed("/movies?q=alien", "id").await, Vec::<String>::new());
    assert_eq!(model.listed("/movies", "id").await, ["brazil", "it", "ship", "up"]);
    assert_eq!(
        model
            .listed("/movies/premieres?from=1979-01-01&to=1979-12-31", "id")
            .await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_search_reads_titles_and_synopses_and_shows_the_best_match_first() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let table = [
        ("alien", vec!["alien"]),
        ("ALIEN", vec!["alien"]),
        ("ship", vec!["ship", "brazil", "alien"]),
        ("ships", vec!["ship", "brazil", "alien"]),
        ("dreaming", vec!["brazil"]),
        ("it", vec!["it", "brazil"]),
        ("fool%20passenger", vec!["ship"]),
        ("%22house%20flies%22", vec!["up"]),
        ("%22flies%20house%22", vec![]),
        ("alien%20or%20up", vec!["alien", "up"]),
        ("ship%20-fools%20-call", vec!["brazil"]),
        ("nothing", vec![]),
        ("'%3A*%20%26%20!%7C()%3C-%3E", vec![]),
        ("", vec!["alien", "brazil", "it", "ship", "up"]),
    ];
    for (q, expected) in table {
        let mut found = model.listed(&format!("/movies?q={q}"), "id").await;
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(found.first(), expected.first(), "{q}: the best match");
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{q}");
    }
}

#[tokio::test]
async fn no_text_is_a_wrong_search() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let quotes = "%22".repeat(200);
    let words = "a%20".repeat(99);
    for q in [
        "%22",
        "%22%22",
        "-",
        "--alien",
        "or",
        "or%20or",
        "-or%20%22",
        "%5C",
        "%27%5C%27",
        "%F0%9F%8E%AC",
        &quotes,
        &words,
    ] {
        for sort in ["", "&sort=title"] {
            let answered = model.get(&format!("/movies?q={q}{sort}")).await;
            assert_eq!(answered.status, StatusCode::OK, "{q}: {}", answered.body);
        }
    }
}

#[tokio::test]
async fn movies_are_filtered_and_sorted() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let table = [
        ("", vec!["alien", "brazil", "it", "ship", "up"]),
        ("?genre=science-fiction", vec!["alien", "brazil"]),
        ("?genre=horror&age_rating=16", vec!["alien", "it"]),
        ("?age_rating=all", vec!["up"]),
        ("?genre=western", vec![]),
        ("?sort=premiere_date", vec!["ship", "alien", "brazil", "up", "it"]),
        ("?sort=-premiere_date", vec!["it", "up", "brazil", "alien", "ship"]),
        ("?sort=title&q=ship", vec!["alien", "brazil", "ship"]),
        (
            "?q=ship&genre=science-fiction&sort=-premiere_date",
            vec!["brazil", "alien"],
        ),
    ];
    for (query, expected) in table {
        assert_eq!(
            model.listed(&format!("/movies{query}"), "id").await,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn all_pages_together_have_every_movie_once_in_every_order_even_with_equal_keys() {
    let mut history = History::default();
    for number in 0..25 {
        let title = ["The same", "the same", "Another"][number % 3];
        let premiere = ["2026-01-01", "2026-01-02"][number % 2];
        history.movie(&format!("m{number:02}"), title, premiere);
    }
    let model = ReadModel::of(Movies, &history).await;
    let lists = [
        "/movies?genre=drama",
        "/movies?sort=premiere_date",
        "/movies?sort=-premiere_date",
        "/movies?q=same",
        "/movies/premieres?from=2026-01-01&to=2026-01-31",
    ];
    for list in lists {
        let all = model.listed(&format!("{list}&limit=100"), "id").await;
        assert_eq!(all.len(), if list.contains("q=") { 17 } else { 25 }, "{list}");
        for limit in [1, 4, 25] {
            assert_eq!(model.paged(list, "id", limit).await, all, "{list}, limit {limit}");
        }
    }
}

#[tokio::test]
async fn premieres_are_listed_by_day_with_both_ends_of_the_window() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let table = [
        ("?from=1979-05-25&to=1985-02-20", vec!["alien", "brazil"]),
        ("?from=1979-05-26&to=1985-02-19", vec![]),
        ("?from=2009-05-29&to=2009-05-29", vec!["up"]),
        ("?from=2017-07-01", vec!["it"]),
        ("?to=1965-09-01", vec!["ship"]),
    ];
    for (query, expected) in table {
        assert_eq!(
            model.listed(&format!("/movies/premieres{query}"), "id").await,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn without_a_window_the_premieres_of_the_next_months_are_listed() {
    let today = Utc::now().date_naive();
    let mut history = History::default();
    for (id, date) in [
        ("last-week", today - Days::new(7)),
        ("next-week", today + Days::new(7)),
        ("tomorrow", today + Days::new(1)),
        ("next-year", today + Days::new(365)),
    ] {
        history.movie(id, id, &date.to_string());
    }
    let model = ReadModel::of(Movies, &history).await;
    assert_eq!(model.listed("/movies/premieres", "id").await, ["tomorrow", "next-week"]);
}

/// Kiritimati is always a day ahead of Niue, and UTC is with one of them.
#[tokio::test]
async fn without_dates_premieres_begin_with_today_where_it_is_asked_for() {
    let day = |zone: &str| {
        let offset = if zone == "Pacific/Kiritimati" { 14 } else { -11 };
        (Utc::now() + TimeDelta::hours(offset)).date_naive()
    };
    let (niue, kiritimati) = loop {
        let days = (day("Pacific/Niue"), day("Pacific/Kiritimati"));
        // Not in the minute before a midnight.
        let later = Utc::now() + TimeDelta::minutes(1);
        if (later + TimeDelta::hours(14)).date_naive() == days.1
            && (later - TimeDelta::hours(11)).date_naive() == days.0
        {
            break days;
        }
        tokio::task::yield_now().await;
    };
    let mut history = History::default();
    history.movie("before", "Before", &(niue - Days::new(2)).to_string());
    history.movie("niue", "Niue", &niue.to_string());
    history.movie("kiritimati", "Kiritimati", &kiritimati.to_string());
    let model = ReadModel::of(Movies, &history).await;
    let listed = async |query: &str| model.listed(&format!("/movies/premieres{query}"), "id").await;
    assert_eq!(listed("?time_zone=Pacific/Kiritimati").await, ["kiritimati"]);
    assert_eq!(listed("?time_zone=Pacific%2FNiue").await, ["niue", "kiritimati"]);
    assert_eq!(listed("").await, ["niue", "kiritimati"], "no place misses its today");
    assert_eq!(
        listed(&format!("?time_zone=Pacific/Niue&from={kiritimati}")).await,
        ["kiritimati"]
    );
}

#[tokio::test]
async fn a_rescheduled_premiere_moves_in_the_lists() {
    let mut history = some_movies();
    let model = ReadModel::of(Movies, &history).await;
    history.push(
        "alien",
        "movie.premiere.rescheduled",
        json!({"premiere_date": "2026-05-01"}),
    );
    model
        .apply(&history.events[history.events.len() - 1..])
        .await
        .expect("a valid event");
    assert_eq!(
        model
            .listed("/movies/premieres?from=2026-05-01&to=2026-05-01", "id")
            .await,
        ["alien"]
    );
    assert_eq!(
        model
            .listed("/movies/premieres?from=1979-05-25&to=1979-05-25", "id")
            .await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn new_details_replace_the_old_ones_in_the_search() {
    let mut history = some_movies();
    history.push(
        "up",
        "movie.details.updated",
        json!({
            "title": "Oben", "synopsis": "Ein Haus fliegt.", "runtime_minutes": 96, "age_rating": "6",
            "genres": ["adventure"],
        }),
    );
    let model = ReadModel::of(Movies, &history).await;
    assert_eq!(model.listed("/movies?q=haus", "id").await, ["up"]);
    assert_eq!(model.listed("/movies?q=house", "id").await, Vec::<String>::new());
    assert_eq!(model.listed("/movies?genre=adventure&age_rating=6", "id").await, ["up"]);
}

#[tokio::test]
async fn a_movie_called_premieres_is_found_in_the_lists() {
    let mut history = History::default();
    history.movie("premieres", "Premieres", "2026-01-01");
    let model = ReadModel::of(Movies, &history).await;
    assert!(
        model.get("/movies/premieres").await.body["items"].is_array(),
        "the path is that of the list"
    );
    assert_eq!(model.listed("/movies", "id").await, ["premieres"]);
}

#[tokio::test]
async fn any_text_that_the_domain_takes_comes_back_unchanged() {
    let title = r#"{"\'NULL\',}; DROP \u0041 ü 王 🎬 "#.trim();
    let synopsis = "tab\there\r\nand \"quotes\" \\ {a,b} NULL";
    let mut history = History::default();
    history.movie_with(
        "m",
        json!({"title": title, "synopsis": synopsis, "genres": ["a", "b-2", "null"]}),
    );
    let model = ReadModel::of(Movies, &history).await;
    let body = model.get("/movies/m").await.body;
    assert_eq!((&body["title"], &body["synopsis"]), (&json!(title), &json!(synopsis)));
    assert_eq!(body["genres"], json!(["a", "b-2", "null"]));
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let table = [
        ("/movies?sort=length", "/sort"),
        ("/movies?sort=relevance", "/sort"),
        ("/movies?sort=relevance&q=", "/sort"),
        ("/movies?genre=Science%20Fiction", "/genre"),
        ("/movies?age_rating=99", "/age_rating"),
        ("/movies?limit=-1", "/limit"),
        ("/movies?q=%00", "/q"),
        ("/movies?title=alien", "/title"),
        ("/movies/premieres?from=2026-02-30", "/from"),
        ("/movies/premieres?from=2026-13", "/from"),
        ("/movies/premieres?from=2026&to=2025", "/from"),
        ("/movies?rating=R", "/rating"),
        ("/movies?rating=age:13", "/rating"),
        ("/movies?language=German", "/language"),
        ("/movies?country=Germany", "/country"),
        ("/movies?external_id=tt0082096", "/external_id"),
        ("/movies?external_id=imdb:82096", "/external_id"),
        ("/movies/premieres?to=tomorrow", "/to"),
        ("/movies/premieres?from=2026-02-02&to=2026-02-01", "/from"),
        ("/movies/premieres?q=alien", "/q"),
        ("/movies/premieres?time_zone=Mars/Olympus_Mons", "/time_zone"),
        ("/movies/premieres?time_zone=", "/time_zone"),
        (
            "/movies/premieres?time_zone=europe/berlin&from=2026-01-01",
            "/time_zone",
        ),
        ("/movies/up?q=alien", "/q"),
    ];
    for (path, pointer) in table {
        model.assert_refused(path, 400, "INVALID_QUERY", Some(pointer)).await;
    }
    model
        .assert_refused("/movies/a.b", 400, "INVALID_PATH", Some("/id"))
        .await;
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_list() {
    let model = ReadModel::of(Movies, &some_movies()).await;
    let body = model.get("/movies?limit=1").await.body;
    let cursor = body["next_cursor"].as_str().expect("a second page");
    for path in [
        "/movies?sort=premiere_date",
        "/movies?genre=drama",
        "/movies/premieres?from=2026-01-01",
    ] {
        model
            .assert_refused(
                &format!("{path}&cursor={cursor}"),
                400,
                "INVALID_CURSOR",
                Some("/cursor"),
            )
            .await;
    }
    let answered = model.get(&format!("/movies?sort=title&cursor={cursor}")).await;
    assert_eq!(answered.status, StatusCode::OK, "title is the order without a search");
}
