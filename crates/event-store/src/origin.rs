//! Whether the log was made where it is.

use futures::FutureExt;

use crate::{LogError, LogReader};
use session::ask;

/// The first event is older than the store that it is in.
pub(crate) const IS_RESTORED_INTO: &str =
    "SELECT coalesce((SELECT e.recorded_at < l.made_at FROM events e WHERE e.position = 1), false) FROM log l";

impl LogReader {
    /// Tells whether the events were put into a store that was made after them, by a restore of data alone. Such a restore
    /// leaves the rows that were there: the relay's tells nothing of these events.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn is_restored_into(&self) -> Result<bool, LogError> {
        let asked = ask(&self.pool, |connection| {
            sqlx::query_scalar(IS_RESTORED_INTO).fetch_one(connection).boxed()
        });
        Ok(asked.await?)
    }
}
