//! What is left, once everything is mended: waits until it has come to rest, and asks for answers once more.

use std::time::Duration;

use domain::{Envelope, Position};
use event_store::LogReader;
use projections::Inspector;
use service::{BoxError, with_causes};
use tokio::time::{Instant, sleep};

use super::clients::{Attempt, End, Sender};
use super::verdict::is_undone;
use super::witness::Witness;
use crate::databases::Databases;

/// How long queues and read models may take to catch up, on a slow machine.
const DRAIN_PATIENCE: Duration = Duration::from_secs(480);
/// How long nothing may move meanwhile: far longer than a queue may be without a leader before its consumer replaces it.
const STANDSTILL_MAX: Duration = Duration::from_secs(120);
const DRAIN_POLL: Duration = Duration::from_millis(100);
/// Commands that are sent once more at the end.
const REPLAYS_MAX: usize = 200;
const LOG_PAGE: u32 = 5_000;

/// Waits until every read model is where the log ends and the witness has had everything, for as long as something moves.
pub(super) async fn drain(
    databases: &Databases,
    reader: &LogReader,
    log: &mut Vec<Envelope>,
    witness: &Witness,
) -> Option<String> {
    let (began, mut moved) = (Instant::now(), Instant::now());
    let mut last = None;
    loop {
        let waits_for = behind(databases, reader, log, witness).await;
        let what = waits_for.unwrap_or_else(|error| Some(with_causes(&*error)))?;
        if last.as_ref() != Some(&what) {
            (last, moved) = (Some(what.clone()), Instant::now());
        }
        if moved.elapsed() > STANDSTILL_MAX || began.elapsed() > DRAIN_PATIENCE {
            return Some(format!("not drained: {what}"));
        }
        sleep(DRAIN_POLL).await;
    }
}

/// What is not where the log ends yet, in words.
async fn behind(
    databases: &Databases,
    reader: &LogReader,
    log: &mut Vec<Envelope>,
    witness: &Witness,
) -> Result<Option<String>, BoxError> {
    read_on(reader, log).await?;
    let head = log.last().map_or(Position(0), |event| event.position);
    for (name, url) in &databases.projections {
        let url = url.as_ref().ok_or("a projection has no database")?;
        let mut inspector = Inspector::open(name.as_str(), url).await?;
        let reached = inspector
            .reached()
            .await?
            .map_or(Position(0), |reached| reached.position);
        inspector.close().await;
        if reached < head {
            return Ok(Some(format!("{} is at {} of {}", name.as_str(), reached.0, head.0)));
        }
    }
    Ok(witness.missing(log))
}

/// Sends some of the acknowledged commands once more, but for those that a restore has undone: each gets its first answer.
pub(super) async fn replay(sender: &Sender, attempts: &[Attempt], restored: &[i64]) -> Vec<String> {
    let mut wrong = Vec::new();
    let standing = attempts.iter().filter(|attempt| !is_undone(attempt, restored));
    let acknowledged = standing.filter_map(|attempt| match &attempt.end {
        End::Acknowledged(answer) => Some((attempt, answer)),
        _ => None,
    });
    let every = (attempts.len() / REPLAYS_MAX).max(1);
    for (attempt, answer) in acknowledged.step_by(every) {
        let key = &attempt.request.key;
        match sender.repeat(&attempt.request).await {
            Ok((again, true)) if again == *answer => {}
            Ok((again, replayed)) => wrong.push(format!(
                "{key}: repeated, it was answered {again:?} (replayed: {replayed}) instead of {answer:?}"
            )),
            Err(error) => wrong.push(format!("{key}: repeated, it was answered {error}")),
        }
    }
    wrong
}

/// Reads what the log has beyond the events that are known.
pub(super) async fn read_on(reader: &LogReader, log: &mut Vec<Envelope>) -> Result<(), BoxError> {
    loop {
        let after = log.last().map_or(Position(0), |event| event.position);
        let page = reader.read(after, LOG_PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        log.extend(page);
    }
}
