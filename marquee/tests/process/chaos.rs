//! `marquee chaos`: what was acknowledged survives each fault, and the program says so.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::child::{Ended, Process, marquee};

/// All that a run may wait for on a slow machine, and then some.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1_800);

/// Runs it; the verdict, which must be sound. Faults that this machine does not let us make are left out: they are told.
async fn verdict(options: &[&str], faults: &mut Vec<&str>) -> Value {
    let ended = loop {
        let mut command = marquee(&["chaos", "--json"]);
        command.args(options);
        command.args(faults.iter().flat_map(|fault| ["--fault", fault]));
        let ended = Process::start(command).ended_within(PATIENCE).await;
        let impossible = |fault: &&str| {
            let told = format!("--fault {fault}: not on this machine");
            ended.code == Some(64) && ended.said.iter().any(|line| line.contains(&told))
        };
        let before = faults.len();
        faults.retain(|fault| !impossible(fault));
        if faults.len() == before {
            break ended;
        }
    };
    judged(&ended, 0, "sound")
}

/// What a run with `--json` came to, which must be this.
pub(crate) fn judged(ended: &Ended, code: i32, word: &str) -> Value {
    let last = ended.said.iter().rev().find(|line| line.starts_with('{'));
    let verdict: Value = serde_json::from_str(last.expect("a verdict")).expect("JSON");
    let judged = (ended.code, verdict["verdict"].as_str());
    assert_eq!(judged, (Some(code), Some(word)), "{ended:#?}");
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

const SERVICES: &[&str] = &[
    "kill-command-api",
    "kill-relay",
    "kill-projection",
    "pause-command-api",
    "pause-relay",
    "pause-projection",
    "clock-steps",
    "rolling-restart",
];

const BETWEEN_LINES: &[&str] = &[
    "append-cut",
    "answer-lost",
    "publish-lost",
    "checkpoint-lost",
    "commit-lost",
    "ack-lost",
    "switch-killed",
];

const LINKS_AND_DATABASES: &[&str] = &[
    "link-cut",
    "link-frozen",
    "link-half-open",
    "kill-postgres",
    "postgres-disk-full",
    "postgres-connections",
    "idle-sessions",
    "kill-pooler",
    "long-transaction",
    "poison-event",
    "restore-while-paused",
];

const BROKER: &[&str] = &[
    "stop-rabbit",
    "kill-rabbit",
    "rabbit-connections",
    "both-away",
    "broker-alarm",
    "rabbit-disk-full",
];

const QUEUES_AND_REBUILDS: &[&str] = &[
    "queue-deleted",
    "bindings-removed",
    "queue-purged",
    "queue-full",
    "deliveries-doubled",
    "rebuild",
    "rollback",
    "rebuild-killed",
];

/// Of servers that stand in for each other.
const REPLICAS: &[&str] = &[
    "kill-node",
    "freeze-node",
    "cut-off-node",
    "kill-standby",
    "kill-primary",
    "freeze-primary",
];

/// Makes each of the faults once, and expects a sound verdict.
async fn survive(faults: &[&str]) {
    survive_with(&["--once", "--seed", "1"], faults).await;
}

async fn survive_with(options: &[&str], faults: &[&str]) {
    let mut faults = faults.to_vec();
    let verdict = verdict(options, &mut faults).await;
    let number = |name: &str| verdict[name].as_u64().unwrap_or(u64::MAX);
    assert!(number("acknowledged") > 100, "{verdict}");
    assert_eq!(
        number("acknowledged") + number("refused"),
        number("attempted"),
        "{verdict}"
    );
    assert!(number("reads") > 100, "{verdict}");
    let timeline = verdict["timeline"].as_array().expect("a timeline");
    // As these say that there was nothing to strike.
    for idle in [
        "nothing was on its way",
        "killed after it",
        "refused, HTTP",
        "not answered",
    ] {
        assert!(!verdict["timeline"].to_string().contains(idle), "{idle}: {verdict}");
    }
    for fault in faults {
        let told = format!("{fault}: ");
        let made = |moment: &Value| moment["what"].as_str().is_some_and(|what| what.starts_with(&told));
        assert_eq!(
            timeline.iter().filter(|moment| made(moment)).count(),
            1,
            "{fault}: {verdict}"
        );
    }
}

#[tokio::test]
async fn services_that_die_or_hang_cost_nothing() {
    survive(SERVICES).await;
}

#[tokio::test]
async fn deaths_between_any_two_lines_cost_nothing() {
    survive(BETWEEN_LINES).await;
}

#[tokio::test]
async fn broken_links_and_databases_cost_nothing() {
    survive(LINKS_AND_DATABASES).await;
}

#[tokio::test]
async fn a_broken_broker_costs_nothing() {
    survive(BROKER).await;
}

#[tokio::test]
async fn lost_queues_and_deliveries_and_rebuilds_meanwhile_cost_nothing() {
    survive(QUEUES_AND_REBUILDS).await;
}

#[tokio::test]
async fn servers_that_stand_in_for_each_other_cost_nothing() {
    survive_with(&["--replicated", "--once", "--seed", "1"], REPLICAS).await;
}

#[tokio::test]
async fn a_fault_of_several_servers_is_refused_where_there_is_one() {
    let ended = Process::start(marquee(&["chaos", "--fault", "kill-node"]))
        .ended()
        .await;
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.said.join(" ").contains("--replicated"), "{ended:?}");
}

#[tokio::test]
async fn every_fault_is_tried_here() {
    let tried = [
        SERVICES,
        BETWEEN_LINES,
        LINKS_AND_DATABASES,
        BROKER,
        QUEUES_AND_REBUILDS,
        REPLICAS,
    ]
    .concat();
    let tried: BTreeSet<&str> = tried.into_iter().collect();
    let ended = Process::start(marquee(&["chaos", "--list"])).ended().await;
    let listed: BTreeSet<&str> = ended.said.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(tried, listed);
}
