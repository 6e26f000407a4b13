//! Relay: a backlog published with confirms to the real topology, against a bare publisher of the same messages.

use std::time::Instant;

use service::BoxError;

use super::backlog::Backlog;
use crate::args::Part;
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::peer::bare_bus::{Bus, Message};
use crate::sample::Sample;
use crate::stand::Stand;

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    stand.tell("relay: making the backlog");
    let backlog = Backlog::make(stand, &stand.vhost("bench_relay").await?).await?;
    backlog.fill().await?;
    // The warm-up of the relay, and of the broker.
    let messages = backlog.record().await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=stand.sizes.pairs {
        stand.tell(format!("relay: round {round} of {}", stand.sizes.pairs));
        backlog.purge().await?;
        backlog.forget_published().await?;
        let cpu = stand.cpu(Own::Service, None);
        let took = backlog.relay().await?;
        ours.push(Sample::of_work(backlog.events, took, cpu.end()));
        backlog.purge().await?;
        bare.push(publish(stand, &backlog, &messages).await?);
    }
    backlog.purge().await?;
    Ok(vec![
        Figure::alone(Part::Relay, "rate", "events/s", Runs::rates(&ours))
            .against("bare publisher, window 1000", Runs::rates(&ours), Runs::rates(&bare))
            .must_be(Bar::AtLeast(0.9)),
    ])
}

async fn publish(stand: &Stand, backlog: &Backlog, messages: &[Message]) -> Result<Sample, BoxError> {
    let cpu = stand.cpu(Own::Client, None);
    let began = Instant::now();
    let bus = Bus::open(&backlog.amqp_url).await?;
    bus.publish(messages).await?;
    let took = began.elapsed();
    bus.close().await?;
    Ok(Sample::of_work(backlog.events, took, cpu.end()))
}
