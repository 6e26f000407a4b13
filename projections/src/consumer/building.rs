//! What a consumer starts by itself: the first generation of a new projection on an old log, and, if it may, a rebuild for
//! newer code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::Position;
use tokio_util::sync::CancellationToken;

use crate::State;
use crate::consumer::Consumer;
use crate::consumer::ending::Ending;
use crate::consumer::session::Session;
use crate::heal::Cause;
use crate::rebuild::operation::{OperationKind, OperationState};
use crate::rebuild::start::{Refusal, Wanted};

/// How often a build is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

impl Consumer {
    /// Notes that this code was found to match the live generation: from now on another version is an operator's choice.
    pub(super) fn version_matched(&self) {
        self.auto_rebuild_spent.store(true, Ordering::Relaxed);
    }

    /// Starts a rebuild when this code is newer than the live generation was when the process started, once, if it may.
    pub(super) async fn auto_rebuild(&self, ending: &Ending) {
        let Ending::VersionMismatch {
            version,
            binding_version,
            code_version,
            code_binding_version,
            ..
        } = ending
        else {
            return;
        };
        let is_newer = (code_version, code_binding_version) > (version, binding_version);
        let Some(rebuilds) = self.rebuilds.as_ref().filter(|_| self.args.auto_rebuild && is_newer) else {
            return;
        };
        if self.auto_rebuild_spent.load(Ordering::Relaxed) {
            return;
        }
        match rebuilds.start(wanted(OperationKind::Rebuild, "auto-rebuild")).await {
            Ok(_operation) => self.auto_rebuild_spent.store(true, Ordering::Relaxed),
            // Another process may do the same.
            Err(Refusal::Running) => {}
            Err(refusal) => self.progress.failed(&refusal),
        }
    }
}

impl Session<'_> {
    /// Has the first generation built from the log, and goes on from where it is then. The queue is bound already: what comes
    /// after the log's head waits there. When an event cannot be applied, the log is applied piece by piece instead, which
    /// parks it.
    pub(super) async fn build(&mut self, head: Position, stop: &CancellationToken) -> Result<(), Ending> {
        let Some(rebuilds) = &self.consumer.rebuilds else {
            self.close_from_log(head, Cause::Start);
            return Ok(());
        };
        match rebuilds.start(wanted(OperationKind::Build, "start")).await {
            Ok(_) | Err(Refusal::Running) => {}
            Err(Refusal::Stopping) => return Err(Ending::Stopped),
            Err(refusal) => return Err(Ending::NotBuilt(refusal.to_string())),
        }
        self.consumer.progress.is(State::Healing);
        loop {
            let pause = async {
                let pause = tokio::time::sleep(LOOK_INTERVAL);
                stop.run_until_cancelled(pause).await.ok_or(Ending::Stopped)
            };
            self.inbox.while_doing(pause).await?;
            let operation = self.consumer.within_limit(rebuilds.last()).await?;
            let row = self.advance.row().await?;
            if row.checkpoint.position.0 > 0 {
                self.consumer.check_version(&row)?;
                self.follow(&row);
                self.consumer.progress.is(State::Waiting);
                return Ok(());
            }
            let Ok(Some(operation)) = operation else {
                continue;
            };
            match (operation.state, operation.error) {
                (OperationState::Running, _) => {}
                // Then it was another one, such as a dry run, that was at work before.
                (OperationState::Succeeded, _) => {
                    return Err(Ending::NotBuilt("another operation came first".to_owned()));
                }
                (OperationState::Failed, Some(error)) if error.position.is_none() => {
                    return Err(Ending::NotBuilt(error.detail));
                }
                (OperationState::Interrupted, _) => return Err(Ending::NotBuilt("it was interrupted".to_owned())),
                _ => {
                    self.consumer.progress.is(State::Waiting);
                    self.close_from_log(head, Cause::Start);
                    return Ok(());
                }
            }
        }
    }
}

fn wanted(kind: OperationKind, requested_by: &str) -> Wanted {
    Wanted {
        kind,
        dry_run: false,
        throttle: None,
        requested_by: requested_by.to_owned(),
        reason: None,
    }
}
