//! Growth: the same with logs and streams of different lengths, against itself at the smallest.

use domain::{User, UserCommand};
use e2e::Databases;
use event_store::CommandRequest;
use projections::Name;
use service::BoxError;

use super::append::{Store, in_process};
use super::rebuild::Rebuilt;
use crate::args::Part;
use crate::closed_loop::{Worker, closed_loop};
use crate::cpu::Own;
use crate::figure::{Bar, Figure, Runs};
use crate::history::{append_user, name};
use crate::sample::Sample;
use crate::stand::Stand;

const TASKS: usize = 64;
/// What may be lost from the shortest log to the longest.
const FLAT: f64 = 0.85;

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let mut figures = streams(stand).await?;
    figures.extend(logs(stand).await?);
    Ok(figures)
}

/// Appends to logs of different lengths, and rebuilds from them.
async fn logs(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let sizes = stand.sizes.logs;
    let mut platforms = Vec::new();
    for (number, events) in sizes.into_iter().enumerate() {
        stand.tell(format!("growth: making a log of {events} events"));
        platforms.push(Rebuilt::start(stand, &format!("bench_growth_{number}"), events).await?);
    }
    let mut rebuilds = vec![Vec::new(); sizes.len()];
    for round in 0..=stand.sizes.pairs {
        for ((platform, samples), events) in platforms.iter().zip(&mut rebuilds).zip(sizes) {
            stand.tell(format!(
                "growth: rebuild from {events} events, round {round} of {}",
                stand.sizes.pairs
            ));
            let sample = platform.rebuild(stand, Name::Users).await?;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    let mut appends = vec![Vec::new(); sizes.len()];
    let mut databases = Vec::new();
    for platform in platforms {
        databases.push(platform.into_databases().await);
    }
    for round in 0..=stand.sizes.pairs {
        for ((databases, samples), events) in databases.iter().zip(&mut appends).zip(sizes) {
            stand.tell(format!(
                "growth: append to {events} events, round {round} of {}",
                stand.sizes.pairs
            ));
            let store = Store::open(databases);
            let sample = in_process(stand, Own::Service, store.workers(TASKS, &format!("grown-{round}"))).await?;
            store.close().await?;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    let mut figures = compare(
        "append, log of",
        "commands/s",
        &sizes,
        &appends,
        Bar::AtLeast(FLAT),
        Runs::rates,
    );
    figures.extend(compare(
        "rebuild of users, log of",
        "events/s",
        &sizes,
        &rebuilds,
        Bar::AtLeast(FLAT),
        Runs::rates,
    ));
    Ok(figures)
}

/// Commands on streams of different lengths, one at a time.
async fn streams(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let sizes = stand.sizes.streams;
    stand.tell("growth: making streams");
    let databases = Databases::create_on(stand.database_url()).await;
    for events in sizes {
        append_user(&databases.event_store.url(), &stream(events), events).await?;
    }
    let (mut warm, mut cold) = (vec![Vec::new(); sizes.len()], vec![Vec::new(); sizes.len()]);
    for round in 0..=stand.sizes.pairs {
        for (size, events) in sizes.into_iter().enumerate() {
            stand.tell(format!(
                "growth: a stream of {events} events, round {round} of {}",
                stand.sizes.pairs
            ));
            // A new store has nothing in its cache.
            let store = Store::open(&databases);
            let mut worker = LongStream {
                store,
                id: stream(events),
                commands: i64::try_from(round)? * 1_000_000,
            };
            let began = std::time::Instant::now();
            worker.work().await?;
            let first_ms = began.elapsed().as_secs_f64() * 1_000.0;
            let (sample, mut workers) = closed_loop(vec![worker], stand.sizes.load / 5).await?;
            if let Some(worker) = workers.pop() {
                worker.store.close().await?;
            }
            if round > 0 {
                warm[size].push(sample);
                cold[size].push(Sample {
                    p50_ms: first_ms,
                    ..Sample::default()
                });
            }
        }
    }
    let mut figures = compare("p50, stream of", "ms", &sizes, &warm, Bar::AtMost(3.0), Runs::p50);
    figures.extend(compare(
        "first command after a start, stream of",
        "ms",
        &sizes,
        &cold,
        Bar::None,
        Runs::p50,
    ));
    Ok(figures)
}

fn stream(events: i64) -> String {
    format!("long-{events}")
}

/// Changes the name of one user again and again.
struct LongStream {
    store: Store,
    id: String,
    commands: i64,
}

impl Worker for LongStream {
    async fn work(&mut self) -> Result<(), BoxError> {
        self.commands += 1;
        let command = UserCommand::UpdateProfile {
            full_name: Some(name(self.commands)),
            email: None,
        };
        let request = CommandRequest::default();
        self.store.store.execute::<User>(&self.id, &request, command).await?;
        Ok(())
    }
}

/// Each size against the smallest.
fn compare<'a>(
    metric: &str,
    unit: &'static str,
    sizes: &[i64],
    samples: &'a [Vec<Sample>],
    bar: Bar,
    runs: fn(&'a [Sample]) -> Runs<'a>,
) -> Vec<Figure> {
    let of_size = |number: usize| {
        let ours = runs(&samples[number]);
        let figure = Figure::alone(Part::Growth, format!("{metric} {}", sizes[number]), unit, ours);
        if number == 0 {
            return figure;
        }
        figure
            .against(format!("the same with {}", sizes[0]), ours, runs(&samples[0]))
            .must_be(bar)
    };
    (0..sizes.len()).map(of_size).collect()
}
