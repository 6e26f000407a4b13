//! What one look at the services has found: an answer of each, or why there is none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use projections::Name;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::projection::view::ProjectionView;

/// All that is known of the services behind one address.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) url: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) readiness: Answer<Readiness>,
    pub(crate) event_store: Answer<EventStore>,
    pub(crate) relay: Answer<Relay>,
    pub(crate) projections: Vec<(&'static str, Answer<ProjectionView>)>,
}

/// `/readyz`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Readiness {
    pub(crate) checks: BTreeMap<String, Check>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) detail: String,
}

/// `GET /event-store`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EventStore {
    pub(crate) log_id: Option<String>,
    pub(crate) head: Option<i64>,
    pub(crate) recorded_at: Option<DateTime<Utc>>,
}

/// `GET /relay`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Relay {
    pub(crate) leader: Option<Leader>,
    /// What part the process that answered plays.
    #[serde(rename = "this")]
    pub(crate) role: Option<String>,
    pub(crate) position: Option<i64>,
    pub(crate) head: Option<i64>,
    pub(crate) lag_events: Option<i64>,
    pub(crate) broker: Option<String>,
    pub(crate) halted: Option<Halt>,
    pub(crate) last_error: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Leader {
    pub(crate) holder: String,
    pub(crate) epoch: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Halt {
    pub(crate) code: String,
    pub(crate) reason: String,
}

impl Snapshot {
    /// Asks everything at once; what does not answer in time is away.
    pub(crate) async fn take(api: &Api) -> Self {
        let (readiness, event_store, relay, projections) = tokio::join!(
            api.look_at("/readyz"),
            api.look_at("/event-store"),
            api.look_at("/relay"),
            every_projection(api),
        );
        Self {
            url: api.shown_url().to_owned(),
            at: Utc::now(),
            readiness,
            event_store,
            relay,
            projections,
        }
    }

    /// One object for machines: the answers as they were sent, null where there is none, and what is not healthy.
    pub(crate) fn json(&self, problems: &[String]) -> Value {
        let projections: serde_json::Map<String, Value> = self
            .projections
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.sent()))
            .collect();
        json!({
            "url": self.url,
            "at": self.at,
            "healthy": problems.is_empty(),
            "problems": problems,
            "readiness": self.readiness.sent(),
            "event_store": self.event_store.sent(),
            "relay": self.relay.sent(),
            "projections": projections,
        })
    }
}

/// Asks for each projection by itself: behind a front door each is served by a process of its own.
pub(crate) async fn every_projection(api: &Api) -> Vec<(&'static str, Answer<ProjectionView>)> {
    let look = |name: &'static str| async move { (name, api.look_at(&format!("/projections/{name}")).await) };
    futures::future::join_all(Name::ALL.map(|name| look(name.as_str()))).await
}
