//! Whether the broker refuses to read from a connection (memory or disk alarm).

use futures::StreamExt;
use lapin::{Connection, Event};
use metrics::gauge;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::metric_names;

/// Follows a connection's blocked state for as long as it is kept.
pub(crate) struct BlockedState {
    state: watch::Receiver<bool>,
    _follower: AbortOnDropHandle<()>,
}

impl BlockedState {
    /// Starts to follow; a new connection is not blocked.
    pub(crate) fn follow(connection: &Connection, name: &str) -> Self {
        let (sender, state) = watch::channel(false);
        let mut events = connection.events_listener();
        let gauge = gauge!(metric_names::BLOCKED, metric_names::CONNECTION => name.to_owned());
        gauge.set(0.0);
        let follower = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let blocked = match event {
                    Event::ConnectionBlocked(reason) => {
                        tracing::warn!(reason, "the broker has blocked publishing");
                        true
                    }
                    Event::ConnectionUnblocked => {
                        tracing::info!("the broker takes messages again");
                        false
                    }
                    _ => continue,
                };
                gauge.set(if blocked { 1.0 } else { 0.0 });
                if sender.send(blocked).is_err() {
                    break;
                }
            }
        });
        Self {
            state,
            _follower: AbortOnDropHandle::new(follower),
        }
    }

    pub(crate) fn receiver(&self) -> watch::Receiver<bool> {
        self.state.clone()
    }
}
