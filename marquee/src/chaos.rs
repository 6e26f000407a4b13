//! `marquee chaos`: breaks every part while traffic runs, then proves what survived.
//!
//! States: starting -> striking, while clients, readers and a witness are at work -> mended, draining -> audited -> stopped.
//!
//! Faults are made from outside alone, by signals, by the servers' own means, and on the links between services and servers:
//! what is tested is the very program that runs in production.

mod clients;
mod clock;
mod disk;
mod faults;
mod known;
mod means;
mod parked;
mod process;
mod readers;
mod report;
mod strike;
mod timeline;
mod verdict;
mod witness;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{Args, ValueEnum};
use domain::{Envelope, Position};
use event_store::LogReader;
use projections::{Inspector, Name};
use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use service::database::{PoolOptions, pool};
use service::{BoxError, with_causes};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::databases::Databases;
use crate::failure::Failure;
use crate::load::duration;
use crate::terminal::print;
use crate::up::local_client;
use crate::verify;
use clients::{Attempt, Clients, End, Sender};
use faults::Fault;
use known::Known;
use means::{Means, Obstacle};
use readers::Readers;
use timeline::Timeline;
use verdict::{Evidence, Verdict};
use witness::Witness;
use world::{Role, World};

/// How long a command may stay unanswered once everything is mended.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// How long queues and read models may take to catch up.
const DRAIN_PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing may move meanwhile: longer than a queue may be without a leader before its consumer replaces it.
const STANDSTILL_MAX: Duration = Duration::from_secs(75);
const DRAIN_POLL: Duration = Duration::from_millis(100);
/// Commands that are sent once more at the end.
const REPLAYS_MAX: usize = 200;
/// Before the first fault. A quorum queue that RabbitMQ 3.10 has just made may come back from a kill without a leader, and
/// then confirms nothing for ever (seen in each run that killed it within two seconds).
const SETTLE: Duration = Duration::from_secs(6);
const LOG_PAGE: u32 = 5_000;

/// What it does and what it says.
pub(crate) const HELP: &str = "\
It starts servers of its own and every service twice, sends commands, reads what they did, and draws one fault after
the other from the seed. Then it mends everything, waits until all is applied, and audits: each acknowledged command is in
the log once; each one that was not acknowledged at most once, and not at all if its client was told so; every event
reached every queue bound to it, in the order of its stream; the rows are those that a replay of the log makes; parked
are exactly the events that were made to be; no session read anything older than before; a request that is repeated with
its key gets its first answer. Nothing of what runs already is touched.

Exit code: 0 the verdict is sound; 1 it is not: the logs of all services stay, and it says where.

Examples:
  marquee chaos --for 3m                       Three minutes of everything
  marquee chaos --seed 42 --fault kill-relay   One fault; the seed decides victims and pauses
  marquee chaos --once                         Each fault once
  marquee chaos --list                         What each fault does
  marquee chaos --report chaos.html            A page with the timeline";

/// Settings of `marquee chaos`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChaosArgs {
    /// Chooses faults, their victims and times, and the commands [default: any]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// How long faults are made: 30s, 3m, 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    duration: Duration,
    /// Makes each fault once, in any order, however long that takes
    #[arg(long, conflicts_with = "duration")]
    once: bool,
    /// Only this fault; can be given more than once [default: all]
    #[arg(long = "fault", value_name = "NAME", hide_possible_values = true)]
    faults: Vec<Fault>,
    /// Commands per second
    #[arg(long, value_name = "COMMANDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Tells of each fault, and does nothing
    #[arg(long)]
    list: bool,
    /// The verdict and the timeline as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes a page with verdict and timeline
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Breaks a guarantee in every service
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "NAME")]
    sabotage: Option<String>,
}

impl ChaosArgs {
    /// What every service is told besides where its servers are.
    #[cfg_attr(
        not(feature = "sabotage"),
        allow(clippy::unused_self, reason = "there is nothing to tell")
    )]
    fn environment(&self) -> Vec<(String, String)> {
        #[cfg(feature = "sabotage")]
        if let Some(name) = &self.sabotage {
            return vec![(sabotage::VARIABLE.to_owned(), name.clone())];
        }
        Vec::new()
    }

    fn faults(&self) -> &[Fault] {
        if self.faults.is_empty() {
            Fault::value_variants()
        } else {
            &self.faults
        }
    }
}

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
    let mut faults = args.faults().to_vec();
    let (means, obstacles) = Means::gather(&faults, &home, &|step| timeline.tell(step));
    for Obstacle { fault, why } in obstacles {
        if !args.faults.is_empty() {
            return Err(Failure::usage(format!(
                "--fault {}: not on this machine: {why}",
                fault.name()
            )));
        }
        timeline.tell(format!("without {}: {why}", fault.name()));
        faults.retain(|other| *other != fault);
    }
    let environment = args.environment();
    let mut world = World::start(&home, (&logs, &environment), means, &|step| timeline.tell(step)).await?;
    let server_home = world.home();
    let seen = trouble(&args, (seed, faults), &mut world, &timeline, &stop).await;
    let stopped = world.stop().await;
    let tell_of_logs = || timeline.tell(format!("the services' logs are in {}", logs.display()));
    let (run, mut evidence) = seen.inspect_err(|_| tell_of_logs())?;
    evidence.unexpected.extend(stopped);
    let verdict = Verdict::of(evidence);
    if verdict.is_sound() {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(&home);
        let _ = server_home.map(fs::remove_dir_all);
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
    let mut witness = Witness::start(&world.amqp_url()?).await?;
    let sender = Sender {
        client: client.clone(),
        urls: world.urls_of(Role::CommandApi).into(),
    };
    let clients = Clients::start(&sender, &format!("chaos-{seed}"), seed, args.rate, &known);
    let urls: BTreeMap<Name, Vec<String>> = Name::ALL
        .map(|name| (name, world.urls_of(Role::Projection(name))))
        .into();
    let readers = Readers::start(&client, &urls, &known, seed);
    let mut unexpected = strike_for(args, (seed, faults), world, timeline, stop, &clients).await;

    world.mend().await;
    let mended = timeline.elapsed();
    let began = Instant::now();
    let attempts = clients.end(ANSWER_PATIENCE).await;
    let databases = world.databases();
    let reader = LogReader::new(pool(&databases.event_store, PoolOptions::default()));
    let mut log = Vec::new();
    unexpected.extend(drain(&databases, &reader, &mut log, &witness).await);
    let drained_in = began.elapsed();
    timeline.tell_since(mended, "mended, and drained");

    let audited_from = timeline.elapsed();
    let seen = readers.end().await;
    unexpected.extend(replay(&sender, &attempts).await);
    unexpected.extend(parked::expect_and_discard(world).await?);
    let audited = verify::audit(&databases, &|_| {}).await;
    let findings = audited
        .iter()
        .flat_map(|one| one.parts.iter().map(move |part| (one, part)));
    unexpected.extend(findings.flat_map(|(one, part)| {
        let told = |finding: &event_store::Finding| format!("{}, {}: {}", one.subject, part.name, finding.what);
        part.findings.iter().map(told).collect::<Vec<_>>()
    }));
    read_on(&reader, &mut log).await?;
    unexpected.extend(witness.missing(&log));
    let mut disordered = witness.end().await;
    disordered.extend(seen.wrong);
    timeline.tell_since(audited_from, "audited");
    let run = Run {
        seed,
        commit: commit(),
        drained_in,
        reads: seen.reads,
    };
    let evidence = Evidence {
        attempts,
        log,
        poisoned: world.discarded.iter().map(|poison| poison.position).collect(),
        redelivered: witness.again(),
        disordered,
        unexpected,
    };
    Ok((run, evidence))
}

/// Makes faults until the time is over, or each once; gives what was not as it must be meanwhile, and the faults that could not
/// be made.
async fn strike_for(
    args: &ChaosArgs,
    (seed, faults): (u64, Vec<Fault>),
    world: &mut World,
    timeline: &Timeline,
    stop: &CancellationToken,
    clients: &Clients,
) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut left = faults.clone();
    left.shuffle(&mut rng);
    if stop.run_until_cancelled(sleep(SETTLE)).await.is_none() {
        return Vec::new();
    }
    let until = Instant::now() + args.duration;
    let mut findings = Vec::new();
    loop {
        let pause = Duration::from_millis(rng.random_range(500..2_000));
        let is_stopped = stop.run_until_cancelled(sleep(pause)).await.is_none();
        let fault = if args.once {
            left.pop()
        } else {
            args.faults()
                .choose(&mut rng)
                .filter(|_| Instant::now() < until)
                .copied()
        };
        let Some(fault) = fault.filter(|_| !is_stopped) else {
            return findings;
        };
        let from = timeline.elapsed();
        let told = match strike::strike(fault, world, &mut rng).await {
            Ok(struck) => {
                findings.extend(struck.findings);
                let counts = &clients.counts;
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

/// Waits until every read model is where the log ends and the witness has had everything, for as long as something moves.
async fn drain(
    databases: &Databases,
    reader: &LogReader,
    log: &mut Vec<Envelope>,
    witness: &Witness,
) -> Option<String> {
    let (began, mut moved) = (Instant::now(), Instant::now());
    let mut last = None;
    loop {
        let waits_for = behind(databases, reader, log, witness).await;
        let what = waits_for.unwrap_or_else(|error| Some(with_causes(&*error)))?;
        if last.as_ref() != Some(&what) {
            (last, moved) = (Some(what.clone()), Instant::now());
        }
        if moved.elapsed() > STANDSTILL_MAX || began.elapsed() > DRAIN_PATIENCE {
            return Some(format!("not drained: {what}"));
        }
        sleep(DRAIN_POLL).await;
    }
}

/// What is not where the log ends yet, in words.
async fn behind(
    databases: &Databases,
    reader: &LogReader,
    log: &mut Vec<Envelope>,
    witness: &Witness,
) -> Result<Option<String>, BoxError> {
    read_on(reader, log).await?;
    let head = log.last().map_or(Position(0), |event| event.position);
    for (name, url) in &databases.projections {
        let url = url.as_ref().ok_or("a projection has no database")?;
        let mut inspector = Inspector::open(name.as_str(), url).await?;
        let reached = inspector
            .reached()
            .await?
            .map_or(Position(0), |reached| reached.position);
        inspector.close().await;
        if reached < head {
            return Ok(Some(format!("{} is at {} of {}", name.as_str(), reached.0, head.0)));
        }
    }
    Ok(witness.missing(log))
}

/// Sends some of the acknowledged commands once more: each gets its first answer.
async fn replay(sender: &Sender, attempts: &[Attempt]) -> Vec<String> {
    let mut wrong = Vec::new();
    let acknowledged = attempts.iter().filter_map(|attempt| match &attempt.end {
        End::Acknowledged(answer) => Some((attempt, answer)),
        _ => None,
    });
    let every = (attempts.len() / REPLAYS_MAX).max(1);
    for (attempt, answer) in acknowledged.step_by(every) {
        let key = &attempt.request.key;
        match sender.repeat(&attempt.request).await {
            Ok((again, true)) if again == *answer => {}
            Ok((again, replayed)) => wrong.push(format!(
                "{key}: repeated, it was answered {again:?} (replayed: {replayed}) instead of {answer:?}"
            )),
            Err(error) => wrong.push(format!("{key}: repeated, it was answered {error}")),
        }
    }
    wrong
}

/// Reads what the log has beyond the events that are known.
async fn read_on(reader: &LogReader, log: &mut Vec<Envelope>) -> Result<(), BoxError> {
    loop {
        let after = log.last().map_or(Position(0), |event| event.position);
        let page = reader.read(after, LOG_PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        log.extend(page);
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
