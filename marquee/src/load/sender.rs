//! Sends a command until it is answered, and says how.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::Retryable;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::command::{Request, Settled};
use crate::api::Api;

/// Longer than the services take to answer that an outcome is unknown.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How often one is sent again with the same key.
const REPEATS_MAX: usize = 3;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Codes are short; what is longer came from something else.
const CODE_LENGTH_MAX: usize = 40;

/// How a command was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    /// With this code or status; nothing was changed.
    Refused(String),
    /// Too much is asked of the service at the moment; nothing was changed.
    Busy(String),
    /// Not answered, or not as it should be.
    Failed(String),
}

impl Outcome {
    pub(crate) fn settled(&self) -> Settled {
        match self {
            Self::Accepted => Settled::Accepted,
            Self::Refused(_) | Self::Busy(_) => Settled::NothingChanged,
            Self::Failed(_) => Settled::Unknown,
        }
    }
}

/// Why it is to be sent again: nobody knows what became of it.
#[derive(Debug, PartialEq, Eq)]
struct Unanswered(String);

/// How a command ended, and how often it was sent again for that.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    pub(crate) repeats: u32,
}

/// Sends commands to the services. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    client: Client,
    url: Arc<str>,
}

impl Sender {
    pub(crate) fn new(api: &Api) -> Self {
        Self {
            client: api.client().clone(),
            url: api.url().into(),
        }
    }

    /// Sends a command; again with its key, a bounded number of times, while it is not answered.
    pub(crate) async fn send(&self, request: &Request) -> Answered {
        let repeats = AtomicU32::new(0);
        let pauses = pauses::doubling(PAUSE_MIN, PAUSE_MAX).with_max_times(REPEATS_MAX);
        let sending = (|| self.send_once(request)).retry(pauses).notify(|_, _| {
            repeats.fetch_add(1, Ordering::Relaxed);
        });
        let outcome = sending.await.unwrap_or_else(|Unanswered(kind)| Outcome::Failed(kind));
        Answered {
            outcome,
            repeats: repeats.into_inner(),
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Outcome, Unanswered> {
        let url = format!("{}{}", self.url, request.path);
        let mut sending = self
            .client
            .request(request.method.clone(), url)
            .timeout(REQUEST_TIMEOUT)
            .header("idempotency-key", &request.key);
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let response = sending.send().await.map_err(|error| unanswered(&error))?;
        outcome(response).await
    }
}

fn unanswered(error: &reqwest::Error) -> Unanswered {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "not connected"
    } else {
        "connection lost"
    };
    Unanswered(kind.to_owned())
}

async fn outcome(response: Response) -> Result<Outcome, Unanswered> {
    let status = response.status();
    let asks_to_wait = response.headers().contains_key(RETRY_AFTER);
    let body = response.bytes().await.map_err(|error| unanswered(&error))?;
    if status.is_success() {
        return Ok(Outcome::Accepted);
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    outcome_of(status, asks_to_wait, problem["code"].as_str())
}

/// What an answer that is no success says.
fn outcome_of(status: StatusCode, asks_to_wait: bool, code: Option<&str>) -> Result<Outcome, Unanswered> {
    let is_code =
        |code: &&str| code.len() <= CODE_LENGTH_MAX && code.bytes().all(|one| one.is_ascii_uppercase() || one == b'_');
    let told = code
        .filter(is_code)
        .map_or_else(|| format!("HTTP {}", status.as_u16()), str::to_owned);
    match (status, code) {
        // A front door that reaches no service, and an address that belongs to another one now, are asked again.
        (StatusCode::SERVICE_UNAVAILABLE, Some("OUTCOME_UNKNOWN" | "SERVICE_UNAVAILABLE"))
        | (StatusCode::MISDIRECTED_REQUEST, _) => Err(Unanswered(told)),
        // It is away, and no pause makes it more able.
        (StatusCode::SERVICE_UNAVAILABLE, Some("EVENT_STORE_UNAVAILABLE")) => Ok(Outcome::Failed(told)),
        (StatusCode::SERVICE_UNAVAILABLE, _) if asks_to_wait => Ok(Outcome::Busy(told)),
        _ if status.is_client_error() => Ok(Outcome::Refused(told)),
        _ => Ok(Outcome::Failed(told)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::{Outcome, Unanswered, outcome_of};

    #[test]
    fn what_is_wrong_with_a_command_is_told_from_what_is_wrong_with_the_service() {
        let refused = |text: &str| Ok(Outcome::Refused(text.to_owned()));
        let busy = |text: &str| Ok(Outcome::Busy(text.to_owned()));
        let failed = |text: &str| Ok(Outcome::Failed(text.to_owned()));
        let repeated = |text: &str| Err(Unanswered(text.to_owned()));
        for (status, asks_to_wait, code, outcome) in [
            (404, false, Some("USER_NOT_FOUND"), refused("USER_NOT_FOUND")),
            (409, true, Some("CONFLICT"), refused("CONFLICT")),
            (429, true, None, refused("HTTP 429")),
            (503, true, Some("WRITER_BUSY"), busy("WRITER_BUSY")),
            (503, true, None, busy("HTTP 503")),
            (503, false, None, failed("HTTP 503")),
            (
                503,
                true,
                Some("EVENT_STORE_UNAVAILABLE"),
                failed("EVENT_STORE_UNAVAILABLE"),
            ),
            (503, true, Some("OUTCOME_UNKNOWN"), repeated("OUTCOME_UNKNOWN")),
            (503, true, Some("SERVICE_UNAVAILABLE"), repeated("SERVICE_UNAVAILABLE")),
            (421, true, Some("MISDIRECTED_REQUEST"), repeated("MISDIRECTED_REQUEST")),
            (500, false, Some("INTERNAL_ERROR"), failed("INTERNAL_ERROR")),
            (502, false, Some("\u{1b}[2J"), failed("HTTP 502")),
            (301, false, None, failed("HTTP 301")),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(outcome_of(status, asks_to_wait, code), outcome, "{status} {code:?}");
        }
    }
}
