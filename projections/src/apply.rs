//! Applying a batch: the read model's change and the move of its checkpoint, in one transaction.
//!
//! The transaction begins with the move, which locks the projection's row. If the row is not where this consumer left it,
//! the batch belongs to somebody else's past: nothing is applied. Otherwise the events are applied together; if that fails
//! for what they are, they are applied apart ([`isolation`]) and those that cannot be applied are parked.

pub(crate) mod batch;
pub(crate) mod failure;
pub(crate) mod isolation;

use std::sync::Arc;
use std::time::Duration;

use service::database::Connector;
use sqlx::{Connection, PgConnection};

use crate::control::{self, Advanced, Fence, Row};
use crate::parked::{self, Reason};
use crate::{ApplyError, Generation, Projection};
use batch::Batch;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// The consumer's epoch.
    pub(crate) epoch: i64,
    /// Events that were parked.
    pub(crate) parked: usize,
    /// Streams that are parked now.
    pub(crate) parked_streams: i64,
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The row has moved, or its generation is of another version: what the consumer holds is void.
    #[error("the read model was moved by another consumer or an operator")]
    Superseded,
    /// An operator has paused the projection.
    #[error("the projection is paused")]
    Paused,
    /// The events could not be applied.
    #[error("the events could not be applied")]
    Apply(#[from] ApplyError),
    /// So many streams would be parked that the fault is likely not theirs.
    #[error("{streams} streams would be parked within an hour, more than {allowed}; the place is held instead")]
    ParkingTooMany {
        /// How many.
        streams: i64,
        /// How many may be.
        allowed: u32,
    },
    /// The database refused or could not be reached.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
    /// The database did not accept a connection in time.
    #[error("the read model's database does not accept a connection")]
    ConnectTimeout,
}

/// How a batch is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As one.
    Together,
    /// Stream by stream, to find those that cannot be.
    Apart,
}

/// Commits batches through a connection of its own, which is given up after any failure.
pub(crate) struct Applier {
    projection: Arc<dyn Projection>,
    connector: Connector,
    connection: Option<PgConnection>,
    parked_streams_per_hour_max: u32,
}

impl Applier {
    /// Applies for a projection to the database that `connector` leads to.
    pub(crate) fn new(projection: Arc<dyn Projection>, connector: Connector, parked_streams_per_hour_max: u32) -> Self {
        Self {
            projection,
            connector,
            connection: None,
            parked_streams_per_hour_max,
        }
    }

    /// Reads the projection's row, which is made with the first generation when there is none.
    pub(crate) async fn ensure(&mut self) -> Result<Row, CommitError> {
        let mut connection = self.connection().await?;
        let row = control::ensure(&mut connection, &*self.projection).await?;
        self.connection = Some(connection);
        Ok(row)
    }

    /// Notes the log's new identity in the row; see [`control::adopt_log`].
    pub(crate) async fn adopt_log(
        &mut self,
        held: &control::Checkpoint,
        log_id: uuid::Uuid,
    ) -> Result<(), CommitError> {
        let mut connection = self.connection().await?;
        control::adopt_log(&mut connection, self.projection.name(), held, log_id).await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Applies the batch and moves the checkpoint to its target. Either both happen or nothing does; when the commit's
    /// answer is lost, the next call finds out by the row.
    ///
    /// Dropping the future drops the connection too, and with it the transaction.
    pub(crate) async fn commit(&mut self, fence: Fence, batch: &Batch) -> Result<Committed, CommitError> {
        let mut connection = self.connection().await?;
        let manner = if batch.malformed.is_empty() {
            Manner::Together
        } else {
            Manner::Apart
        };
        let committed = match self.transact(&mut connection, fence, batch, manner).await {
            Err(error) if manner == Manner::Together && is_deterministic(&error) => {
                tracing::info!(projection = self.projection.name(), %error, "applying the events apart");
                self.transact(&mut connection, fence, batch, Manner::Apart).await?
            }
            other => other?,
        };
        self.connection = Some(connection);
        Ok(committed)
    }

    async fn connection(&mut self) -> Result<PgConnection, CommitError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connector.connect()).await;
                Ok(connected.map_err(|_elapsed| CommitError::ConnectTimeout)??)
            }
        }
    }

    async fn transact(
        &self,
        connection: &mut PgConnection,
        fence: Fence,
        batch: &Batch,
        manner: Manner,
    ) -> Result<Committed, CommitError> {
        if batch.len() == 0 {
            // A single statement is a transaction of its own, and saves two round trips.
            let row = self.advance(connection, fence, batch).await?;
            return Ok(Committed {
                epoch: row.consumer_epoch,
                parked: 0,
                parked_streams: row.parked_streams,
            });
        }
        let name = self.projection.name();
        let mut tx = connection.begin().await?;
        let row = self.advance(&mut tx, fence, batch).await?;
        let generation = Generation::new(name, row.generation);
        let (parked, newly_parked) = apply_or_park(
            &mut tx,
            &*self.projection,
            &generation,
            row.parked_streams,
            batch,
            manner,
        )
        .await?;
        if newly_parked > 0 {
            let streams = parked::streams_of_the_last_hour(&mut tx, &generation).await?;
            let allowed = self.parked_streams_per_hour_max;
            if streams > i64::from(allowed) {
                return Err(CommitError::ParkingTooMany { streams, allowed });
            }
            control::park_streams(&mut tx, name, newly_parked).await?;
        }
        tx.commit().await?;
        Ok(Committed {
            epoch: row.consumer_epoch,
            parked,
            parked_streams: row.parked_streams + newly_parked,
        })
    }

    async fn advance(
        &self,
        connection: &mut PgConnection,
        fence: Fence,
        batch: &Batch,
    ) -> Result<Advanced, CommitError> {
        let advanced = control::advance(connection, &*self.projection, fence, &batch.target).await?;
        if let Some(row) = advanced {
            return Ok(row);
        }
        match control::load(connection, self.projection.name()).await? {
            Some(row) if row.paused.is_some() => Err(CommitError::Paused),
            _ => Err(CommitError::Superseded),
        }
    }
}

/// Applies what can be applied to a generation in which so many streams are parked, and parks what cannot be or comes behind
/// what is parked. Gives how many events were parked, and how many streams for the first time.
pub(crate) async fn apply_or_park(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    parked_streams: i64,
    batch: &Batch,
    manner: Manner,
) -> Result<(usize, i64), CommitError> {
    let parked_streams = match parked_streams {
        0 => Vec::new(),
        _ => parked::among(tx, generation, &batch.streams()).await?,
    };
    if manner == Manner::Together && parked_streams.is_empty() {
        if !batch.recorded.is_empty() {
            projection.apply(tx, generation, &batch.recorded).await?;
        }
        return Ok((0, 0));
    }
    let (behind, open) = batch.split(&parked_streams);
    let mut parked: isolation::Parked<'_> = behind.into_iter().map(|event| (event, Reason::BehindParked)).collect();
    let newly_parked = match manner {
        Manner::Together => {
            if !open.recorded.is_empty() {
                projection.apply(tx, generation, &open.recorded).await?;
            }
            0
        }
        Manner::Apart => {
            let (failed, streams) = isolation::apply_apart(tx, projection, generation, batch, &open).await?;
            parked.extend(failed);
            streams
        }
    };
    if !parked.is_empty() {
        parked.sort_by_key(|(event, _)| event.position);
        parked::park(tx, generation, &parked).await?;
    }
    Ok((parked.len(), newly_parked))
}

/// Tells whether the batch as a whole would fail again in the same way. A constraint that is checked at commit counts.
fn is_deterministic(error: &CommitError) -> bool {
    match error {
        CommitError::Apply(error) => error.is_deterministic(),
        CommitError::Database(error) => failure::refused_for_its_data(error),
        _ => false,
    }
}
