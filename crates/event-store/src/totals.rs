//! How many streams the log has and how many events they have, by kind.

use domain::Position;
use futures::FutureExt;
use session::ask;

use crate::{LogError, LogReader};

/// What a range of the log has of one kind of stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindTotal {
    /// Streams that begin in the range.
    pub streams: i64,
    /// Events in the range.
    pub events: i64,
}

impl LogReader {
    /// Counts the streams that begin in `(after, to]`, and its events, by kind of stream. Streams (type and id) of
    /// `left_out` are not counted. Totals of ranges that follow one another add up. The caller bounds the range.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn totals(
        &self,
        after: Position,
        to: Position,
        left_out: &[(String, String)],
    ) -> Result<Vec<(String, KindTotal)>, LogError> {
        let (kinds, ids): (Vec<String>, Vec<String>) = left_out.iter().cloned().unzip();
        let question = || {
            sqlx::query_as(
                "SELECT e.aggregate_type, count(*) FILTER (WHERE e.sequence = 1), count(*) FROM events e
             WHERE e.position > $1 AND e.position <= $2 AND NOT EXISTS (
                SELECT FROM unnest($3::text[], $4::text[]) AS out (aggregate_type, aggregate_id)
                WHERE out.aggregate_type = e.aggregate_type AND out.aggregate_id = e.aggregate_id)
             GROUP BY e.aggregate_type",
            )
            .bind(after.0)
            .bind(to.0)
            .bind(kinds.clone())
            .bind(ids.clone())
        };
        let rows: Vec<(String, i64, i64)> =
            ask(&self.pool, |connection| question().fetch_all(connection).boxed()).await?;
        let totals = rows.into_iter();
        Ok(totals
            .map(|(kind, streams, events)| (kind, KindTotal { streams, events }))
            .collect())
    }
}
