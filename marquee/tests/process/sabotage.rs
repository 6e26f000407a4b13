//! `marquee chaos` can fail: of a build that breaks a guarantee it says so.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::chaos::{PATIENCE, judged};
use crate::child::{Process, program};

/// With everything to be compiled.
const BUILD_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Builds the program that can be broken, once.
async fn sabotaged() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = async || {
        // With the features that the tests of the workspace are built with, those for tests included, so that little has to be
        // built again: they count once a test is among what is built, and this one is built already.
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--workspace", "--features", "marquee/sabotage"])
            .args(["--bin", "marquee-sabotaged", "--test", "golden"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let built = timeout(BUILD_TIMEOUT, built)
            .await
            .expect("it is built in time")
            .expect("cargo starts");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Path::new(env!("CARGO_BIN_EXE_marquee")).with_file_name("marquee-sabotaged")
    };
    BUILT.get_or_init(build).await
}

/// Runs chaos with a fault and something broken; the verdict, which must be that it is.
async fn violated(sabotage: &str, fault: &str) -> Value {
    violated_after("6", sabotage, fault).await
}

/// The same, with the fault made so often.
async fn violated_after(times: &str, sabotage: &str, fault: &str) -> Value {
    // So many commands that whatever is struck is in the middle of one, several times, however long that takes.
    let options = ["chaos", "--json", "--seed", "3", "--times", times, "--rate", "150"];
    let arguments = [&options[..], &["--sabotage", sabotage, "--fault", fault]].concat();
    let ended = Process::start(program(sabotaged().await, &arguments))
        .ended_within(PATIENCE)
        .await;
    // What is kept for who looks into it.
    let kept = ended
        .said
        .iter()
        .find_map(|line| line.split_once("the services' logs are in "));
    if let Some(home) = kept.and_then(|(_, logs)| Path::new(logs.trim()).parent()) {
        std::fs::remove_dir_all(home).expect("the logs are there");
    }
    judged(&ended, 1, "violated")
}

fn found(verdict: &Value, words: &str) -> bool {
    let findings = verdict["findings"].as_array().expect("findings");
    findings
        .iter()
        .any(|finding| finding.as_str().is_some_and(|finding| finding.contains(words)))
}

#[tokio::test]
async fn an_ack_before_the_commit_is_found() {
    let verdict = violated("ack-before-commit", "commit-lost").await;
    assert!(found(&verdict, "its queue did not hold them any more"), "{verdict}");
}

#[tokio::test]
async fn a_checkpoint_past_an_unconfirmed_message_is_found() {
    let verdict = violated("checkpoint-before-confirm", "publish-lost").await;
    assert!(found(&verdict, "never came to the queue chaos.witness"), "{verdict}");
}

#[tokio::test]
async fn a_range_applied_without_its_check_is_found() {
    let verdict = violated("range-without-check", "bindings-removed").await;
    assert!(found(&verdict, "unexpected: projection "), "{verdict}");
}

#[tokio::test]
async fn an_event_of_a_lost_history_that_is_applied_is_found() {
    let verdict = violated_after("1", "delivery-without-look", "restore-while-paused").await;
    // By its checkpoint; or by its rows, where one transaction went from the lost history on into the new one.
    assert!(
        found(&verdict, "has applied events of the lost history") || found(&verdict, "unexpected: projection "),
        "{verdict}"
    );
}

#[tokio::test]
async fn a_lookup_instead_of_a_resubmission_is_found() {
    let verdict = violated("lookup-for-resubmission", "append-cut").await;
    assert!(found(&verdict, "was answered that nothing was changed"), "{verdict}");
}
