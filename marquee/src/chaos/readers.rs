//! The readers: sessions that ask for no less than they have seen, at whichever copy, and note what goes back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use projections::Name;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use reqwest::header::ETAG;
use reqwest::{Client, StatusCode};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::known::Known;

const SESSIONS: u64 = 6;
const PAUSE: Duration = Duration::from_millis(30);
/// Longer than a query waits for its position.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What the readers saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Answers that could be checked.
    pub(crate) reads: u64,
    /// What went back, or was answered as no query may be.
    pub(crate) wrong: Vec<String>,
}

/// Readers at work.
pub(crate) struct Readers {
    running: JoinSet<Seen>,
    ending: CancellationToken,
}

impl Readers {
    /// Starts them; `urls` are those of the copies of each projection.
    pub(crate) fn start(client: &Client, urls: &BTreeMap<Name, Vec<String>>, known: &Arc<Known>, seed: u64) -> Self {
        let ending = CancellationToken::new();
        let mut running = JoinSet::new();
        for session in 0..SESSIONS {
            let session = Session {
                client: client.clone(),
                urls: urls.clone(),
                known: known.clone(),
                rng: ChaCha8Rng::seed_from_u64(seed.wrapping_add(session)),
                positions: BTreeMap::new(),
                sequences: HashMap::new(),
                history: 0,
                seen: Seen::default(),
            };
            running.spawn(session.run(ending.clone()));
        }
        Self { running, ending }
    }

    /// Ends the sessions; what they saw, together.
    pub(crate) async fn end(mut self) -> Seen {
        self.ending.cancel();
        let mut all = Seen::default();
        while let Some(seen) = self.running.join_next().await {
            let seen = seen.expect("a reader does not panic");
            all.reads += seen.reads;
            all.wrong.extend(seen.wrong);
        }
        all
    }
}

struct Session {
    client: Client,
    urls: BTreeMap<Name, Vec<String>>,
    known: Arc<Known>,
    rng: ChaCha8Rng,
    /// The largest `Read-Position` of each projection.
    positions: BTreeMap<Name, i64>,
    /// The last sequence of each resource.
    sequences: HashMap<String, i64>,
    /// How often the log had been put back when it saw these.
    history: usize,
    seen: Seen,
}

impl Session {
    async fn run(mut self, ending: CancellationToken) -> Seen {
        while ending.run_until_cancelled(sleep(PAUSE)).await.is_some() {
            self.begin_anew_after_a_restore();
            if let Some((path, position)) = self.known.any(&mut self.rng) {
                self.read(path, position).await;
            }
        }
        self.seen
    }

    /// A session that goes on after a restore is told to forget: positions and sequences are used again.
    fn begin_anew_after_a_restore(&mut self) {
        let history = self.known.history();
        if self.history != history {
            self.history = history;
            self.positions.clear();
            self.sequences.clear();
        }
    }

    async fn read(&mut self, path: String, created_at: i64) {
        let Some(name) = projection_of(&path) else { return };
        let Some(url) = self.urls.get(&name).and_then(|urls| urls.choose(&mut self.rng)) else {
            return;
        };
        let wanted = created_at.max(self.positions.get(&name).copied().unwrap_or_default());
        let asking = self.client.get(format!("{url}{path}")).timeout(REQUEST_TIMEOUT);
        // Away or behind is no fault of an answer: there is none.
        let Ok(answer) = asking.header("min-position", wanted).send().await else {
            return;
        };
        if self.known.history() != self.history {
            return;
        }
        let number = |name: &str| -> Option<i64> {
            let text = answer.headers().get(name)?.to_str().ok()?;
            // An entity tag begins with the sequence.
            text.trim_matches('"').split('-').next()?.parse().ok()
        };
        let status = answer.status();
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {}
            // What was deleted, withdrawn or closed is gone; it has no place of its own any more.
            StatusCode::GONE => self.seen.reads += 1,
            StatusCode::OK => {
                self.seen.reads += 1;
                let (Some(position), Some(sequence)) = (number("read-position"), number(ETAG.as_str())) else {
                    return self.wrong(format!("{path}: an answer without its place"));
                };
                if position < wanted {
                    self.wrong(format!(
                        "{path}: read at position {position}, when {wanted} was seen before"
                    ));
                }
                self.positions.insert(name, position.max(wanted));
                let last = self.sequences.insert(path.clone(), sequence).unwrap_or_default();
                if sequence < last {
                    self.wrong(format!("{path}: at sequence {sequence}, when {last} was seen before"));
                }
            }
            status => self.wrong(format!("{path}: answered {status} at position {wanted}")),
        }
    }

    fn wrong(&mut self, what: String) {
        self.seen.wrong.push(what);
    }
}

fn projection_of(path: &str) -> Option<Name> {
    match path.split('/').nth(1)? {
        "users" => Some(Name::Users),
        "movies" => Some(Name::Movies),
        "cinemas" => Some(Name::Catalog),
        _ => None,
    }
}
