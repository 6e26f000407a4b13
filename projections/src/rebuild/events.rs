//! An operation's progress as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event;
use futures::Stream;
use futures::stream::unfold;
use session::living;
use tokio::time::sleep;

use crate::operated::Operated;
use crate::rebuild::operation::{Operation, OperationState};
use crate::rebuild::record;

/// How often the record is read; it is written as often.
const READ_INTERVAL: Duration = Duration::from_millis(500);

/// Where a reader of events is.
struct Follower {
    operated: Operated,
    /// What is to be told next.
    next: Option<Operation>,
}

/// Tells `progress` at once and at every change, and `finished` at the end, with the operation as data. While the database
/// does not answer nothing is told. When another operation has begun meanwhile, the events end without `finished`.
pub(crate) fn events(operated: Operated, operation: Operation) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let follower = Follower {
        operated,
        next: Some(operation),
    };
    unfold(follower, |mut follower| async move {
        let told = follower.next.take()?;
        if told.state != OperationState::Running {
            return Some((Ok(event("finished", &told)), follower));
        }
        let event = event("progress", &told);
        Some((Ok(event), follower.wait_for_change(told).await))
    })
}

impl Follower {
    async fn wait_for_change(mut self, told: Operation) -> Self {
        loop {
            sleep(READ_INTERVAL).await;
            match self.read().await {
                Ok(Some(operation)) if operation.started_at != told.started_at => return self,
                Ok(Some(operation)) if operation != told => {
                    self.next = Some(operation);
                    return self;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the record of an operation could not be read"),
            }
        }
    }

    async fn read(&self) -> Result<Option<Operation>, sqlx::Error> {
        let mut connection = living(&self.operated.pool).await?;
        record::load(&mut connection, self.operated.projection.name()).await
    }
}

fn event(name: &str, operation: &Operation) -> Event {
    let data = serde_json::to_string(operation).expect("plain data becomes JSON");
    Event::default().event(name).data(data)
}
