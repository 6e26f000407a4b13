//! `marquee chaos`: breaks every part while traffic runs, then proves what survived.
//!
//! States: starting -> striking, while clients, readers and a witness are at work -> mended, draining -> audited -> stopped.
//!
//! Faults are made from outside alone, by signals, by the servers' own means, and on the links between services and servers:
//! what is tested is the very program that runs in production.

mod args;
mod clients;
mod clock;
mod disk;
mod faults;
mod known;
mod link;
mod means;
mod member;
mod parked;
mod process;
mod readers;
mod report;
mod rest;
mod strike;
mod timeline;
mod verdict;
mod witness;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_store::LogReader;
use projections::Name;
use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use service::{BoxError, with_causes};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::terminal::print;
use crate::up::local_client;
use crate::verify;
pub(crate) use args::{ChaosArgs, HELP};
use clients::{Clients, Sender};
use faults::Fault;
use known::Known;
use means::{Means, Obstacle};
use member::Role;
use readers::Readers;
use strike::Around;
use timeline::Timeline;
use verdict::{Evidence, Verdict};
use witness::Witness;
use world::{Plan, World};

/// How long a command may stay unanswered once everything is mended, on a slow machine.
const ANSWER_PATIENCE: Duration = Duration::from_secs(180);
/// Before the first fault. A quorum queue that RabbitMQ 3.10 has just made may come back from a kill without a leader; it is
/// replaced in time, which is not what a run is for.
const SETTLE: Duration = Duration::from_secs(3);

/// What is known of a run besides its verdict.
#[derive(Debug)]
struct Run {
    seed: u64,
    commit: String,
    drained_in: Duration,
    reads: u64,
}

pub(crate) async fn run(args: ChaosArgs) -> Result<ExitCode, Failure> {
    if args.list {
        print(&Fault::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut faults = args.faults()?;
    if let Some(path) = &args.report {
        // First of all: no run is made for a page that cannot be written.
        write(path, "")?;
    }
    let seed = args.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    let home = dev_stack::default_home().with_file_name(format!("chaos-{seed}-{}", std::process::id()));
    let logs = home.join("logs");
    let timeline = Timeline::start();
    timeline.tell(format!("seed {seed}"));
    let stop = service::shutdown_on_signal();
    let (means, obstacles) = Means::gather(&faults, &home, !args.no_install, &|step| timeline.tell(step));
    for Obstacle { fault, why } in obstacles {
        if !args.wanted.is_empty() {
            return Err(Failure::usage(format!(
                "--fault {}: not on this machine: {why}",
                fault.name()
            )));
        }
        timeline.tell(format!("without {}: {why}", fault.name()));
        faults.retain(|other| *other != fault);
    }
    let environment = args.environment();
    let plan = Plan {
        home: &home,
        logs: &logs,
        environment: &environment,
        replicated: args.replicated,
        allow_install: !args.no_install,
        say: &|step| timeline.tell(step),
    };
    let starting = World::start(&plan, means);
    let Some(started) = stop.run_until_cancelled(starting).await else {
        return Err(Failure::usage("told to stop before anything was struck".to_owned()));
    };
    let mut world = started?;
    let server_home = world.home().unwrap_or_else(|| home.clone());
    let seen = trouble(&args, (seed, faults), &mut world, &timeline, &stop).await;
    let stopped = world.stop(&logs).await;
    // The logs stay where they are; what the servers had is of use to nobody.
    for directory in [&server_home, &home] {
        for part in ["postgres", "rabbitmq", "bin"] {
            let _ = fs::remove_dir_all(directory.join(part));
        }
    }
    let tell_of_logs = || timeline.tell(format!("the services' logs are in {}", logs.display()));
    let (run, mut evidence) = seen.inspect_err(|_| tell_of_logs())?;
    evidence.unexpected.extend(stopped);
    let verdict = Verdict::of(evidence);
    if verdict.is_sound() {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(&home);
    } else {
        tell_of_logs();
    }
    let moments = timeline.moments();
    if let Some(path) = &args.report {
        write(path, &report::html(&run, &verdict, &moments))?;
    }
    let findings = verdict.findings.join("\n");
    let separator = if findings.is_empty() { "" } else { "\n" };
    print(&if args.json {
        report::json(&run, &verdict, &moments).to_string()
    } else {
        format!("{findings}{separator}{}", report::line(&run, &verdict))
    })?;
    Ok(ExitCode::from(u8::from(!verdict.is_sound())))
}

fn write(report: &Path, page: &str) -> Result<(), Failure> {
    fs::write(report, page).map_err(|error| {
        let report = report.display();
        Failure::usage(format!("--report: {report} cannot be written: {error}"))
    })
}

/// Makes trouble, mends it, and looks at what is left.
async fn trouble(
    args: &ChaosArgs,
    (seed, faults): (u64, Vec<Fault>),
    world: &mut World,
    timeline: &Timeline,
    stop: &CancellationToken,
) -> Result<(Run, Evidence), BoxError> {
    let client = local_client()?;
    let known = Arc::<Known>::default();
    let mut witness = Witness::start(world.amqp_url()).await?;
    let sender = Sender {
        client: client.clone(),
        urls: world.urls_of(Role::CommandApi).into(),
    };
    let clients = Clients::start(&sender, &format!("chaos-{seed}"), seed, args.rate, &known);
    let urls: BTreeMap<Name, Vec<String>> = Name::ALL
        .map(|name| (name, world.urls_of(Role::Projection(name))))
        .into();
    let readers = Readers::start(&client, &urls, &known, seed);
    let around = Around {
        clients: &clients,
        known: &known,
        witness: &witness,
    };
    let mut unexpected = strike_for(args, (seed, faults), world, timeline, stop, &around).await;

    world.mend().await;
    unexpected.extend(world.until_ready(&client).await);
    let mended = timeline.elapsed();
    let began = Instant::now();
    let attempts = clients.end(ANSWER_PATIENCE).await;
    let databases = world.databases();
    let reader = LogReader::new(world.event_store_pool());
    let mut log = Vec::new();
    unexpected.extend(rest::drain(&databases, &reader, &mut log, &witness).await);
    let drained_in = began.elapsed();
    timeline.tell_since(mended, "mended, and drained");

    let audited_from = timeline.elapsed();
    let seen = readers.end().await;
    unexpected.extend(rest::replay(&sender, &attempts, &known.restored()).await);
    unexpected.extend(parked::expect_and_discard(world).await?);
    let audited = verify::audit(&databases, &|_| {}).await;
    let findings = audited
        .iter()
        .flat_map(|one| one.parts.iter().map(move |part| (one, part)));
    unexpected.extend(findings.flat_map(|(one, part)| {
        let told = |finding: &event_store::Finding| format!("{}, {}: {}", one.subject, part.name, finding.what);
        part.findings.iter().map(told).collect::<Vec<_>>()
    }));
    rest::read_on(&reader, &mut log).await?;
    unexpected.extend(witness.missing(&log));
    let mut disordered = witness.end().await;
    disordered.extend(seen.wrong);
    timeline.tell_since(audited_from, "audited");
    if let Some(replaced) = witness.replaced(&log) {
        timeline.tell(replaced);
    }
    let run = Run {
        seed,
        commit: commit(),
        drained_in,
        reads: seen.reads,
    };
    let evidence = Evidence {
        attempts,
        log,
        restored: known.restored(),
        poisoned: world.discarded.iter().map(|poison| poison.position).collect(),
        redelivered: witness.again(),
        disordered,
        unexpected,
    };
    Ok((run, evidence))
}

/// Makes faults until the time is over, or each as often as is wanted; gives what was not as it must be meanwhile, and the
/// faults that could not be made.
async fn strike_for(
    args: &ChaosArgs,
    (seed, faults): (u64, Vec<Fault>),
    world: &mut World,
    timeline: &Timeline,
    stop: &CancellationToken,
    around: &Around<'_>,
) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut left = faults.repeat(args.times().unwrap_or(1));
    left.shuffle(&mut rng);
    if stop.run_until_cancelled(sleep(SETTLE)).await.is_none() {
        return Vec::new();
    }
    let until = Instant::now() + args.duration;
    let mut findings = Vec::new();
    loop {
        let pause = Duration::from_millis(rng.random_range(500..2_000));
        let is_stopped = stop.run_until_cancelled(sleep(pause)).await.is_none();
        let fault = match args.times() {
            Some(_) => left.pop(),
            None => faults.choose(&mut rng).filter(|_| Instant::now() < until).copied(),
        };
        if is_stopped {
            timeline.tell("told to stop: mending, draining and auditing; a second signal leaves everything as it is");
            return findings;
        }
        let Some(fault) = fault else {
            return findings;
        };
        let from = timeline.elapsed();
        let told = match strike::strike(fault, world, around, &mut rng).await {
            Ok(struck) => {
                findings.extend(struck.findings);
                let counts = &around.clients.counts;
                let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
                format!(
                    "{}: {}; {} of {} commands acknowledged, {} after a retry",
                    fault.name(),
                    struck.what,
                    count(&counts.acknowledged),
                    count(&counts.attempted),
                    count(&counts.recovered)
                )
            }
            Err(error) => {
                let told = format!("{} could not be made: {}", fault.name(), with_causes(&*error));
                findings.push(told.clone());
                told
            }
        };
        timeline.tell_since(from, told);
    }
}

/// The commit of the checkout this program was built in.
fn commit() -> String {
    let asked = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let said = asked.ok().filter(|output| output.status.success());
    let said = said.and_then(|output| String::from_utf8(output.stdout).ok());
    said.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
