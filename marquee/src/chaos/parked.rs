//! What is parked: exactly the events that nobody can apply, until an operator discards them.

use std::time::Duration;

use projections::{Inspector, Name};
use reqwest::Client;
use serde_json::json;
use service::BoxError;
use tokio::time::{Instant, sleep};

use super::member::Role;
use super::world::World;
use crate::up::local_client;

/// How long a read model may take to come to an event, and a process to come back.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// More streams than a run can poison.
const STREAMS_MAX: i64 = 10_000;

/// Waits until every read model has come to the poisoned events, and tells where something else is parked than those; then
/// discards them, as an operator would.
///
/// # Errors
/// A database or a projection that does not answer.
pub(crate) async fn expect_and_discard(world: &mut World) -> Result<Vec<String>, BoxError> {
    let mut findings = Vec::new();
    let client = local_client()?;
    for name in Name::ALL {
        let poisons = world.poisons.iter().filter(|poison| poison.concerns(name));
        let mut expected: Vec<i64> = poisons.map(|poison| poison.position).collect();
        expected.sort_unstable();
        if !expected.is_empty() {
            let parked = parked_when_reached(world, name, expected[expected.len() - 1]).await?;
            if parked != expected {
                findings.push(format!(
                    "{} has parked positions {parked:?} instead of the poisoned {expected:?}",
                    name.as_str()
                ));
            }
            discard(&client, &world.urls_of(Role::Projection(name)), name, &expected).await?;
        }
    }
    world.discarded.append(&mut world.poisons);
    Ok(findings)
}

async fn parked_when_reached(world: &World, name: Name, last: i64) -> Result<Vec<i64>, BoxError> {
    let deadline = Instant::now() + PATIENCE;
    let url = world.projection_database(name);
    loop {
        let mut inspector = Inspector::open(name.as_str(), &url).await?;
        let reached = inspector.reached().await?.map_or(0, |reached| reached.position.0);
        if reached >= last || Instant::now() > deadline {
            let (_, streams) = inspector.parked_streams(STREAMS_MAX).await?;
            inspector.close().await;
            return Ok(streams.into_iter().map(|stream| stream.position).collect());
        }
        inspector.close().await;
        sleep(POLL).await;
    }
}

/// Asks one copy after the other: one may be just away. What is not parked any more was discarded by an answer that got lost.
async fn discard(client: &Client, urls: &[String], name: Name, positions: &[i64]) -> Result<(), BoxError> {
    let deadline = Instant::now() + PATIENCE;
    for position in positions {
        let mut copies = urls.iter().cycle();
        loop {
            let url = copies.next().ok_or("a projection has no copy")?;
            let path = format!("{url}/projections/{}/parked/{position}/discard", name.as_str());
            let asking = client.post(path).timeout(REQUEST_TIMEOUT);
            let answered = asking
                .json(&json!({"reason": "chaos: poisoned", "all": true}))
                .send()
                .await;
            match answered.map(|answer| answer.status().as_u16()) {
                Ok(200 | 404) => break,
                Ok(status) if status < 500 => {
                    return Err(format!("{}: discarding position {position}: HTTP {status}", name.as_str()).into());
                }
                _ if Instant::now() > deadline => {
                    return Err(format!("{}: position {position} could not be discarded", name.as_str()).into());
                }
                _ => sleep(POLL).await,
            }
        }
    }
    Ok(())
}
