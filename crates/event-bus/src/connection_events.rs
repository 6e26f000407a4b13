//! What the broker says of a connection while it lasts: that it blocks publishing, and why it ends.

use std::time::Duration;

use futures::StreamExt;
use lapin::protocol::AMQPErrorKind;
use lapin::{Connection, ErrorKind, Event};
use metrics::gauge;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::{BusError, metric_names};

/// The library knows that a channel is closing a moment before it tells why.
const REASON_PATIENCE: Duration = Duration::from_secs(1);

/// Follows a connection for as long as it is kept.
pub(crate) struct ConnectionEvents {
    blocked: watch::Receiver<bool>,
    reason: Reason,
    _follower: AbortOnDropHandle<()>,
}

/// Why the broker closed a connection or a channel of it, once it has.
#[derive(Clone)]
pub(crate) struct Reason(watch::Receiver<Option<lapin::Error>>);

impl ConnectionEvents {
    /// Starts to follow a new connection, which is not blocked. All of its channels are followed: a refusal that may
    /// happen to one of them and is no end must have happened before.
    pub(crate) fn follow(connection: &Connection, name: &str) -> Self {
        let (blocked_sender, blocked) = watch::channel(false);
        let (reason_sender, reason) = watch::channel(None);
        let mut events = connection.events_listener();
        let gauge = gauge!(metric_names::BLOCKED, metric_names::CONNECTION => name.to_owned());
        gauge.set(0.0);
        let follower = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let is_blocked = match event {
                    Event::ConnectionBlocked(reason) => {
                        tracing::warn!(reason, "the broker has blocked publishing");
                        true
                    }
                    Event::ConnectionUnblocked => {
                        tracing::info!("the broker takes messages again");
                        false
                    }
                    Event::Error(error) => {
                        // The first one is the cause; what follows comes of it.
                        reason_sender.send_if_modified(|reason| reason.replace(error.clone()).is_none());
                        continue;
                    }
                    _ => continue,
                };
                gauge.set(if is_blocked { 1.0 } else { 0.0 });
                blocked_sender.send_replace(is_blocked);
            }
        });
        Self {
            blocked,
            reason: Reason(reason),
            _follower: AbortOnDropHandle::new(follower),
        }
    }

    pub(crate) fn blocked(&self) -> watch::Receiver<bool> {
        self.blocked.clone()
    }

    pub(crate) fn reason(&self) -> Reason {
        self.reason.clone()
    }
}

impl Reason {
    /// Replaces an error that says only that a channel or a connection is not there any more by the reason that the broker
    /// gave, if it gives one in a moment.
    pub(crate) async fn explain(&self, error: BusError) -> BusError {
        let BusError::Lost { source } = error else {
            return error;
        };
        let is_unexplained = matches!(
            source.kind(),
            ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_)
        );
        if !is_unexplained {
            return closed_by_broker(&source).unwrap_or(BusError::Lost { source });
        }
        self.get().await.unwrap_or(BusError::Lost { source })
    }

    /// Waits a moment for why the broker has closed the connection or a channel; none if it has not said.
    pub(crate) async fn get(&self) -> Option<BusError> {
        let mut told = self.0.clone();
        let told = timeout(REASON_PATIENCE, told.wait_for(Option::is_some)).await;
        let source = told.ok()?.ok()?.clone()?;
        Some(closed_by_broker(&source).unwrap_or(BusError::Lost { source }))
    }
}

/// The broker's own words, if it was the broker that closed.
pub(crate) fn closed_by_broker(error: &lapin::Error) -> Option<BusError> {
    let ErrorKind::ProtocolError(told) = error.kind() else {
        return None;
    };
    let what = match told.kind() {
        AMQPErrorKind::Soft(_) => "channel",
        AMQPErrorKind::Hard(_) => "connection",
    };
    Some(BusError::ClosedByBroker {
        what,
        code: told.get_id(),
        reason: told.get_message().to_string(),
    })
}
