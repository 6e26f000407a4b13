//! Clients that query all the time, each holding what it reads against what it has read before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use e2e::{Answer, Client, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::load::{cinema, movie};

/// So many queries of each reader count as going on.
const SOME: u64 = 5;

/// A stream of its own for one reader of a projection: it writes a version and reads it back.
#[derive(Clone)]
struct Own {
    create: (&'static str, fn(&str) -> Value),
    update: (Method, &'static str, fn(&str) -> Value),
    query: &'static str,
    /// The field that holds the version.
    field: &'static str,
}

fn own() -> [Own; 3] {
    [
        Own {
            create: ("/users", |name| json!({"id": "watched", "full_name": name})),
            update: (Method::POST, "/users/watched", |name| json!({"full_name": name})),
            query: "/users/watched",
            field: "full_name",
        },
        Own {
            create: ("/movies", |title| movie("watched", title)),
            update: (Method::PUT, "/movies/watched/details", |title| {
                without(movie("", title), &["id", "premiere_date"])
            }),
            query: "/movies/watched",
            field: "title",
        },
        Own {
            create: ("/cinemas", |name| cinema("watched", name)),
            update: (Method::PUT, "/cinemas/watched/details", |name| {
                without(cinema("", name), &["id"])
            }),
            query: "/cinemas/watched",
            field: "name",
        },
    ]
}

/// Lists of which nothing is ever removed.
const LISTS: [&str; 5] = [
    "/users?limit=100",
    "/movies?limit=100",
    "/movies/premieres?limit=100&from=2026-01-01",
    "/catalog/berlin?limit=100",
    "/cities",
];

fn without(mut body: Value, fields: &[&str]) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.retain(|field, _| !fields.contains(&field.as_str()));
    }
    body
}

/// The text of a version, and its number.
fn version(number: u64) -> String {
    format!("Version {number}")
}

fn number(text: &Value) -> u64 {
    let number = text
        .as_str()
        .and_then(|text| text.strip_prefix("Version ")?.parse().ok());
    number.unwrap_or_else(|| panic!("no version: {text}"))
}

/// All readers, and how often each has read.
pub(super) struct Readers {
    stop: CancellationToken,
    readers: Vec<(JoinHandle<()>, Arc<AtomicU64>)>,
}

impl Readers {
    /// Starts them, once there is something of everything to read.
    pub(super) async fn start(client: &Client) -> Self {
        for Own { create, query, .. } in own() {
            let (path, body) = create;
            let created = client.post(path, body(&version(0))).await.accepted();
            client.get_at(query, created.position()).await.accepted();
        }
        let stop = CancellationToken::new();
        let mut readers = Vec::new();
        let mut start = |reader: Reader| {
            let reads = reader.reads.clone();
            readers.push((tokio::spawn(reader.run()), reads));
        };
        let reader = |what| Reader {
            what,
            client: client.clone(),
            stop: stop.clone(),
            reads: Arc::default(),
            position: 0,
            amount: 0,
        };
        for own in own() {
            start(reader(What::Written(own.clone())));
            start(reader(What::Row(own)));
        }
        for list in LISTS {
            start(reader(What::List(list)));
        }
        Self { stop, readers }
    }

    /// How often each of them has read.
    pub(super) fn reads(&self) -> Vec<u64> {
        let reads = |(_, reads): &(_, Arc<AtomicU64>)| reads.load(Ordering::Relaxed);
        self.readers.iter().map(reads).collect()
    }

    /// Waits until each of them has read some more.
    pub(super) async fn all_read_on(&self) {
        let before = self.reads();
        until("everybody reads on", async || {
            assert!(
                !self.readers.iter().any(|(reader, _)| reader.is_finished()),
                "a reader has found a fault"
            );
            self.reads()
                .iter()
                .zip(&before)
                .all(|(now, before)| *now >= before + SOME)
        })
        .await;
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        for (reader, _) in self.readers {
            reader.await.expect("nothing to complain of");
        }
    }
}

/// What a reader reads.
enum What {
    /// What it has just written itself, at the position it was answered with.
    Written(Own),
    /// A stream that another reader writes to, at no position.
    Row(Own),
    /// A list, at no position.
    List(&'static str),
}

struct Reader {
    what: What,
    client: Client,
    stop: CancellationToken,
    reads: Arc<AtomicU64>,
    /// The last `Read-Position`.
    position: i64,
    /// The last sequence of the row, or the last length of the list.
    amount: u64,
}

impl Reader {
    async fn run(mut self) {
        for turn in 1.. {
            if self.stop.is_cancelled() {
                return;
            }
            self.read(turn).await;
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn read(&mut self, turn: u64) {
        match &self.what {
            What::Written(own) => {
                let (method, path, body) = own.update.clone();
                let written = self.client.send(method, path, body(&version(turn))).await.accepted();
                let answer = self.client.get_at(own.query, written.position()).await;
                let (sequence, shown) = (written.body["sequence"].as_u64(), number(&answer.body[own.field]));
                assert_eq!(
                    (answer.body["sequence"].as_u64(), shown),
                    (sequence, turn),
                    "{answer:?}"
                );
                self.holds(&answer, sequence.unwrap_or_default());
                assert!(self.position >= written.position(), "{answer:?}");
            }
            What::Row(own) => {
                let answer = self.client.get(own.query).await;
                let sequence = answer.body["sequence"].as_u64().unwrap_or_default();
                // The first event made version 0.
                assert_eq!(number(&answer.body[own.field]) + 1, sequence, "{answer:?}");
                self.holds(&answer, sequence);
            }
            What::List(path) => {
                let answer = self.client.get(path).await;
                let items = answer.body["items"].as_array().map_or(&[][..], Vec::as_slice);
                let movies = items.iter().filter_map(|item| item["movies"].as_array());
                let amount = items.len() + movies.map(Vec::len).sum::<usize>();
                self.holds(&answer, amount as u64);
            }
        }
    }

    /// An answer: no failure, not empty, and not older than the one before.
    fn holds(&mut self, answer: &Answer, amount: u64) {
        assert_eq!(answer.status, 200, "{answer:?}");
        let position = answer
            .header("read-position")
            .and_then(|position| position.parse().ok());
        let position: i64 = position.unwrap_or_else(|| panic!("no position: {answer:?}"));
        assert!(
            position >= self.position,
            "from {} back to {position}: {answer:?}",
            self.position
        );
        assert!(
            amount > 0 && amount >= self.amount,
            "from {} back to {amount}: {answer:?}",
            self.amount
        );
        (self.position, self.amount) = (position, amount);
    }
}
