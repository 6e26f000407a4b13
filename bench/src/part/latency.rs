//! Latency: from a POST to the query that shows it, at a fixed rate, against the least that it can take.

use service::BoxError;

use super::http::WholePlatform;
use crate::args::Part;
use crate::client::{Kind, Load};
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::peer::insert;
use crate::sample::Sample;
use crate::stand::Stand;

const PER_SECOND: u32 = 500;

pub(super) async fn measure(stand: &mut Stand) -> Result<Vec<Figure>, BoxError> {
    let program = stand.program().await?;
    let platform = WholePlatform::start(stand, &program, "bench_latency").await?;
    let bare = dev_stack::TestDatabase::create_on(stand.database_url(), "bare").await;
    insert::make_table(&bare.url()).await?;
    let floor = Load::new(
        Kind::InsertPublish {
            database_url: bare.url(),
            amqp_url: stand.vhost("bench_round_trip").await?,
            per_second: PER_SECOND,
        },
        stand.sizes.load,
    );
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    // The first round is the warm-up.
    for round in 0..=stand.sizes.pairs {
        stand.tell(format!("latency: round {round} of {}", stand.sizes.pairs));
        let visible = Load::new(
            Kind::Visible {
                url: platform.served.url.clone(),
                per_second: PER_SECOND,
                prefix: format!("visible-{round}"),
            },
            stand.sizes.load,
        );
        let ours_now = run(stand, &visible, platform.served.id()).await?;
        platform.caught_up().await?;
        let floor_now = run(stand, &floor, None).await?;
        if round > 0 {
            ours.push(ours_now);
            floors.push(floor_now);
        }
    }
    platform.served.stop().await?;
    let name = "insert, confirmed publish, delivery";
    Ok(vec![
        Figure::alone(Part::Latency, "p50, POST to visible", "ms", Runs::p50(&ours))
            .against(name, Runs::p50(&ours), Runs::p50(&floors))
            .must_be(Bar::AtMost(3.0)),
        Figure::alone(Part::Latency, "p99, POST to visible", "ms", Runs::p99(&ours))
            .against(name, Runs::p99(&ours), Runs::p99(&floors))
            .must_be(Bar::AtMost(3.0)),
    ])
}

async fn run(stand: &Stand, load: &Load, service: Option<u32>) -> Result<Sample, BoxError> {
    let cpu = stand.cpu(Own::Nobody, service);
    let sample = load.in_process().await?;
    let mut used = cpu.end();
    used.client = sample.cpu.client;
    Ok(sample.with_cpu(used))
}
