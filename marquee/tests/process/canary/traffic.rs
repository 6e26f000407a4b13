//! The traffic: a name and an address, sent through everything that takes them, and through everything that must refuse them.

use std::collections::BTreeMap;

use e2e::{Client, until};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sqlx::Executor;

use crate::deployment::Deployment;
use crate::history::append_user_event;

const NAME: &str = "Zebulon Quagmire";
const EMAIL: &str = "zebulon.quagmire@canary.example";
const FORM: &str = "application/x-www-form-urlencoded";

/// What was told to clients and to those who watch.
#[derive(Default)]
pub(super) struct Told {
    /// All that was answered where something was refused, or watched.
    pub(super) answers: Vec<String>,
    /// How many refusals there were of each status.
    statuses: BTreeMap<u16, usize>,
}

impl Told {
    /// Sends what must be refused, and keeps the refusal.
    async fn refused(&mut self, request: RequestBuilder) {
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let headers = format!("{:?}", answer.headers());
        let body = answer.text().await.expect("a body");
        assert!(status.is_client_error() || status.is_server_error(), "{status}: {body}");
        *self.statuses.entry(status.as_u16()).or_default() += 1;
        self.answers.push(format!("{status} {headers} {body}"));
    }

    /// Reads what anybody who watches a service reads.
    pub(super) async fn watched(&mut self, client: &Client, paths: &[&str]) {
        for path in paths {
            let answer = client.request(Method::GET, path).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            self.answers.push(answer.text().await.expect("a body"));
        }
    }
}

/// A platform, whoever serves it.
pub(super) struct Scene<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) commands: &'a Client,
    pub(super) users: &'a Client,
    pub(super) movies: &'a Client,
    pub(super) catalog: &'a Client,
}

impl Scene<'_> {
    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.commands.request(Method::POST, path).json(body)
    }

    /// The canary goes in and comes out where it should: what is looked for below was really there.
    async fn answered(&self) {
        let person = json!({"full_name": NAME, "email": EMAIL});
        let position = self.commands.post("/users/1", person).await.accepted().position();
        let user = self.users.get_at("/users/1", position).await.accepted();
        assert_eq!(
            (&user.body["full_name"], &user.body["email"]),
            (&json!(NAME), &json!(EMAIL))
        );
        let found = self.users.get("/users?q=zebulon").await.accepted();
        assert_eq!(found.body["items"].as_array().map(Vec::len), Some(1));
        let form = self
            .commands
            .request(Method::POST, "/users/1")
            .header("content-type", FORM);
        let form = form.body("full_name=Zebulon+Quagmire&email=zebulon.quagmire%2B1%40canary.example");
        assert!(form.send().await.expect("an answer").status().is_success());
    }

    async fn refused_requests(&self, told: &mut Told) {
        let person = json!({"full_name": NAME, "email": EMAIL});
        for body in [
            json!({"full_name": NAME, "email": format!("{EMAIL} {NAME}")}),
            json!({"full_name": NAME.repeat(200), "email": EMAIL}),
            json!({"full_name": format!("{NAME}\u{7}"), "email": EMAIL}),
            json!({"full_name": [NAME], "email": {"of": EMAIL}}),
            json!({"full_name": NAME, EMAIL: NAME}),
            json!({"full_name": NAME, NAME: EMAIL}),
            json!([NAME, EMAIL]),
            json!(EMAIL),
        ] {
            told.refused(self.post("/users/2", &body)).await;
        }
        let raw = |content_type: &str, body: String| {
            let request = self.commands.request(Method::POST, "/users/2");
            request.header("content-type", content_type).body(body)
        };
        let torn = format!(r#"{{"full_name": "{NAME}", "email": {EMAIL}"#);
        told.refused(raw("application/json", torn)).await;
        told.refused(raw(FORM, format!("full_name=x&{EMAIL}=x"))).await;
        told.refused(raw(FORM, EMAIL.to_owned())).await;
        told.refused(raw(FORM, format!("full_name=%ff&{EMAIL}=%ff"))).await;
        told.refused(raw("text/plain", NAME.to_owned())).await;
        told.refused(raw("application/json", format!("\"{}\"", EMAIL.repeat(4000))))
            .await;
        told.refused(self.post("/users/1/roles", &json!({"role": NAME}))).await;

        // Conflicts and conditions.
        told.refused(self.post("/users/1", &person).header("if-match", "\"77\""))
            .await;
        told.refused(self.post("/users/1", &person).header("if-match", EMAIL))
            .await;
        let keyed = |body: &Value| self.post("/users/3", body).header("idempotency-key", "one");
        keyed(&person).send().await.expect("an answer");
        told.refused(keyed(&json!({"full_name": NAME}))).await;
        told.refused(self.post("/users/3", &person).header("idempotency-key", NAME))
            .await;

        self.commands.delete("/users/3").await.accepted();
        told.refused(self.post("/users/3", &person)).await;

        // Paths and queries.
        for path in [
            format!("/users/{EMAIL}"),
            format!("/{EMAIL}"),
            format!("/users/1/{EMAIL}"),
        ] {
            told.refused(self.commands.request(Method::POST, &path).json(&person))
                .await;
            told.refused(self.users.request(Method::GET, &path)).await;
        }
        let long = "quagmire".repeat(200);
        for query in [
            format!("q={long}"),
            format!("role={EMAIL}"),
            format!("limit={EMAIL}"),
            format!("cursor={EMAIL}"),
            format!("{EMAIL}=1"),
            format!("min_position={EMAIL}"),
        ] {
            told.refused(self.users.request(Method::GET, &format!("/users?{query}")))
                .await;
        }
        for (client, path) in [
            (self.movies, "/movies"),
            (self.catalog, "/cinemas"),
            (self.catalog, "/catalog/berlin"),
        ] {
            told.refused(client.request(Method::GET, &format!("{path}?{EMAIL}=1")))
                .await;
            told.refused(client.request(Method::GET, &format!("{path}?limit={EMAIL}")))
                .await;
        }
    }

    /// The event store refuses what it is told, with the row in the reason.
    async fn refused_by_the_event_store(&self, told: &mut Told) {
        let mut event_store = self.deployment.event_store().await.expect("the event store");
        let add = "ALTER TABLE events ADD CONSTRAINT canary CHECK (payload ->> 'full_name' <> 'Zebulon the Second')";
        event_store.execute(add).await.expect("added");
        let body = json!({"full_name": "Zebulon the Second", "email": EMAIL});
        told.refused(self.post("/users/4", &body)).await;
        told.refused(self.post("/users/1", &body)).await;
        event_store
            .execute("ALTER TABLE events DROP CONSTRAINT canary")
            .await
            .expect("removed");
    }

    /// The read model refuses a row, and events cannot be read: they are parked, seen, retried, discarded.
    async fn parked(&self, told: &mut Told) {
        let mut read_model = self.deployment.database("users").await.expect("the read model");
        let live: String = sqlx::query_scalar("SELECT format('users_g%s', generation) FROM projection")
            .fetch_one(&mut read_model)
            .await
            .expect("the live generation");
        let add = format!(
            "ALTER TABLE {live}.users ADD CONSTRAINT canary CHECK (full_name <> 'Zebulon the Third'); \
             CREATE UNIQUE INDEX canary_email ON {live}.users (email)"
        );
        sqlx::raw_sql(&add).execute(&mut read_model).await.expect("added");
        let mut last = 0;
        for (id, name, email) in [
            ("5", "Zebulon the Third", "third@canary.example"),
            ("6", NAME, "same@canary.example"),
            ("7", NAME, "same@canary.example"),
        ] {
            let body = json!({"full_name": name, "email": email});
            last = self
                .commands
                .post(&format!("/users/{id}"), body)
                .await
                .accepted()
                .position();
        }
        let mut event_store = self.deployment.event_store().await.expect("the event store");
        for (id, event_type, payload) in [
            (
                "8",
                "user.created",
                json!({"type": "user.created", "full_name": {"of": NAME}}),
            ),
            (
                "9",
                "user.roles.granted",
                json!({"type": "user.roles.granted", "role": EMAIL}),
            ),
            (
                "10",
                "user.roles.granted",
                json!({"type": "user.roles.granted", "role": [EMAIL]}),
            ),
            ("11", "user.created", json!({"type": EMAIL, "full_name": NAME})),
            ("12", "user.created", json!({EMAIL: NAME})),
        ] {
            let stream = (id, 1);
            last = last.max(append_user_event(&mut event_store, stream, event_type, &payload.to_string()).await);
            // The command API cannot read the stream either.
            let roles = json!({"full_name": "x", "email": EMAIL});
            told.refused(self.post(&format!("/users/{id}"), &roles)).await;
        }
        let mut parked = Vec::new();
        until("seven streams are parked", async || {
            parked = self.users.get("/projections/users/parked").await.body["items"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            parked.len() >= 7
        })
        .await;
        for id in ["5", "12"] {
            let request = self.users.request(Method::GET, &format!("/users/{id}"));
            told.refused(request.header("min-position", last)).await;
        }
        for stream in &parked {
            let position = stream["position"].as_i64().expect("a position");
            let path = format!("/projections/users/parked/{position}");
            let retried = self.users.post(&format!("{path}/retry"), json!({"reason": NAME})).await;
            told.answers.push(retried.body.to_string());
        }
        told.refused(
            self.users
                .request(Method::POST, "/projections/users/parked/1/discard")
                .json(&json!({"reason": NAME, EMAIL: 1})),
        )
        .await;
        let position = parked[0]["position"].as_i64().expect("a position");
        let discard = format!("/projections/users/parked/{position}/discard");
        self.users.post(&discard, json!({"reason": NAME})).await.accepted();
    }

    /// Everything that has connections loses them, while the canaries are on their way.
    async fn without_connections(&self) {
        for database in ["event_store", "users"] {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}_".to_owned()
                + database
                + "'";
            self.deployment.to_database(&end).await;
            for _ in 0..3 {
                let body = json!({"full_name": NAME, "email": EMAIL});
                let _ = self.post("/users/13", &body).send().await;
                let _ = self.users.get("/users?q=quagmire").await;
            }
        }
        self.deployment.vhost.close_connections().await;
        let body = json!({"full_name": format!("{NAME} again"), "email": format!("again.{EMAIL}")});
        let mut position = 0;
        until("commands are accepted again", async || {
            let answer = self.commands.post("/users/14", body.clone()).await;
            position = answer.body["position"].as_i64().unwrap_or_default();
            position > 0
        })
        .await;
        until("the read model has it", async || {
            self.users.get_at("/users/14", position).await.status == 200
        })
        .await;
    }

    /// A rebuild by the side of what is parked, and a pause.
    async fn operated(&self, told: &mut Told) {
        let reason = json!({"reason": format!("{NAME} asked")});
        self.users
            .post("/projections/users/pause", reason.clone())
            .await
            .accepted();
        self.users
            .post("/projections/users/resume", reason.clone())
            .await
            .accepted();
        self.users.post("/projections/users/rebuild", reason).await.accepted();
        until("the rebuild has ended", async || {
            let shown = self.users.get("/projections/users/rebuild").await;
            shown.body["state"] != "running"
        })
        .await;
        told.watched(self.users, &["/projections", "/projections/users"]).await;
    }

    /// Sends it through all of this; what was answered.
    pub(super) async fn all(&self) -> Told {
        let mut told = Told::default();
        self.answered().await;
        self.refused_requests(&mut told).await;
        self.refused_by_the_event_store(&mut told).await;
        self.parked(&mut told).await;
        self.operated(&mut told).await;
        self.without_connections().await;
        told.watched(self.commands, &["/event-store"]).await;
        for client in [self.commands, self.users, self.movies, self.catalog] {
            told.watched(client, &["/metrics", "/readyz", "/livez"]).await;
        }
        for status in [400, 404, 410, 412, 413, 415, 422, 500, 503] {
            assert!(
                told.statuses.contains_key(&status),
                "no {status} among {:?}",
                told.statuses
            );
        }
        told
    }
}
