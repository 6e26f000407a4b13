//! What the tests of the whole path stand on: all services in one process, on a log, read models and a vhost of the
//! test's own, and a client that posts and queries over HTTP.
#![expect(clippy::panic, reason = "a test ends where what it stands on is missing")]

mod authority;
mod client;
mod databases;
mod platform;

pub use authority::Authority;
pub use client::{Answer, Client};
pub use databases::Databases;
pub use platform::Platform;

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long anything may take that is sure to happen, on a slow machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(180);

/// Polls until a condition holds.
///
/// # Panics
/// When it does not hold within three minutes.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !condition().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, polling)
        .await
        .unwrap_or_else(|_| panic!("it did not come about in time: {what}"));
}
