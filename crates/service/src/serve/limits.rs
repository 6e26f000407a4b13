//! How long clients may take, how long handlers may, and how many connections there may be.

use std::time::Duration;

/// The bounds of a listener. A client's body has a bound of its own: [`crate::RawBody`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at a time; more wait in the operating system's queue.
    pub connections_max: usize,
    /// How long a client may take to send a request's head, and an open connection may be unused.
    pub head_read_timeout: Duration,
    /// How long a client may take to receive an answer, or the part of a stream that is ready.
    pub answer_write_timeout: Duration,
    /// How long a query may take to be answered.
    pub query_timeout: Duration,
    /// How long any other request may; more than all its waits together, each of which has a bound of its own.
    pub command_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            head_read_timeout: Duration::from_secs(30),
            answer_write_timeout: Duration::from_secs(60),
            query_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(150),
        }
    }
}
