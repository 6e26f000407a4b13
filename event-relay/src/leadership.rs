//! Leadership: one relay publishes at a time, whoever holds the lease in the event store's `relay` row.
//!
//! States: standby -> (lease taken) -> leader -> (released, or not renewed in time) -> somebody else's.
//! Guarantees: the lease expires by the database's clock; its holder acts on it only up to a margin before that, counted
//! from before it asked, so clocks need not agree. A new holder raises the epoch, and the checkpoint is fenced by it:
//! an old leader that wakes up late may publish duplicates, but moves nothing. The leader renews in its publishing loop,
//! so one that hangs loses the lease.
//! Failure: a database that does not answer ends the leadership in time, for nobody else could take it safely.

use std::time::Duration;

use event_bus::Publisher;
use event_store::{Lease, RelayState};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::status::{Broker, Role, StatusBoard};
use crate::{RelayConfig, RelayError};

const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until the lease is this relay's. `None` when told to stop.
///
/// # Errors
/// [`RelayError::Disconnected`] when the broker is gone meanwhile: who cannot publish must not lead.
/// [`RelayError::State`] when the database failed, [`RelayError::Unanswered`] when it says nothing.
pub(crate) async fn stand_by(
    state: &RelayState,
    holder: Uuid,
    publisher: &Publisher,
    config: &RelayConfig,
    status: &StatusBoard,
    stop: &CancellationToken,
) -> Result<Option<Lease>, RelayError> {
    loop {
        if !publisher.is_open() {
            return Err(RelayError::Disconnected);
        }
        if stop.is_cancelled() {
            return Ok(None);
        }
        // A lease that is told of later than it lasts is none.
        let acquired = timeout(config.lease_ttl, state.acquire(holder, config.lease_ttl)).await;
        if let Some(lease) = acquired.map_err(|_elapsed| RelayError::Unanswered)?? {
            tracing::info!(epoch = lease.epoch(), "this relay is the leader");
            return Ok(Some(lease));
        }
        let checkpoint = timeout(config.lease_ttl, state.checkpoint()).await;
        let position = checkpoint.map_err(|_elapsed| RelayError::Unanswered)??.position;
        status.update(|status| {
            (status.role, status.broker) = (Role::Standby, Broker::Connected);
            (status.halted, status.last_error) = (None, None);
            status.confirmed = position;
            status.head = status.head.max(position);
        });
        stop.run_until_cancelled(sleep(config.standby_poll)).await;
    }
}

/// Gives the lease back so that the next leader need not wait. Failing costs no more than that wait.
pub(crate) async fn release(state: &RelayState, lease: &Lease) {
    match timeout(RELEASE_TIMEOUT, state.release(lease)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the lease was not given back"),
        Err(_) => tracing::debug!("the lease was not given back in time"),
    }
}
