//! A vhost of its own for each test, with a hand on what happens inside.

use std::thread;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::error::with_causes;
use crate::management::{Management, ManagementError};
use crate::testing::private::PrivateRabbit;
use crate::testing::servers::for_tests;
use crate::url_text::encode;

const POLL_INTERVAL: Duration = Duration::from_millis(50);
const POLLS_MAX: u32 = 200;

/// A queue as the management sees it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// `quorum`, `classic` or `stream`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The arguments it was declared with.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Messages ready or delivered and not acked. Lags behind by up to a second.
    #[serde(default)]
    pub messages: u64,
    /// Messages waiting for a consumer. Lags behind by up to a second.
    #[serde(default)]
    pub messages_ready: u64,
    /// Messages delivered and not acked. Lags behind by up to a second.
    #[serde(default)]
    pub messages_unacknowledged: u64,
    /// How many consumers it has. Lags behind by up to a second.
    #[serde(default)]
    pub consumers: u64,
}

/// A binding of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Binding {
    /// The exchange; empty for the default one.
    pub source: String,
    /// The queue.
    pub destination: String,
    /// The pattern.
    pub routing_key: String,
    properties_key: String,
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exchange {
    /// Its name; empty for the default one.
    pub name: String,
    /// `topic`, `fanout`, `direct` or `headers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// The arguments it was declared with.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

#[derive(Deserialize)]
struct Connection {
    name: String,
}

/// A fresh vhost, deleted with everything in it when this value is dropped.
///
/// All methods panic when the broker refuses: a test cannot go on then.
pub struct TestVhost {
    amqp_url: String,
    management_url: String,
    /// Whether the broker itself is thrown away soon.
    disposable_broker: bool,
    management: Management,
    name: String,
}

/// What a user may do in a vhost, as patterns of names: `^newsletter\.`; an empty pattern is nothing.
#[derive(Debug, Clone, Copy)]
pub struct Permissions<'a> {
    /// What it may declare and delete.
    pub configure: &'a str,
    /// What it may publish to, and which queues it may bind.
    pub write: &'a str,
    /// What it may consume, and which exchanges it may bind to.
    pub read: &'a str,
}

impl TestVhost {
    /// Creates a vhost in which the administrator may do everything.
    pub async fn create() -> Self {
        let servers = for_tests().await;
        Self::create_at(
            servers.amqp_url(),
            servers.management_url(),
            servers.has_disposable_broker(),
        )
        .await
    }

    /// Creates a vhost on a broker of the test's own.
    pub async fn create_on(broker: &PrivateRabbit) -> Self {
        Self::create_at(broker.amqp_url(), broker.management_url(), true).await
    }

    async fn create_at(amqp_url: &str, management_url: &str, disposable_broker: bool) -> Self {
        let management = done(Management::new(management_url, amqp_url));
        let name = format!("test-{}", Uuid::new_v4().simple());
        done(
            management
                .send(Method::PUT, &format!("vhosts/{name}"), Some(&json!({})))
                .await,
        );
        let permissions = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let path = format!("permissions/{name}/{}", encode(management.user()));
        done(management.send(Method::PUT, &path, Some(&permissions)).await);
        Self {
            amqp_url: amqp_url.to_owned(),
            management_url: management_url.to_owned(),
            disposable_broker,
            management,
            name,
        }
    }

    /// The vhost's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The url of the administrator on this vhost.
    pub fn amqp_url(&self) -> String {
        let mut url = done(Url::parse(&self.amqp_url));
        url.set_path(&self.name);
        url.into()
    }

    /// Makes a user that has these rights in this vhost and none elsewhere, and gives its url. It goes with the vhost.
    pub async fn create_user(&self, permissions: Permissions<'_>) -> String {
        let user = self.user();
        self.put(&format!("users/{user}"), json!({"password": user, "tags": ""}))
            .await;
        let Permissions { configure, write, read } = permissions;
        let body = json!({"configure": configure, "write": write, "read": read});
        self.put(&format!("permissions/{}/{user}", self.name), body).await;
        let mut url = done(Url::parse(&self.amqp_url()));
        let _ = url.set_username(&user);
        let _ = url.set_password(Some(&user));
        url.into()
    }

    /// The one user it may have besides the administrator.
    fn user(&self) -> String {
        format!("user-of-{}", self.name)
    }

    /// Lists the queues.
    pub async fn queues(&self) -> Vec<Queue> {
        done(self.management.list(&format!("queues/{}", self.name)).await)
    }

    /// Finds a queue by its name.
    pub async fn queue(&self, name: &str) -> Option<Queue> {
        self.queues().await.into_iter().find(|queue| queue.name == name)
    }

    /// Lists the exchanges, the broker's own ones (`amq.*` and the default) left out.
    pub async fn exchanges(&self) -> Vec<Exchange> {
        let all: Vec<Exchange> = done(self.management.list(&format!("exchanges/{}", self.name)).await);
        all.into_iter()
            .filter(|exchange| !exchange.name.is_empty() && !exchange.name.starts_with("amq."))
            .collect()
    }

    /// Lists the bindings of a queue, the one every queue has to the default exchange left out.
    pub async fn bindings(&self, queue: &str) -> Vec<Binding> {
        let path = format!("queues/{}/{}/bindings", self.name, encode(queue));
        let all: Vec<Binding> = done(self.management.list(&path).await);
        all.into_iter().filter(|binding| !binding.source.is_empty()).collect()
    }

    /// Deletes a queue with its messages.
    pub async fn delete_queue(&self, queue: &str) {
        self.delete(&format!("queues/{}/{}", self.name, encode(queue))).await;
    }

    /// Deletes an exchange with its bindings.
    pub async fn delete_exchange(&self, exchange: &str) {
        self.delete(&format!("exchanges/{}/{}", self.name, encode(exchange)))
            .await;
    }

    /// Drops the waiting messages of a queue.
    pub async fn purge(&self, queue: &str) {
        self.delete(&format!("queues/{}/{}/contents", self.name, encode(queue)))
            .await;
    }

    /// Removes the binding of a queue to an exchange with this pattern; false when there is none.
    pub async fn unbind(&self, exchange: &str, queue: &str, routing_key: &str) -> bool {
        let bindings = self.bindings(queue).await;
        let found = bindings
            .iter()
            .find(|binding| binding.source == exchange && binding.routing_key == routing_key);
        if let Some(binding) = found {
            let (exchange, queue, key) = (encode(exchange), encode(queue), encode(&binding.properties_key));
            self.delete(&format!("bindings/{}/e/{exchange}/q/{queue}/{key}", self.name))
                .await;
        }
        found.is_some()
    }

    /// Closes the connections to this vhost, as an operator would; gives how many. The management hears of a new
    /// connection a moment late, so this waits (10 s at most) until there is one.
    pub async fn close_connections(&self) -> usize {
        for _ in 0..POLLS_MAX {
            let connections: Vec<Connection> =
                done(self.management.list(&format!("vhosts/{}/connections", self.name)).await);
            for connection in &connections {
                self.delete(&format!("connections/{}", encode(&connection.name))).await;
            }
            if !connections.is_empty() {
                return connections.len();
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        0
    }

    /// Sets a policy on the queues or exchanges (`apply_to`: `queues`, `exchanges`, `all`) whose name matches `pattern`,
    /// such as `{"max-length": 5, "overflow": "reject-publish"}`.
    pub async fn set_policy(&self, name: &str, pattern: &str, apply_to: &str, definition: Value) {
        let policy = json!({"pattern": pattern, "apply-to": apply_to, "definition": definition, "priority": 10});
        self.put(&format!("policies/{}/{}", self.name, encode(name)), policy)
            .await;
    }

    /// Lets the vhost have no more than so many queues.
    pub async fn limit_queues(&self, queues_max: u32) {
        self.put(
            &format!("vhost-limits/{}/max-queues", self.name),
            json!({ "value": queues_max }),
        )
        .await;
    }

    /// The management of the vhost's broker as its administrator: `http://user:password@host:port`.
    pub fn management_url(&self) -> String {
        let mut url = done(Url::parse(&self.management_url));
        let amqp = done(Url::parse(&self.amqp_url));
        let _ = url.set_username(amqp.username());
        let _ = url.set_password(amqp.password());
        url.into()
    }

    /// Removes a policy.
    pub async fn delete_policy(&self, name: &str) {
        self.delete(&format!("policies/{}/{}", self.name, encode(name))).await;
    }

    /// Declares a classic durable queue without arguments.
    pub async fn declare_queue(&self, queue: &str) {
        self.put(
            &format!("queues/{}/{}", self.name, encode(queue)),
            json!({"durable": true}),
        )
        .await;
    }

    /// Binds a queue to an exchange.
    pub async fn bind(&self, exchange: &str, queue: &str, routing_key: &str) {
        let path = format!("bindings/{}/e/{}/q/{}", self.name, encode(exchange), encode(queue));
        done(
            self.management
                .send(Method::POST, &path, Some(&json!({"routing_key": routing_key})))
                .await,
        );
    }

    /// Publishes a text message; false when no queue took it. `properties` are those of AMQP, such as
    /// `{"message_id": "1", "headers": {"position": 1}}`.
    pub async fn publish(&self, exchange: &str, routing_key: &str, properties: Value, payload: &str) -> bool {
        let exchange = if exchange.is_empty() {
            "amq.default".to_owned()
        } else {
            encode(exchange)
        };
        let message = json!({
            "routing_key": routing_key, "properties": properties, "payload": payload, "payload_encoding": "string",
        });
        let path = format!("exchanges/{}/{exchange}/publish", self.name);
        let answer = done(self.management.send(Method::POST, &path, Some(&message)).await);
        answer.get("routed").and_then(Value::as_bool).unwrap_or_default()
    }

    /// Takes up to `count` messages off a queue, acking them; each has `payload`, `properties`, `routing_key`, `exchange`.
    pub async fn take_messages(&self, queue: &str, count: u32) -> Vec<Value> {
        let request = json!({"count": count, "ackmode": "ack_requeue_false", "encoding": "auto"});
        let path = format!("queues/{}/{}/get", self.name, encode(queue));
        match done(self.management.send(Method::POST, &path, Some(&request)).await) {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        }
    }

    async fn put(&self, path: &str, body: Value) {
        done(self.management.send(Method::PUT, path, Some(&body)).await);
    }

    /// What is already gone is fine.
    async fn delete(&self, path: &str) {
        match self.management.send(Method::DELETE, path, None).await {
            Err(ManagementError::Refused {
                status: StatusCode::NOT_FOUND,
                ..
            }) => {}
            result => {
                done(result);
            }
        }
    }
}

impl Drop for TestVhost {
    /// Deletes the vhost from a thread of its own, for the test's runtime may be on its way out. Nobody waits for it
    /// when the broker itself is soon thrown away.
    fn drop(&mut self) {
        let (amqp_url, management_url) = (self.amqp_url.clone(), self.management_url.clone());
        let paths = [format!("vhosts/{}", self.name), format!("users/{}", self.user())];
        let thread = thread::Builder::new().name("delete-vhost".to_owned()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            // A client of its own: the test's one is bound to the test's runtime.
            if let Ok(management) = Management::new(&management_url, &amqp_url) {
                for path in paths {
                    let _ = runtime.block_on(management.send(Method::DELETE, &path, None));
                }
            }
        });
        if let (Ok(thread), false) = (thread, self.disposable_broker) {
            let _ = thread.join();
        }
    }
}

#[expect(clippy::panic, reason = "a test cannot go on without its vhost")]
fn done<T, E: std::error::Error>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}", with_causes(&error)),
    }
}
