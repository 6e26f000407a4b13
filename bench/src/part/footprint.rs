//! Footprint: what the one-process server takes: memory, time to start, room on the disk.

use std::fs;
use std::time::Duration;

use service::BoxError;

use super::http::{commands, up};
use crate::args::Part;
use crate::figure::{Bar, Figure};
use crate::stand::Stand;

/// After its start it may still be busy with it.
const SETTLE: Duration = Duration::from_secs(3);
const PREFIX: &str = "bench_footprint";

pub(super) async fn measure(stand: &mut Stand) -> Result<Vec<Figure>, BoxError> {
    let program = stand.program().await?;
    let amqp_url = stand.vhost(PREFIX).await?;
    // The first start makes the databases.
    up(stand, &program, PREFIX, &amqp_url).await?.stop().await?;
    let (mut ready, mut idle, mut loaded) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=stand.sizes.pairs {
        stand.tell(format!("footprint: round {round} of {}", stand.sizes.pairs));
        let served = up(stand, &program, PREFIX, &amqp_url).await?;
        ready.push(served.ready_after.as_secs_f64());
        tokio::time::sleep(SETTLE.min(stand.sizes.load)).await;
        idle.push(served.memory()?.now);
        commands(stand, &served, &format!("footprint-{round}")).await?;
        loaded.push(served.memory()?.peak);
        served.stop().await?;
    }
    let size = fs::metadata(&program)?.len() as f64 / 1e6;
    let figure = |metric, unit, values: Vec<f64>| Figure::of_values(Part::Footprint, metric, unit, values);
    Ok(vec![
        figure("resident memory, idle", "MB", idle).must_be(Bar::AtMost(60.0)),
        figure("resident memory, at most under the http load", "MB", loaded).must_be(Bar::AtMost(200.0)),
        figure("from start to ready", "s", ready).must_be(Bar::AtMost(1.0)),
        figure("size of the binary", "MB", vec![size]),
    ])
}
