//! The clients: they send commands, record every request and answer, and send again with the same key what was not answered.
//! Where a first answer says that nothing was changed, three of four commands are left at that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ETAG, LOCATION};
use reqwest::{Client, Response, StatusCode};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::known::Known;
use crate::load::command::{Request, Settled};
use crate::load::generator::Generator;

const CLIENTS: u32 = 16;
/// Shorter than the services take to say that an outcome is unknown: clients that do not wait are clients too.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a repeated request may stay unanswered.
const REPEAT_PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(150);

/// A command that was sent, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) request: Request,
    /// How often it was sent.
    pub(crate) tries: u32,
    pub(crate) end: End,
    /// How often the log had been put back when it ended.
    pub(crate) history: usize,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Acknowledged(Acknowledged),
    /// Answered that nothing was changed, and not sent again.
    Refused,
    /// Answered as no valid command may be.
    Unexpected(String),
    /// Not answered until the clients were told to give up.
    Unanswered,
}

/// What an accepted command was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) sequence: i64,
    pub(crate) position: i64,
}

/// Why a request was not acknowledged.
enum Failed {
    /// Nobody knows what became of it.
    Unanswered,
    /// The answer says that nothing was changed.
    NothingChanged,
    /// The answer is one that no valid command may get.
    Unexpected(String),
}

/// What was counted so far, for who watches.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) attempted: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    /// Answered after it had to be sent again.
    pub(crate) recovered: AtomicU64,
}

/// Clients at work.
pub(crate) struct Clients {
    /// Begins every id.
    run: String,
    seed: u64,
    generator: Arc<Mutex<Generator>>,
    /// Held for reading while a command is on its way.
    at_work: Arc<RwLock<()>>,
    running: JoinSet<Vec<Attempt>>,
    ending: CancellationToken,
    giving_up: CancellationToken,
    pub(crate) counts: Arc<Counts>,
}

/// One way to the command APIs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    pub(crate) urls: Arc<[String]>,
}

impl Clients {
    /// Starts sending `rate` commands per second, all clients together.
    pub(crate) fn start(sender: &Sender, run: &str, seed: u64, rate: u32, known: &Arc<Known>) -> Self {
        let generator = Arc::new(Mutex::new(Generator::new(run, seed, Utc::now().date_naive())));
        let (ending, giving_up) = (CancellationToken::new(), CancellationToken::new());
        let counts = Arc::<Counts>::default();
        let at_work = Arc::<RwLock<()>>::default();
        let mut running = JoinSet::new();
        let every = Duration::from_secs(1) * CLIENTS / rate.max(1);
        for number in 0..CLIENTS {
            // One after the other, not all at once.
            let due = interval_at(Instant::now() + every * number / CLIENTS, every);
            running.spawn(client(
                sender.clone(),
                generator.clone(),
                known.clone(),
                counts.clone(),
                (due, at_work.clone()),
                (ending.clone(), giving_up.clone()),
            ));
        }
        Self {
            run: run.to_owned(),
            seed,
            generator,
            at_work,
            running,
            ending,
            giving_up,
            counts,
        }
    }

    /// Waits until every command is answered; none is sent while what it gives lives.
    pub(crate) async fn at_rest(&self) -> OwnedRwLockWriteGuard<()> {
        self.at_work.clone().write_owned().await
    }

    /// From now on no command is about anything that a command before has made.
    pub(crate) fn begin_anew(&self, history: usize) {
        let run = format!("{}-{history}", self.run);
        let seed = self.seed.wrapping_add(history as u64);
        let anew = Generator::new(&run, seed, Utc::now().date_naive());
        *self.generator.lock().unwrap_or_else(PoisonError::into_inner) = anew;
    }

    /// Sends nothing new, and waits until what was sent is answered, at most so long.
    pub(crate) async fn end(mut self, patience: Duration) -> Vec<Attempt> {
        self.ending.cancel();
        let giving_up = self.giving_up.clone();
        let patience = tokio::spawn(async move {
            sleep(patience).await;
            giving_up.cancel();
        });
        let mut attempts = Vec::new();
        while let Some(ended) = self.running.join_next().await {
            attempts.extend(ended.expect("a client does not panic"));
        }
        patience.abort();
        attempts
    }
}

async fn client(
    sender: Sender,
    generator: Arc<Mutex<Generator>>,
    known: Arc<Known>,
    counts: Arc<Counts>,
    (mut due, at_work): (Interval, Arc<RwLock<()>>),
    (ending, giving_up): (CancellationToken, CancellationToken),
) -> Vec<Attempt> {
    let generator = || generator.lock().unwrap_or_else(PoisonError::into_inner);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut attempts = Vec::new();
    while ending.run_until_cancelled(due.tick()).await.is_some() {
        let _at_work = at_work.read().await;
        let command = generator().next();
        counts.attempted.fetch_add(1, Ordering::Relaxed);
        let (mut attempt, location) = sender.send(command.request, &giving_up).await;
        attempt.history = known.history();
        let settled = match &attempt.end {
            End::Acknowledged(acknowledged) => {
                counts.acknowledged.fetch_add(1, Ordering::Relaxed);
                if attempt.tries > 1 {
                    counts.recovered.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(location) = location {
                    known.add(location, acknowledged.position);
                }
                Settled::Accepted
            }
            End::Refused => Settled::NothingChanged,
            End::Unexpected(_) | End::Unanswered => Settled::Unknown,
        };
        generator().settle(command.effect, settled);
        attempts.push(attempt);
    }
    attempts
}

impl Sender {
    /// Sends a command to one command API after the other until one answers; gives where to find what it created, too.
    async fn send(&self, request: Request, giving_up: &CancellationToken) -> (Attempt, Option<String>) {
        let mut tries = 0;
        // Decided by the key alone, so that a seed decides it.
        let is_trusting = request.key.bytes().fold(0, u8::wrapping_add) % 4 != 0;
        loop {
            tries += 1;
            let answered = self.send_once(&request, tries).await;
            let done = |end| Attempt {
                request: request.clone(),
                tries,
                end,
                history: 0,
            };
            match answered {
                Ok((acknowledged, location, _)) => return (done(End::Acknowledged(acknowledged)), location),
                Err(Failed::Unexpected(unexpected)) => return (done(End::Unexpected(unexpected)), None),
                Err(Failed::NothingChanged) if tries == 1 && is_trusting => return (done(End::Refused), None),
                Err(Failed::NothingChanged | Failed::Unanswered) => {}
            }
            if giving_up.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                return (done(End::Unanswered), None);
            }
        }
    }

    /// Sends once more what was acknowledged; gives the answer, and whether it is a replayed one. A connection of a pool that
    /// died in its sleep may cost a 503: that is no answer, and asked again.
    pub(crate) async fn repeat(&self, request: &Request) -> Result<(Acknowledged, bool), String> {
        let deadline = Instant::now() + REPEAT_PATIENCE;
        let mut tries = 0;
        loop {
            match self.send_once(request, tries).await {
                Ok((acknowledged, _, replayed)) => return Ok((acknowledged, replayed)),
                Err(Failed::Unexpected(unexpected)) => return Err(unexpected),
                Err(Failed::NothingChanged | Failed::Unanswered) if Instant::now() > deadline => {
                    return Err("nothing".to_owned());
                }
                Err(Failed::NothingChanged | Failed::Unanswered) => sleep(PAUSE).await,
            }
            tries += 1;
        }
    }

    /// Sends it once.
    ///
    /// All events of a command carry its key as their correlation id, whichever of its copies appended them.
    async fn send_once(&self, request: &Request, tries: u32) -> Result<(Acknowledged, Option<String>, bool), Failed> {
        let url = &self.urls[tries as usize % self.urls.len()];
        let mut sending = self
            .client
            .request(request.method.clone(), format!("{url}{}", request.path))
            .timeout(REQUEST_TIMEOUT)
            .header("idempotency-key", &request.key)
            .header("request-id", &request.key);
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let response = sending.send().await.map_err(|_unanswered| Failed::Unanswered)?;
        let status = response.status();
        if status.is_success() {
            let location = header(&response, LOCATION.as_str());
            let replayed = header(&response, "idempotency-replayed").is_some();
            let position = header(&response, "event-position").and_then(|text| text.parse().ok());
            let sequence = header(&response, ETAG.as_str())
                .and_then(|text| text.trim_matches('"').split('-').next()?.parse().ok());
            return match (sequence, position) {
                (Some(sequence), Some(position)) => Ok((Acknowledged { sequence, position }, location, replayed)),
                _ => Err(Failed::Unexpected(format!("{status} without a place in the log"))),
            };
        }
        // A body that breaks off is no answer.
        let body = response.bytes().await.map_err(|_unanswered| Failed::Unanswered)?;
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or("no code");
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(match code {
                "WRITER_BUSY" | "EVENT_STORE_UNAVAILABLE" => Failed::NothingChanged,
                _ => Failed::Unanswered,
            });
        }
        Err(Failed::Unexpected(format!(
            "{} {} was answered {} {code}",
            request.method,
            request.path,
            status.as_u16()
        )))
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}
