//! What an operator does over HTTP, and what must hold of the database afterwards.

use reqwest::{Client, Response};
use serde_json::Value;

use crate::process::{Process, eventually};
use crate::stack::Stack;

impl Process {
    fn at(&self, path: &str) -> String {
        format!("{}/projections/recorder/{path}", self.url)
    }

    /// Asks for a rebuild.
    pub(crate) async fn rebuild(&self, body: Value) -> Response {
        let request = Client::new().post(self.at("rebuild")).json(&body);
        request
            .header("Marquee-Operator", "ada")
            .send()
            .await
            .expect("an answer")
    }

    /// Asks for a rollback.
    pub(crate) async fn rollback(&self) -> Response {
        Client::new().post(self.at("rollback")).send().await.expect("an answer")
    }

    /// Calls the operation off.
    pub(crate) async fn cancel(&self) -> Response {
        Client::new()
            .delete(self.at("rebuild"))
            .send()
            .await
            .expect("an answer")
    }

    /// The operation as it is shown.
    pub(crate) async fn operation(&self) -> Option<Value> {
        let response = reqwest::get(self.at("rebuild")).await.ok()?;
        response.error_for_status().ok()?.json().await.ok()
    }

    /// Waits until no operation runs, and gives the last one.
    pub(crate) async fn ended(&self) -> Value {
        eventually("the end of an operation", async || {
            self.operation()
                .await
                .filter(|operation| operation["state"] != "running")
        })
        .await
    }

    /// Waits until the operation is in a phase.
    pub(crate) async fn reach_phase(&self, phase: &str) {
        eventually(&format!("the phase {phase}"), async || {
            self.operation()
                .await
                .filter(|operation| operation["phase"] == phase)
                .map(drop)
        })
        .await;
    }

    /// Rebuilds, and expects that to succeed.
    pub(crate) async fn rebuilt(&self) -> Value {
        let response = self.rebuild(serde_json::json!({})).await;
        assert_eq!(response.status(), 202, "{:?}", response.text().await);
        let operation = self.ended().await;
        assert_eq!(operation["state"], "succeeded", "{operation}");
        operation
    }
}

impl Stack {
    /// The live generation.
    pub(crate) async fn live(&self) -> i64 {
        self.column("SELECT generation FROM projection").await[0]
    }

    /// The numbers of the generations that are not live.
    pub(crate) async fn aside(&self, state: &str) -> Vec<i64> {
        let select = format!("SELECT number FROM generation WHERE state = '{state}' ORDER BY number");
        self.column(&select).await
    }

    /// The numbers of all generations that have a schema.
    pub(crate) async fn schemas(&self) -> Vec<i64> {
        self.column(
            "SELECT substring(nspname from '^recorder_g(.*)$')::bigint FROM pg_namespace \
             WHERE nspname LIKE 'recorder\\_g%' ORDER BY 1",
        )
        .await
    }

    /// Asserts that only these generations are there, the first of them live, and that nothing is at work. What a switch
    /// has given up is removed a moment after it.
    pub(crate) async fn expect_only(&self, live: i64, retired: Option<i64>) {
        assert_eq!(self.live().await, live);
        eventually("nothing unfinished", async || {
            self.aside("building").await.is_empty().then_some(())
        })
        .await;
        assert_eq!(self.aside("retired").await, Vec::from_iter(retired));
        let mut generations = Vec::from_iter(retired);
        generations.push(live);
        generations.sort_unstable();
        assert_eq!(self.schemas().await, generations);
        let running = self.column("SELECT 1::bigint FROM rebuild WHERE running").await;
        assert!(running.is_empty(), "nothing runs");
    }

    /// Waits until the live generation is at a position and is what the log says.
    pub(crate) async fn expect_shelf(&self, position: i64) {
        self.reach(position).await;
        let generation = self.live().await;
        let shelf = self
            .column(&format!(
                "SELECT sequence FROM recorder_g{generation}.movies ORDER BY id"
            ))
            .await;
        let mut streams = std::collections::BTreeMap::new();
        for event in self.events(0, position).await {
            if event.aggregate_type == "movie" {
                streams.insert(event.aggregate_id, event.sequence.0);
            }
        }
        assert_eq!(
            shelf,
            Vec::from_iter(streams.into_values()),
            "the read model is not the log's"
        );
    }
}

impl Stack {
    /// Runs a statement of the superuser in a transaction that stays open as long as what is given.
    pub(crate) async fn hold(&self, statement: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let pool = sqlx::PgPool::connect(&self.database.url()).await.expect("a connection");
        let mut tx = pool.begin().await.expect("a transaction");
        sqlx::query(statement).execute(&mut *tx).await.expect("a lock");
        tx
    }

    /// The sessions that work on a rebuild.
    pub(crate) async fn workers(&self) -> Vec<i64> {
        self.column(
            "SELECT pid::bigint FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'marquee-rebuild-recorder'",
        )
        .await
    }
}
