//! How far the read models are behind while the load goes on.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::api::Api;
use crate::status::every_projection;

const INTERVAL: Duration = Duration::from_secs(1);

/// Asks for the lag in the background; ends when it is dropped.
pub(crate) struct Lag {
    api: Api,
    events: watch::Receiver<Option<i64>>,
    asking: JoinHandle<()>,
}

impl Lag {
    pub(crate) fn watch(api: Api) -> Self {
        let (tell, events) = watch::channel(None);
        let asked = api.clone();
        let asking = tokio::spawn(async move {
            while !tell.is_closed() {
                tell.send_replace(largest(&asked).await);
                sleep(INTERVAL).await;
            }
        });
        Self { api, events, asking }
    }

    /// The largest lag of those projections that tell one; none when none does, or one is not to be compared with the log.
    pub(crate) fn events(&self) -> Option<i64> {
        *self.events.borrow()
    }

    /// The same, asked for now.
    pub(crate) async fn now(&self) -> Option<i64> {
        largest(&self.api).await
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn largest(api: &Api) -> Option<i64> {
    let statuses = every_projection(api).await;
    let views = || statuses.iter().filter_map(|(_, answer)| answer.understood());
    if views().any(|view| view.state == "log_diverged") {
        return None;
    }
    views().filter_map(|view| view.lag_events).max()
}
