//! `marquee import movies` against running services, against nobody, and stopped on its way.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::child::{Process, marquee};
use crate::deployment::Deployment;
use crate::log::events_by_type;
use crate::nobody::Nobody;
use crate::told::told;
use crate::up::Up;

/// A list with something of everything that lists contain.
fn list(folder: &Path) -> PathBuf {
    let path = folder.join("films.json");
    let records = json!([
        {"Title": 1776, "Release Date": "Nov 09 1972", "MPAA Rating": "G", "Running Time min": 141, "Rank": 1},
        {"Title": "AmÃ©lie", "Release Date": "2001", "MPAA Rating": "R", "Running Time min": "2h 2min"},
        {"Title": "Tango &amp; Cash ", "Release Date": "1989-12", "MPAA Rating": "Not Rated"},
        {"Title": "M", "imdbID": "tt0022100", "Director": "Fritz Lang", "Language": "German", "Country": "Germany"},
        {"Title": "M again", "imdbID": "tt0022100"},
        {"Title": "1776", "Release Date": "1972"},
        {"Title": null, "Release Date": "2006"},
        {"Title": "Alien", "Release Date": "soon", "MPAA Rating": "Open", "Running Time min": 0},
    ]);
    std::fs::write(&path, records.to_string()).expect("written");
    path
}

fn import<'a>(list: &'a str, refused: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["import", "movies", list, "--refused", refused, "--json"], more].concat()
}

#[tokio::test]
async fn a_list_is_imported_once_however_often_and_every_doubt_is_told() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (list, refused) = (list(folder.path()), folder.path().join("refused.jsonl"));
    let (list, refused) = (list.to_str().expect("a path"), refused.to_str().expect("a path"));

    let dry = told(&deployment, &import(list, refused, &["--dry-run"])).await;
    dry.said_with(0);
    assert_eq!((&dry.json()["accepted"], &dry.json()["new"]), (&json!(6), &json!(0)));
    let mut event_store = deployment.event_store().await.expect("the event store");
    assert!(events_by_type(&mut event_store).await.is_empty(), "nothing was sent");

    let first = told(&deployment, &import(list, refused, &[])).await;
    first.said_with(0);
    let first = first.json();
    let expected = json!({"read": 8, "accepted": 6, "new": 6, "there": 0, "withdrawn": 0, "open": 0});
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&first[name], value, "{name}: {first}");
    }
    assert_eq!(first["refused"]["by_rule"], json!({"duplicate": 1, "title-missing": 1}));
    assert_eq!(
        first["left_out"],
        json!({"date-unreadable": 1, "external-id-of-another": 1, "rating-unknown": 1, "runtime-zero": 1})
    );
    for rule in [
        "number-as-title",
        "encoding",
        "html-entity",
        "whitespace",
        "unrated",
        "runtime-words",
        "date-words",
    ] {
        assert_eq!(first["repaired"]["by_rule"][rule], 1, "{rule}: {first}");
    }
    assert_eq!(first["columns_left_alone"], json!(["Rank"]));
    let lines: Vec<Value> = std::fs::read_to_string(refused)
        .expect("the refused records")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told_of: Vec<_> = lines.iter().map(|line| (&line["number"], &line["rule"])).collect();
    assert_eq!(
        told_of,
        [(&json!(6), &json!("duplicate")), (&json!(7), &json!("title-missing"))]
    );
    assert_eq!(lines[1]["record"]["Release Date"], "2006");

    let again = told(&deployment, &import(list, refused, &[])).await;
    again.said_with(0);
    assert_eq!((&again.json()["new"], &again.json()["there"]), (&json!(0), &json!(6)));
    let events = events_by_type(&mut event_store).await;
    assert_eq!(events.get("movie.announced"), Some(&6), "{events:?}");
    assert_eq!(events.len(), 1, "{events:?}");
    up.stop("INT").await;
}

#[tokio::test]
async fn what_was_withdrawn_stays_withdrawn() {
    let deployment = Deployment::create().await;
    let up = Up::start(deployment.marquee(&["--no-demo"])).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("films.csv");
    let path = path.to_str().expect("a path");
    let refused = folder.path().join("refused.jsonl");
    let refused = refused.to_str().expect("a path");
    std::fs::write(path, "title;year;imdb\nM;1931;tt0022100\n").expect("written");
    told(&deployment, &import(path, refused, &[])).await.said_with(0);
    let withdrawn = reqwest::Client::new()
        .delete(format!("{}/movies/imdb-tt0022100", up.url))
        .send()
        .await
        .expect("an answer");
    assert_eq!(withdrawn.status().as_u16(), 200);
    let again = told(&deployment, &import(path, refused, &[])).await;
    again.said_with(0);
    assert_eq!(again.json()["withdrawn"], 1, "{}", again.json());
    up.stop("INT").await;
}

#[tokio::test]
async fn an_import_that_gets_no_answer_says_how_far_it_came() {
    let nobody = Nobody::take();
    let folder = tempfile::tempdir().expect("a folder");
    let list = list(folder.path());
    let mut command = marquee(&[
        "import",
        "movies",
        list.to_str().expect("a path"),
        "--connections",
        "1",
        "--url",
    ]);
    command.arg(format!("http://{}", nobody.address()));
    command.current_dir(folder.path());
    let ended = Process::start(command).ended().await;
    let said = ended.said_with(1);
    assert!(
        said.contains("no answer") && said.contains("everything up to record 0 of 8 is settled"),
        "{said}"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_with_what_to_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("films.csv");
    for (bytes, arguments, said) in [
        (&b"title\nAm\xE9lie\n"[..], vec![], "--encoding"),
        (b"a,b\n1,2\n", vec![], "--map title=COLUMN"),
        (b"", vec![], "has no record"),
        (b"title,year\n", vec![], "has no record"),
        (b"PK\x03\x04\0\0", vec![], "is no text"),
        (
            b"{\"movies\": [",
            vec!["--format", "json"],
            "is no JSON array of objects",
        ),
        (b"{\n\"movies\": []\n}", vec!["--format", "jsonl"], "one JSON value"),
        (b"title\nM\n", vec!["--map", "title=titel"], "there is no column titel"),
        (b"title\nM\n", vec!["--map", "rating=title"], "fields are: id, title"),
        (
            b"title\nM\n",
            vec!["--without", "nothing"],
            "rules that can be left out are: invisible",
        ),
    ] {
        std::fs::write(&path, bytes).expect("written");
        let mut command = marquee(&["import", "movies", "--dry-run"]);
        command.args(arguments).arg(&path).current_dir(folder.path());
        let ended = Process::start(command).ended().await;
        let told = ended.said_with(64);
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = list(folder.path());
    let folder_name = folder.path().to_str().expect("a path");
    let list = list.to_str().expect("a path");
    let nowhere = folder.path().join("nowhere").join("refused.jsonl");
    let nowhere = nowhere.to_str().expect("a path");
    for (arguments, code, said) in [
        (vec![folder_name], 64, "cannot be read"),
        (vec!["nothing.csv"], 64, "cannot be read"),
        (vec![list, "--mapping", "nothing.json"], 64, "cannot be read"),
        (vec![list, "--refused", nowhere], 1, "cannot be written"),
        (vec![list, "--changes", nowhere], 1, "cannot be written"),
    ] {
        let mut command = marquee(&["import", "movies", "--url", "http://127.0.0.1:1"]);
        command.args(arguments).current_dir(folder.path());
        let ended = Process::start(command).ended().await;
        let told = ended.said_with(code);
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_a_record_like_any_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("films.jsonl");
    let long = "x".repeat(10_000_000);
    let lines = [
        json!({"title": long}),
        json!({"title": "M", "plot": long}),
        json!({"title": "Alien"}),
    ];
    std::fs::write(&path, lines.map(|line| line.to_string()).join("\n")).expect("written");
    let mut command = marquee(&["import", "movies", "--dry-run", "--json"]);
    command.arg(&path).current_dir(folder.path());
    let ended = Process::start(command).ended().await;
    ended.said_with(0);
    let report = ended.json();
    assert_eq!((&report["accepted"], &report["dry_run"]), (&json!(2), &json!(true)));
    assert_eq!(report["refused"]["by_rule"], json!({"title-unusable": 1}));
    assert_eq!(report["left_out"], json!({"value-unusable": 1}));
}

/// A service that answers every announcement as the server of a proxy does that has lost its upstream.
#[tokio::test]
async fn an_import_that_is_told_to_stop_does_not_try_again() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let list = list(folder.path());
    let mut command = marquee(&["import", "movies", "--connections", "1", "--url", &url]);
    command.arg(&list).current_dir(folder.path());
    let mut process = Process::start(command);
    let (mut connection, _) = listener.accept().await.expect("a connection");
    let mut request = vec![0; 16 * 1024];
    assert!(connection.read(&mut request).await.expect("a request") > 0);
    process.signal("INT").await;
    process
        .says("that it stops", |line| line.starts_with("Stopping").then_some(()))
        .await;
    connection
        .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .await
        .expect("an answer");
    let ended = process.ended().await;
    let said = ended.said_with(1);
    assert!(said.contains("everything up to record 0 of 8 is settled"), "{said}");
    let again = listener.accept();
    assert!(
        futures::FutureExt::now_or_never(again).is_none(),
        "another request after it was told to stop"
    );
}
