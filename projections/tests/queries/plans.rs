//! No statement reads a whole table, however large, and loading does not even when the table was new at planning.

use projections::{Catalog, Movies, Users};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{PgConnection, Row};

use crate::history::History;
use crate::read_model::ReadModel;

const ROWS: usize = 2000;

/// Gives the plans of all statements this connection has prepared on a generation, for parameters not known.
async fn plans(connection: &mut PgConnection, generation: &str) -> Vec<(String, String)> {
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan")
        .execute(&mut *connection)
        .await
        .expect("a setting");
    let prepared = sqlx::query(
        "SELECT name, statement, cardinality(parameter_types) AS parameters FROM pg_prepared_statements \
         WHERE position($1 IN statement) > 0 AND statement LIKE 'SELECT%'",
    )
    .bind(format!("{generation}."))
    .fetch_all(&mut *connection)
    .await
    .expect("the prepared statements");
    let mut plans = Vec::new();
    for row in prepared {
        let (name, statement, parameters): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
        let nulls = vec!["NULL"; usize::try_from(parameters).expect("a count")].join(", ");
        let explain = format!("EXPLAIN EXECUTE {name}({nulls})");
        let lines = sqlx::raw_sql(&explain)
            .fetch_all(&mut *connection)
            .await
            .expect("a plan");
        let plan: Vec<String> = lines.iter().map(|line| line.get(0)).collect();
        plans.push((statement, plan.join("\n")));
    }
    plans
}

async fn assert_indexed(model: &ReadModel, paths: &[&str]) {
    sqlx::raw_sql("VACUUM ANALYZE")
        .execute(&model.pool)
        .await
        .expect("statistics");
    for path in paths {
        let answered = model.get(path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.body);
        if let Some(cursor) = answered.body["next_cursor"].as_str() {
            let separator = if path.contains('?') { '&' } else { '?' };
            assert_eq!(
                model.get(&format!("{path}{separator}cursor={cursor}")).await.status,
                StatusCode::OK,
                "{path}"
            );
        }
    }
    let mut connection = model.pool.acquire().await.expect("a connection");
    let plans = plans(&mut connection, &model.generation.to_string()).await;
    assert!(
        plans.len() > paths.len(),
        "a load and at least a statement per path: {plans:#?}"
    );
    for (statement, plan) in plans {
        assert!(!plan.contains("Seq Scan"), "{statement}\n{plan}");
    }
}

#[tokio::test]
async fn users_are_found_by_index() {
    let mut history = History::default();
    for number in 0..ROWS {
        history.user(&format!("u{number}"), &format!("Ada Number{number}"));
        if number % 100 == 0 {
            history.push(&format!("u{number}"), "user.roles.granted", json!({"role": "manager"}));
        }
    }
    let model = ReadModel::of(Users, &history).await;
    let paths = [
        "/users/u1",
        "/users",
        "/users?q=number29",
        "/users?role=manager",
        "/users?role=manager&q=ada",
    ];
    assert_indexed(&model, &paths).await;
}

#[tokio::test]
async fn movies_are_found_by_index() {
    let mut history = History::default();
    for number in 0..ROWS {
        let day = format!("{}-01-{:02}", 1950 + number / 50, number % 28 + 1);
        let genre = format!("genre-{}", number % 20);
        let title = format!("The {number}th movie");
        history.movie_with(
            &format!("m{number}"),
            json!({"title": title, "premiere_date": day, "genres": [genre]}),
        );
    }
    let model = ReadModel::of(Movies, &history).await;
    let paths = [
        "/movies/m1",
        "/movies",
        "/movies?sort=premiere_date",
        "/movies?sort=-premiere_date",
        "/movies?q=29th",
        "/movies?q=movie&sort=title",
        "/movies?genre=genre-3",
        "/movies?age_rating=12",
        "/movies/premieres?from=1960-01-01&to=1961-12-31",
        "/movies/premieres?country=DE&from=1960-01-01&to=1961-12-31",
        "/movies?country=DE&language=de",
        "/movies?external_id=imdb:tt0000001",
    ];
    assert_indexed(&model, &paths).await;
}

#[tokio::test]
async fn catalogs_are_found_by_index() {
    let mut history = History::default();
    for number in 0..ROWS {
        history.movie(&format!("m{number}"), "Movie", "2026-01-01");
        let cinema_id = format!("c{number}");
        history.cinema(&cinema_id, "Odeon", &format!("city{}", number % 100));
        for offset in 0..3 {
            history.add_to_programme(&cinema_id, &format!("m{}", (number + offset) % ROWS));
        }
    }
    let model = ReadModel::of(Catalog, &history).await;
    assert_indexed(&model, &["/catalog/city7", "/cinemas/c1", "/cities"]).await;
}

#[tokio::test]
async fn rows_are_loaded_by_index_when_the_table_is_new() {
    let mut history = History::default();
    history.movie("m1", "One", "2026-01-01");
    history.cinema("c1", "One", "berlin");
    history.user("u1", "One");
    let models = [
        ReadModel::empty(Users).await,
        ReadModel::empty(Movies).await,
        ReadModel::empty(Catalog).await,
    ];
    for model in models {
        model.apply(&history.events).await.expect("a valid history");
        let mut connection = model.pool.acquire().await.expect("a connection");
        let plans = plans(&mut connection, &model.generation.to_string()).await;
        assert!(!plans.is_empty());
        for (statement, plan) in plans {
            assert!(
                plan.contains("Index") && !plan.contains("Seq Scan"),
                "{statement}\n{plan}"
            );
        }
    }
}
