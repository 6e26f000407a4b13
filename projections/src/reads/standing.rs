//! Whether a read model is in the log: whoever asks for a position means one of the log as it is now, and the same positions may
//! have been others' before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Position;
use event_store::{LogReader, Place};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::control::Checkpoint;

/// How long the event store may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);
/// The same while nothing is known yet: a process that has just begun has to connect first, which takes this long at most.
const FIRST_LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// Looks at the log for all readers of a process, one look at a time.
pub(super) struct Standing {
    log: LogReader,
    last: Mutex<Option<Look>>,
    /// Whether the last look that was answered has found the read model.
    was_found: AtomicBool,
}

/// A look at a checkpoint's place.
struct Look {
    began: Instant,
    position: Position,
    event_id: Option<Uuid>,
    place: Option<Place>,
}

impl Standing {
    pub(super) fn new(log: LogReader) -> Self {
        Self {
            log,
            last: Mutex::default(),
            was_found: AtomicBool::new(false),
        }
    }

    /// Tells whether the read model was in the log when that was last known; `false` as long as nothing is known.
    pub(super) fn was_found(&self) -> bool {
        self.was_found.load(Ordering::Relaxed)
    }

    /// The place of a checkpoint in the log, by a look that began at `since` or later, which may have been another reader's: under
    /// load one does for many. `None` when the event store does not answer.
    pub(super) async fn look(&self, since: Instant, checkpoint: &Checkpoint) -> Option<Place> {
        let looking = async {
            let mut last = self.last.lock().await;
            if let Some(look) = &*last
                && look.began >= since
                && (look.position, look.event_id) == (checkpoint.position, checkpoint.event_id)
            {
                return look.place;
            }
            let began = Instant::now();
            let place = self.log.place(checkpoint.position).await.ok();
            if let Some(place) = &place {
                let is_found = place.event_id == checkpoint.event_id;
                self.was_found.store(is_found, Ordering::Relaxed);
            }
            *last = Some(Look {
                began,
                position: checkpoint.position,
                event_id: checkpoint.event_id,
                place,
            });
            place
        };
        let patience = match self.was_found() {
            true => LOOK_TIMEOUT,
            false => FIRST_LOOK_TIMEOUT,
        };
        timeout(patience, looking).await.ok().flatten()
    }
}
