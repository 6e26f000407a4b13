//! `marquee chaos`: what was acknowledged survives each fault, and the program says so.

use serde_json::Value;

use crate::child::{Process, marquee};

async fn verdict(arguments: &[&str]) -> Value {
    let mut command = marquee(&["chaos", "--json"]);
    command.args(arguments);
    let ended = Process::start(command).ended().await;
    let last = ended.said.iter().rev().find(|line| line.starts_with('{'));
    let verdict: Value = serde_json::from_str(last.expect("a verdict")).expect("JSON");
    assert_eq!(
        (ended.code, verdict["verdict"].as_str()),
        (Some(0), Some("sound")),
        "{ended:#?}"
    );
    verdict
}

#[tokio::test]
async fn every_fault_is_explained() {
    let ended = Process::start(marquee(&["chaos", "--list"])).ended().await;
    assert_eq!(ended.code, Some(0));
    for line in &ended.said {
        let (name, explanation) = line.split_once(' ').expect("a name and an explanation");
        assert!(explanation.trim().len() > 10, "{name}");
    }
    assert!(
        ended.said.iter().any(|line| line.starts_with("kill-relay ")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_fault_that_there_is_not_is_refused() {
    let ended = Process::start(marquee(&["chaos", "--fault", "earthquake"]))
        .ended()
        .await;
    assert_eq!(ended.code, Some(64), "{ended:?}");
    let said = ended.said.join(" ");
    assert!(said.contains("--fault") && said.contains("kill-postgres"), "{said}");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_refused_before_anything_is_started() {
    let home = tempfile::tempdir().expect("a directory");
    let report = home.path().join("missing").join("chaos.html");
    let mut command = marquee(&["chaos", "--report"]);
    command.arg(&report);
    let ended = Process::start(command).ended().await;
    assert_eq!(ended.code, Some(64), "{ended:?}");
    let said = ended.said.join(" ");
    assert!(said.contains("--report") && said.contains("missing"), "{said}");
    assert!(!said.contains("starting"), "{said}");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_any_fault_of_a_seed() {
    let verdict = verdict(&["--seed", "1", "--for", "25s"]).await;
    let number = |name: &str| verdict[name].as_u64().unwrap_or(u64::MAX);
    assert!(number("attempted") > 100, "{verdict}");
    assert_eq!(number("attempted"), number("ok"), "{verdict}");
    assert!(number("reads") > 100, "{verdict}");
}
