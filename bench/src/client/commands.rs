//! Commands over keep-alive connections, in a closed loop: to new and to known users in turn.

use std::time::Duration;

use futures::future::try_join_all;
use service::BoxError;

use super::connection::Connection;
use crate::closed_loop::{Worker, closed_loop};
use crate::history::id;
use crate::sample::Sample;

/// Users who are registered before anything is measured.
const KNOWN_USERS: i64 = 4_096;

struct User {
    connection: Connection,
    prefix: String,
    commands: i64,
    /// The first known user of this connection's own, and how many there are.
    known: (i64, i64),
}

/// Registers the known users, then loops.
pub(crate) async fn run(url: &str, connections: usize, prefix: &str, duration: Duration) -> Result<Sample, BoxError> {
    let share = KNOWN_USERS / i64::try_from(connections)?;
    let opening = (0..connections).map(async |number| {
        let mut user = User {
            connection: Connection::open(url).await?,
            prefix: format!("{prefix}-{number}"),
            commands: 0,
            known: (i64::try_from(number)? * share, share),
        };
        for known in user.known.0..user.known.0 + share {
            let path = format!("/users/known-{}", id(known));
            user.connection.post(&path, body(known)).await?;
        }
        Ok::<_, BoxError>(user)
    });
    let users = try_join_all(opening).await?;
    let (sample, _users) = closed_loop(users, duration).await?;
    Ok(sample)
}

impl Worker for User {
    async fn work(&mut self) -> Result<(), BoxError> {
        self.commands += 1;
        let path = if self.commands % 2 == 0 {
            format!("/users/{}-{}", self.prefix, id(self.commands))
        } else {
            // Coprime to any power of two: all of them in turn, and none twice in a row.
            let nth = self.commands * 1_237 % self.known.1;
            format!("/users/known-{}", id(self.known.0 + nth))
        };
        self.connection.post(&path, body(self.commands)).await?;
        Ok(())
    }
}

/// The name differs each time: what changes nothing would be no command to a known user.
pub(crate) fn body(number: i64) -> String {
    format!(r#"{{"full_name":"Ada Lovelace {number}","email":"ada-{number}@example.org"}}"#)
}
