//! Pipeline: from a backlog to all three read models, against a bare publisher with a bare consumer on each queue.

use std::time::Instant;

use service::BoxError;

use super::backlog::Backlog;
use crate::args::Part;
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::peer::bare_bus::{Bus, Message, discard};
use crate::sample::Sample;
use crate::stand::Stand;

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    stand.tell("pipeline: making the backlog");
    let first = Backlog::make(stand, &stand.vhost("bench_pipeline_messages").await?).await?;
    first.fill().await?;
    let messages = first.record().await?;
    first.purge().await?;
    drop(first);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    // The first round is the warm-up.
    for round in 0..=stand.sizes.pairs {
        stand.tell(format!("pipeline: round {round} of {}", stand.sizes.pairs));
        let backlog = Backlog::make(stand, &stand.vhost("bench_pipeline").await?).await?;
        backlog.fill().await?;
        let ours_now = apply(stand, &backlog).await?;
        let bare_now = discard_all(stand, &backlog, &messages).await?;
        if round > 0 {
            ours.push(ours_now);
            bare.push(bare_now);
        }
    }
    Ok(vec![
        Figure::alone(Part::Pipeline, "rate", "events/s", Runs::rates(&ours))
            .against("bare publisher and consumers", Runs::rates(&ours), Runs::rates(&bare))
            .must_be(Bar::AtLeast(0.8)),
    ])
}

async fn apply(stand: &Stand, backlog: &Backlog) -> Result<Sample, BoxError> {
    let cpu = stand.cpu(Own::Service, None);
    let began = Instant::now();
    let running = backlog.run_all();
    running.reach(backlog.head()).await?;
    let sample = Sample::of_work(backlog.events, began.elapsed(), cpu.end());
    running.stop().await?;
    Ok(sample)
}

async fn discard_all(stand: &Stand, backlog: &Backlog, messages: &[Message]) -> Result<Sample, BoxError> {
    backlog.purge().await?;
    let cpu = stand.cpu(Own::Client, None);
    let began = Instant::now();
    let mut consuming = Vec::new();
    for (queue, exchanges) in &backlog.queues {
        let count = messages.iter().filter(|message| message.is_of(exchanges)).count();
        consuming.push(discard(&backlog.amqp_url, queue, count));
    }
    let bus = Bus::open(&backlog.amqp_url).await?;
    bus.publish(messages).await?;
    let mut done = Instant::now();
    for consumer in consuming {
        done = done.max(consumer.await??);
    }
    let sample = Sample::of_work(backlog.events, done - began, cpu.end());
    bus.close().await?;
    Ok(sample)
}
