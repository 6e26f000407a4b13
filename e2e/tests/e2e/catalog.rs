//! Commands on movies and cinemas, and the catalog that follows them.

use dev_stack::TestVhost;
use e2e::{Databases, Platform};
use serde_json::{Value, json};

fn movie(id: &str, premiere_date: &str) -> Value {
    json!({
        "id": id, "title": "Metropolis", "synopsis": "A city of towers.", "runtime_minutes": 153,
        "age_rating": "12", "genres": ["science-fiction"], "premiere_date": premiere_date,
    })
}

/// The ids of the movies on the programme, and of those that are premieres, of a city's only cinema.
fn shown(catalog: &Value) -> (Vec<&str>, Vec<&str>) {
    let ids = |list: &'static str| {
        let movies = catalog["items"][0][list].as_array().expect("a list");
        movies
            .iter()
            .map(|movie| movie["id"].as_str().or(movie["movie_id"].as_str()).expect("an id"))
            .collect()
    };
    (ids("movies"), ids("premieres"))
}

#[tokio::test]
async fn the_catalog_has_what_was_just_commanded_at_the_first_try_and_follows_every_change() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = &platform.client;
    let today = chrono::Utc::now().date_naive();
    let next_year = today + chrono::Days::new(365);

    client
        .post("/movies", movie("metropolis", &today.to_string()))
        .await
        .accepted();
    let cinema = json!({"id": "babylon", "name": "Babylon", "city_id": "berlin", "address": "Rosa-Luxemburg-Strasse 30", "time_zone": "Europe/Berlin"});
    client.post("/cinemas", cinema).await.accepted();
    let added = client
        .put_empty("/cinemas/babylon/programme/metropolis")
        .await
        .accepted();

    let catalog = client.get_at("/catalog/berlin", added.position()).await.accepted();
    assert_eq!(
        shown(&catalog.body),
        (vec!["metropolis"], vec!["metropolis"]),
        "{catalog:?}"
    );
    let read: i64 = catalog
        .header("read-position")
        .and_then(|read| read.parse().ok())
        .expect("a read position");
    assert!(read >= added.position());

    let moved = json!({"premiere_date": next_year.to_string()});
    let moved = client.put("/movies/metropolis/premiere", moved).await.accepted();
    let catalog = client.get_at("/catalog/berlin", moved.position()).await.accepted();
    assert_eq!(
        shown(&catalog.body),
        (vec!["metropolis"], vec![]),
        "shown, and no premiere any more"
    );

    let withdrawn = client.delete("/movies/metropolis").await.accepted();
    let catalog = client.get_at("/catalog/berlin", withdrawn.position()).await.accepted();
    assert_eq!(shown(&catalog.body), (vec![], vec![]));
    let again = client.put_empty("/cinemas/babylon/programme/metropolis").await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("MOVIE_WITHDRAWN")));
    let unknown = client.put_empty("/cinemas/babylon/programme/nosferatu").await;
    assert_eq!(
        (unknown.status, &unknown.body["code"]),
        (404, &json!("MOVIE_NOT_FOUND"))
    );

    let closed = client.delete("/cinemas/babylon").await.accepted();
    let catalog = client.get_at("/catalog/berlin", closed.position()).await.accepted();
    assert_eq!(catalog.body["items"], json!([]));
    platform.stop().await;
}

#[tokio::test]
async fn a_movie_that_is_withdrawn_while_it_is_added_is_never_added_after_its_withdrawal() {
    let (databases, vhost) = (Databases::create().await, TestVhost::create().await);
    let platform = Platform::start(&databases, &vhost.amqp_url()).await;
    let client = &platform.client;
    let cinema = json!({"id": "babylon", "name": "Babylon", "city_id": "berlin", "address": "Berlin", "time_zone": "Europe/Berlin"});
    client.post("/cinemas", cinema).await.accepted();
    for n in 0..20 {
        let id = format!("movie-{n}");
        client.post("/movies", movie(&id, "2026-01-01")).await.accepted();
        let (path, add) = (format!("/movies/{id}"), format!("/cinemas/babylon/programme/{id}"));
        let (withdrawn, added) = tokio::join!(client.delete(&path), client.put_empty(&add));
        let withdrawn = withdrawn.accepted();
        match added.status {
            409 => assert_eq!(added.body["code"], "MOVIE_WITHDRAWN"),
            _ => assert!(
                added.accepted().position() < withdrawn.position(),
                "added before it was withdrawn"
            ),
        }
    }
    platform.stop().await;
}
