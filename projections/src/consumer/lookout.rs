//! What a consumer without a session looks at: how long its queue is, which fills while the projection is paused or cannot be
//! applied to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_bus::{AmqpUrl, BusError, Onlooker};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::consumer::inbox::MEASURE_INTERVAL;
use crate::status::{Progress, QueueStatus};

/// The pause before another attempt to ask a broker that did not answer.
const ASK_AGAIN_PAUSE: Duration = Duration::from_secs(5);

/// Looks at a queue while it is told to.
#[derive(Default)]
pub(super) struct Lookout(Mutex<Option<AbortOnDropHandle<()>>>);

/// What is looked at, and whom it is told.
#[derive(Clone)]
pub(super) struct Sight {
    pub(super) url: AmqpUrl,
    pub(super) queue: String,
    pub(super) connection_name: String,
    pub(super) progress: Arc<Progress>,
}

impl Lookout {
    /// Begins to look, or goes on.
    pub(super) fn begin(&self, sight: impl FnOnce() -> Sight) {
        let mut looking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looking.is_none() {
            *looking = Some(AbortOnDropHandle::new(tokio::spawn(keep_looking(sight()))));
        }
    }

    /// Ends it: a session knows by itself, and of a broker that is away nothing is known.
    pub(super) fn end(&self, progress: &Progress) {
        let looking = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if looking.is_some() {
            progress.queue_is(None);
        }
    }
}

async fn keep_looking(sight: Sight) {
    loop {
        let Err(error) = look_until_it_fails(&sight).await;
        tracing::debug!(queue = sight.queue, %error, "the queue's length is not known");
        sight.progress.queue_is(None);
        sleep(ASK_AGAIN_PAUSE).await;
    }
}

async fn look_until_it_fails(sight: &Sight) -> Result<std::convert::Infallible, BusError> {
    let onlooker = Onlooker::open(&sight.url, &sight.queue, &sight.connection_name).await?;
    loop {
        let depth = onlooker.depth().await?;
        sight.progress.queue_is(Some(QueueStatus {
            name: sight.queue.clone(),
            messages: depth.messages,
            consumers: depth.consumers,
        }));
        sleep(MEASURE_INTERVAL).await;
    }
}
