//! The relay's row: the lease that makes one relay the leader, and the checkpoint that only the leader moves.

use std::time::{Duration, Instant};

use domain::Position;
use futures::FutureExt;
use session::ask;
use sqlx::PgPool;
use uuid::Uuid;

/// Why the relay's row could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RelayStateError {
    /// Another relay has taken the lease since, or the checkpoint would go backward or out of the log.
    #[error("the relay of epoch {epoch} is no longer the leader")]
    Fenced {
        /// The epoch that is over.
        epoch: i64,
    },
    /// The database refused or did not answer.
    #[error("the event store's database failed")]
    Database(#[from] sqlx::Error),
}

/// The right to publish, for a while.
#[derive(Clone, Debug)]
pub struct Lease {
    holder: Uuid,
    epoch: i64,
    ttl: Duration,
    valid_until: Instant,
}

impl Lease {
    /// Which leadership this is: rises with every change of the holder.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Until when the holder may act on it. Counted from before the database was asked, so it ends no later than the
    /// database's own expiry, however different the clocks are.
    pub fn valid_until(&self) -> Instant {
        self.valid_until
    }
}

/// How far the relay has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayCheckpoint {
    /// The log it was in; none before the first move.
    pub log_id: Option<Uuid>,
    /// Everything up to here is confirmed by the broker.
    pub position: Position,
    /// The event at `position`; none at 0.
    pub event_id: Option<Uuid>,
    /// End of the last range that a confirmed watermark closed; at most `position`.
    pub watermark: Position,
}

/// The relay's row. Cheap to clone.
///
/// Each change is a new row in the place of the one before, made by a function of the database: a row that was updated a
/// thousand times is a thousand rows to whoever looks for it while an old snapshot is open.
///
/// What is written here is not waited for on the disk: after a crash of the database the checkpoint may be a little
/// behind, and events are published again.
#[derive(Clone, Debug)]
pub struct RelayState {
    pub(crate) pool: PgPool,
}

impl RelayState {
    /// Works through a pool of the relay's role.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Takes the lease if it is free or has expired by the database's clock, under a new epoch. `None`: another relay
    /// has it.
    ///
    /// # Errors
    /// [`RelayStateError::Database`].
    pub async fn acquire(&self, holder: Uuid, ttl: Duration) -> Result<Option<Lease>, RelayStateError> {
        let valid_until = Instant::now() + ttl;
        let epoch: Option<i64> = ask(&self.pool, move |connection| {
            sqlx::query_scalar("SELECT relay_acquire($1, $2)")
                .bind(holder)
                .bind(ttl)
                .fetch_one(connection)
                .boxed()
        })
        .await?;
        Ok(epoch.map(|epoch| Lease {
            holder,
            epoch,
            ttl,
            valid_until,
        }))
    }

    /// Extends the lease by its whole time, also one that has expired without anybody taking it.
    ///
    /// # Errors
    /// [`RelayStateError::Fenced`] when another relay has taken it, [`RelayStateError::Database`].
    pub async fn renew(&self, lease: &Lease) -> Result<Lease, RelayStateError> {
        let valid_until = Instant::now() + lease.ttl;
        let renewal = || {
            sqlx::query_scalar("SELECT relay_renew($1, $2, $3)")
                .bind(lease.holder)
                .bind(lease.epoch)
                .bind(lease.ttl)
        };
        let renewed = ask(&self.pool, |connection| renewal().fetch_one(connection).boxed()).await?;
        lease.unless_fenced(renewed, valid_until)
    }

    /// Moves the checkpoint, extends the lease with it, and notes when the position was reached.
    ///
    /// # Errors
    /// [`RelayStateError::Fenced`] when another relay has taken the lease, the checkpoint would go backward, or its event is not
    /// in the log, which went back together with a lease that looks the same: nothing has changed then. [`RelayStateError::Database`].
    pub async fn advance(&self, lease: &Lease, checkpoint: &RelayCheckpoint) -> Result<Lease, RelayStateError> {
        let valid_until = Instant::now() + lease.ttl;
        let move_forward = || {
            sqlx::query_scalar("SELECT relay_advance($1, $2, $3, $4, $5, $6, $7)")
                .bind(lease.holder)
                .bind(lease.epoch)
                .bind(lease.ttl)
                .bind(checkpoint.log_id)
                .bind(checkpoint.position.0)
                .bind(checkpoint.event_id)
                .bind(checkpoint.watermark.0)
        };
        let advanced = ask(&self.pool, |connection| move_forward().fetch_one(connection).boxed()).await?;
        lease.unless_fenced(advanced, valid_until)
    }

    /// Gives the lease back so that another relay need not wait for its expiry. Does nothing when it is lost already.
    ///
    /// # Errors
    /// [`RelayStateError::Database`].
    pub async fn release(&self, lease: &Lease) -> Result<(), RelayStateError> {
        let giving_back = || {
            sqlx::query("SELECT relay_renew($1, $2, NULL)")
                .bind(lease.holder)
                .bind(lease.epoch)
        };
        ask(&self.pool, |connection| giving_back().execute(connection).boxed()).await?;
        Ok(())
    }

    /// Reads the checkpoint.
    ///
    /// # Errors
    /// [`RelayStateError::Database`].
    pub async fn checkpoint(&self) -> Result<RelayCheckpoint, RelayStateError> {
        let (log_id, position, event_id, watermark): (Option<Uuid>, i64, Option<Uuid>, i64) =
            ask(&self.pool, |connection| {
                sqlx::query_as("SELECT log_id, position, event_id, watermark FROM relay_row()")
                    .fetch_one(connection)
                    .boxed()
            })
            .await?;
        Ok(RelayCheckpoint {
            log_id,
            position: Position(position),
            event_id,
            watermark: Position(watermark),
        })
    }
}

impl Lease {
    fn unless_fenced(&self, held: bool, valid_until: Instant) -> Result<Self, RelayStateError> {
        if !held {
            return Err(RelayStateError::Fenced { epoch: self.epoch });
        }
        Ok(Self {
            valid_until,
            ..self.clone()
        })
    }
}
