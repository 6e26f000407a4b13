//! The benchmark runs from end to end, with tiny sizes. What it measures then says nothing of how fast anything is, and is
//! not looked at.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use dev_stack::TestHome;
use serde_json::Value;

const PARTS: [&str; 9] = [
    "append",
    "footprint",
    "growth",
    "http",
    "latency",
    "pipeline",
    "rebuild",
    "relay",
    "search",
];

#[tokio::test]
async fn every_part_is_measured_and_written_down() {
    let home = TestHome::create().await;
    let results = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command
        .args(["--smoke", "--json", "--home"])
        .arg(home.path())
        .arg("--results")
        .arg(results.path())
        .args(program())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("the benchmark starts");
    assert!(output.status.success(), "it ended with {}", output.status);

    let figures: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of figures");
    let parts: BTreeSet<&str> = figures.iter().filter_map(|figure| figure["part"].as_str()).collect();
    assert_eq!(parts.into_iter().collect::<Vec<_>>(), PARTS);
    for figure in &figures {
        let value = figure["value"].as_f64().expect("a value");
        assert!(value.is_finite() && value >= 0.0, "{figure}");
        assert_eq!(figure["yardstick"].is_null(), figure["ratio"].is_null(), "{figure}");
        assert_eq!(figure["bar"].is_null(), figure["holds"].is_null(), "{figure}");
    }
    let page = fs::read_to_string(results.path().join("RESULTS.md")).expect("the page");
    for part in PARTS {
        assert!(page.contains(&format!("\n## {part}\n")), "{part} stands on the page");
        let chart = fs::read_to_string(results.path().join(format!("charts/{part}.svg"))).expect("a chart");
        assert!(chart.contains("Marquee:"), "{part} has a chart with a bar");
    }
    assert_eq!(home.servers(), Vec::<String>::new(), "nothing is left running");
}

/// The tests of the workspace have built the program; for the tests of this package alone the benchmark builds it.
fn program() -> Vec<OsString> {
    let program = Path::new(env!("CARGO_BIN_EXE_bench")).with_file_name("marquee");
    if program.exists() {
        vec!["--program".into(), program.into()]
    } else {
        vec![]
    }
}
