//! Commands that never end: users, movies and cinemas are made and changed, and none of them is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use e2e::{Answer, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// All cinemas are in one city, and fit one page of its catalog.
const CINEMAS_MAX: u64 = 60;

pub(super) fn movie(id: &str, title: &str) -> Value {
    json!({
        "id": id, "title": title, "synopsis": "A city of towers.", "runtime_minutes": 153,
        "age_rating": "12", "genres": ["science-fiction"], "premiere_date": "2026-01-10",
    })
}

pub(super) fn cinema(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "city_id": "berlin", "address": "Rosa-Luxemburg-Strasse 30", "time_zone": "Europe/Berlin"})
}

/// Some clients that send one command after the other.
pub(super) struct Load {
    position: Arc<AtomicI64>,
    stop: CancellationToken,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts them.
    pub(super) async fn start(client: &Client) -> Self {
        let (position, stop) = (Arc::new(AtomicI64::new(0)), CancellationToken::new());
        let load = |of: u64| {
            let one = One {
                of,
                client: client.clone(),
                position: position.clone(),
            };
            tokio::spawn(one.run(stop.clone()))
        };
        let clients = (0..3).map(load).collect();
        Self {
            position,
            stop,
            clients,
        }
    }

    /// Where the log was when a command was answered last.
    pub(super) fn position(&self) -> i64 {
        assert!(
            !self.clients.iter().any(JoinHandle::is_finished),
            "a command was not accepted"
        );
        self.position.load(Ordering::Relaxed)
    }

    /// Stops them; where the log was at the end.
    pub(super) async fn stop(self) -> i64 {
        self.stop.cancel();
        for client in self.clients {
            client.await.expect("every command was accepted");
        }
        self.position.load(Ordering::Relaxed)
    }
}

/// One of the clients.
struct One {
    of: u64,
    client: Client,
    position: Arc<AtomicI64>,
}

impl One {
    async fn run(self, stop: CancellationToken) {
        for number in 0.. {
            if stop.is_cancelled() {
                return;
            }
            self.step(number).await;
        }
    }

    async fn step(&self, number: u64) {
        let (user, film) = (
            format!("user-{}-{number}", self.of),
            format!("movie-{}-{number}", self.of),
        );
        let client = &self.client;
        self.accepted(client.post("/users", json!({"id": user, "full_name": "Ada"})).await);
        self.accepted(
            client
                .post(&format!("/users/{user}/roles"), json!({"role": "manager"}))
                .await,
        );
        self.accepted(client.post("/movies", movie(&film, "Metropolis")).await);
        let premiere = json!({"premiere_date": "2026-02-01"});
        self.accepted(client.put(&format!("/movies/{film}/premiere"), premiere).await);
        if number < CINEMAS_MAX / 4 {
            let house = format!("cinema-{}-{number}", self.of);
            self.accepted(client.post("/cinemas", cinema(&house, "Babylon")).await);
            self.accepted(client.put_empty(&format!("/cinemas/{house}/programme/{film}")).await);
        }
    }

    fn accepted(&self, answer: Answer) {
        self.position.fetch_max(answer.accepted().position(), Ordering::Relaxed);
    }
}
