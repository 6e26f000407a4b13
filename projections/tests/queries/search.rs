//! Searching: a hundred queries over titles as they are, and what must come first.

use domain::Position;
use projections::{Movies, Users};
use proptest::prelude::any;
use proptest::sample::{Index, select};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use reqwest::{StatusCode, Url};
use serde_json::json;

use crate::history::History;
use crate::read_model::ReadModel;

const TITLES: &str = include_str!("search/titles.txt");
/// A query on each line, then what must come first, then what must be found too, and behind `!` what must not.
const QUERIES: &str = include_str!("search/queries.txt");
const TRIES: usize = 150;
const PEOPLE: [&str; 12] = [
    "İbrahim Çelik",
    "Søren Kierkegård",
    "Łukasz Żal",
    "Đặng Nhật Minh",
    "Jürgen Groß",
    "Ὀδυσσεὺς Ἐλύτης",
    "宮崎 駿",
    "봉준호",
    "Jean-Luc O'Brien",
    "Aki Kaurismäki",
    "Li Wei",
    "Olivia Lindqvist",
];

fn titles() -> Vec<&'static str> {
    TITLES.lines().collect()
}

async fn films() -> ReadModel {
    let mut history = History::default();
    for (number, title) in titles().into_iter().enumerate() {
        history.movie_with(
            &format!("m{number:03}"),
            json!({"title": title, "synopsis": synopsis(title)}),
        );
    }
    ReadModel::of(Movies, &history).await
}

async fn people() -> ReadModel {
    let mut history = History::default();
    for (number, name) in PEOPLE.iter().enumerate() {
        history.user(&format!("u{number}"), name);
    }
    ReadModel::of(Users, &history).await
}

fn synopsis(title: &str) -> &'static str {
    match title {
        "Up" => "An alien idea: a house flies with a thousand balloons, and the star of it is an old man.",
        "Chinatown" => "A detective looks into a matter of water; it is not the chapter he thought.",
        "Alien" => "The crew of a ship answers a call.",
        _ => "",
    }
}

fn path(list: &str, q: &str) -> String {
    let mut url = Url::parse("http://localhost").expect("a url");
    url.set_path(list);
    url.query_pairs_mut().append_pair("q", q);
    format!("{}?{}", url.path(), url.query().expect("a query"))
}

async fn found(model: &ReadModel, q: &str) -> Vec<String> {
    model
        .listed(&format!("{}&limit=100", path("/movies", q)), "title")
        .await
}

#[tokio::test]
async fn each_query_has_first_what_people_look_for() {
    let model = films().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in QUERIES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut fields = line.split('\t');
        let (q, first) = (fields.next().expect("a query"), fields.next().expect("a title"));
        assert!(
            first == "-" || titles().contains(&first),
            "{first} is no title of the list"
        );
        let found = found(&model, q).await;
        count += 1;
        let is_first = if first == "-" {
            found.is_empty()
        } else {
            found.first().is_some_and(|title| title == first)
        };
        let others = fields.all(|field| match field.strip_prefix('!') {
            Some(title) => !found.iter().any(|found| found == title),
            None => found.iter().any(|found| found == field),
        });
        if !is_first || !others {
            wrong.push(format!("{line}\n    found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 100, "{count} queries");
}

#[tokio::test]
async fn a_title_finds_itself_in_every_case_and_normal_form_and_so_does_each_beginning_of_its_last_word() {
    let model = films().await;
    let mut connection = model.pool.acquire().await.expect("a connection");
    let mut runner = TestRunner::deterministic();
    let strategy = (select(titles()), 0..6_usize, any::<Index>());
    let mut tries = Vec::new();
    for _ in 0..TRIES {
        let (title, form, cut) = strategy.new_tree(&mut runner).expect("a value").current();
        let begins = title.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let ends: Vec<usize> = title[begins..]
            .char_indices()
            .skip(1)
            .map(|(at, _)| begins + at)
            .collect();
        let text = match form {
            0 => title.to_owned(),
            1 => title.to_uppercase(),
            2 => title.to_lowercase(),
            3 => normalized(&mut connection, title, "NFD").await,
            4 => normalized(&mut connection, title, "NFKC").await,
            _ if ends.is_empty() => title.to_owned(),
            _ => title[..ends[cut.index(ends.len())]].to_owned(),
        };
        tries.push((title, text));
    }
    drop(connection);
    for (title, text) in tries {
        let has_words = text.chars().any(char::is_alphanumeric);
        let found = found(&model, &text).await;
        assert!(
            !has_words || found.iter().any(|found| found == title),
            "{text} finds {found:?} and not {title}"
        );
    }
}

async fn normalized(connection: &mut sqlx::PgConnection, text: &str, form: &str) -> String {
    let statement = format!("SELECT normalize($1, {form})");
    let normalized = sqlx::query_scalar(&statement).bind(text).fetch_one(connection).await;
    normalized.expect("a normal form")
}

#[tokio::test]
async fn people_are_found_however_their_names_are_typed() {
    let model = people().await;
    let table = [
        ("ibrahim", "İbrahim Çelik"),
        ("IBRAHIM celik", "İbrahim Çelik"),
        ("soren", "Søren Kierkegård"),
        ("soeren kierkegaard", "Søren Kierkegård"),
        ("lukasz zal", "Łukasz Żal"),
        ("dang nhat", "Đặng Nhật Minh"),
        ("gross", "Jürgen Groß"),
        ("juergen", "Jürgen Groß"),
        ("οδυσσευσ", "Ὀδυσσεὺς Ἐλύτης"),
        ("ΕΛΥΤΗΣ", "Ὀδυσσεὺς Ἐλύτης"),
        ("宮崎駿", "宮崎 駿"),
        ("駿", "宮崎 駿"),
        ("준호", "봉준호"),
        ("obrien", "Jean-Luc O'Brien"),
        ("jeanluc", "Jean-Luc O'Brien"),
        ("o'b jean", "Jean-Luc O'Brien"),
        ("kaurismaki", "Aki Kaurismäki"),
        ("li", "Li Wei"),
        ("lin -wei", "Olivia Lindqvist"),
        ("\"wei li\" or lindq", "Olivia Lindqvist"),
    ];
    for (q, name) in table {
        let found = model.listed(&path("/users", q), "full_name").await;
        assert_eq!(found.first().map(String::as_str), Some(name), "{q}: {found:?}");
    }
    assert_eq!(
        model.listed(&path("/users", "\"wei li\""), "id").await,
        Vec::<String>::new()
    );
    assert_eq!(
        model.listed(&path("/users", "li -wei"), "full_name").await,
        ["Olivia Lindqvist"]
    );
}

/// More than are ranked at once, so that tiers are read in order; and few, so that they are ranked.
#[tokio::test]
async fn pages_go_on_where_they_ended_in_every_tier_however_many_are_found() {
    for films in [60, 1_500] {
        let mut history = History::default();
        for number in 0..films {
            let (title, synopsis) = match number % 6 {
                0 if number < 12 => ("Dark".to_owned(), ""),
                0 => (format!("Dark {number}"), ""),
                1 => (format!("The Dark {number}"), ""),
                2 => (format!("A World so Dark {number}"), ""),
                3 => (format!("Of Darkness {number}"), ""),
                4 => (format!("Other {number}"), "All is dark."),
                _ => (format!("Another {number}"), "Darkened rooms."),
            };
            history.movie_with(&format!("m{number:04}"), json!({"title": title, "synopsis": synopsis}));
        }
        let model = ReadModel::of(Movies, &history).await;
        let all = model.paged("/movies?q=dark", "title", 100).await;
        assert_eq!(all.len(), films, "all are found, each once");
        assert_eq!(all[..2], ["Dark", "Dark"]);
        let tier = |title: &String| match title.split(' ').next() {
            Some("Dark") => 0,
            Some("The") => 1,
            Some("A") => 2,
            Some("Of") => 3,
            Some("Other") => 4,
            _ => 5,
        };
        assert!(all.iter().map(tier).is_sorted(), "{films}: {all:?}");
        if films < 100 {
            for limit in [1, 7] {
                assert_eq!(
                    model.paged("/movies?q=dark", "title", limit).await,
                    all,
                    "limit {limit}"
                );
            }
        }
        let narrowed = model
            .paged("/movies?q=dark&age_rating=12&genre=drama", "title", 90)
            .await;
        assert_eq!(narrowed, all, "a filter that all pass");
        let mut by_title = all;
        by_title.sort();
        let mut sorted = model.paged("/movies?q=dark&sort=title", "title", 100).await;
        sorted.sort();
        assert_eq!(sorted, by_title);
        assert_eq!(
            model.paged("/movies?q=dark&sort=-premiere_date", "id", 100).await.len(),
            films
        );
        assert_eq!(
            model.listed("/movies?q=-dark&limit=100", "id").await.len(),
            100.min(films / 3)
        );
        assert_eq!(
            model.listed("/movies?q=-the&limit=100", "id").await.len(),
            100.min(films - films / 6)
        );
    }
}

#[tokio::test]
async fn any_text_is_a_query_or_a_clear_refusal() {
    let (films, people) = tokio::join!(films(), people());
    let long: Vec<String> = [
        "\"".repeat(200),
        "-".repeat(200),
        "a ".repeat(100),
        "\"a\" ".repeat(50),
        "-a ".repeat(66),
        "a-".repeat(100),
        "or ".repeat(66),
        "é".repeat(200),
        "\u{FDFA}".repeat(200),
        "'".repeat(200),
        "\\".repeat(200),
        "千".repeat(200),
        "s.w.a.t. ".repeat(22),
        "x".repeat(200),
        "각".repeat(200),
        "the or ".repeat(28),
        "\u{301}".repeat(200),
    ]
    .into();
    let short = [
        "-",
        "--",
        "- -",
        "\"",
        "\"\"",
        "\"-\"",
        "-\"",
        "-\"a",
        "&",
        "|",
        "!",
        "()",
        ":*",
        "a:*",
        "'a",
        "a\\",
        "<->",
        "or",
        "or or",
        "-or",
        "\u{200D}",
        "\u{FEFF}",
        "🎬",
        "½",
        "™",
        "\u{FFFF}",
        "\u{10FFFF}",
        "%",
        "_",
        "%%",
        "*",
        "a*",
        "^",
        "=",
    ];
    for q in long.iter().map(String::as_str).chain(short) {
        let (movies, users) = (path("/movies", q), path("/users", q));
        for sort in ["", "&sort=title", "&sort=premiere_date"] {
            let answered = films.get(&format!("{movies}{sort}")).await;
            assert_eq!(answered.status, StatusCode::OK, "{q}: {}", answered.body);
        }
        let answered = people.get(&users).await;
        assert_eq!(answered.status, StatusCode::OK, "{q}: {}", answered.body);
    }
    for q in ["\0", "a\u{7}b", "a\nb", &"x".repeat(201), &"\" ".repeat(1_000)] {
        let q = format!("a{q}a");
        for (model, list) in [(&films, "/movies"), (&people, "/users")] {
            model
                .assert_refused(&path(list, &q), 400, "INVALID_QUERY", Some("/q"))
                .await;
        }
    }
}

#[tokio::test]
async fn a_forged_place_in_what_is_found_is_refused_or_harmless() {
    let model = films().await;
    let body = model.get("/movies?q=alien&limit=1").await.body;
    let cursor = body["next_cursor"].as_str().expect("a second page");
    let answered = model.get(&format!("/movies?q=alien&limit=1&cursor={cursor}")).await;
    assert_eq!(answered.status, StatusCode::OK);
    model
        .assert_refused(
            &format!("/movies?q=aliens&cursor={cursor}"),
            400,
            "INVALID_CURSOR",
            Some("/cursor"),
        )
        .await;
}

#[tokio::test]
async fn titles_of_any_length_and_any_letters_are_taken() {
    let mut history = History::default();
    let titles = [
        "\u{FDFA}".repeat(200),
        "千".repeat(200),
        "a-".repeat(100),
        "x".repeat(200),
        "'\\ ".repeat(66),
        "각".repeat(200),
        "a ".repeat(100),
        "½".repeat(200),
        "é'".repeat(100),
    ];
    for (number, title) in titles.iter().enumerate() {
        let synopsis = format!("{title} ").repeat(5_000 / (title.chars().count() + 1));
        history.movie_with(&format!("m{number}"), json!({"title": title, "synopsis": synopsis}));
    }
    let words: Vec<String> = (0..900).map(|number| format!("w{number}")).collect();
    history.movie_with("words", json!({"title": "Words", "synopsis": words.join(" ")}));
    let model = ReadModel::of(Movies, &history).await;
    for title in &titles {
        let found = model.listed(&path("/movies", title), "title").await;
        assert!(found.contains(title), "{title} is not in {found:?}");
    }
    assert_eq!(model.listed("/movies?q=w899%20words", "id").await, ["words"]);
    assert_eq!(
        history.events.last().map(|event| event.envelope.position),
        Some(Position(10))
    );
}
