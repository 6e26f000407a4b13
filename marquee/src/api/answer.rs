//! What came back from one endpoint of several that are asked at once, where a missing one is no failure.

use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{Api, ApiError, Refusal};

/// A service that takes longer counts as away. Its own checks take up to 2 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer, or why there is none.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// What it says, as it was sent and as it was understood.
    Given { sent: Value, understood: T },
    /// Nobody at this address serves it.
    NotServed,
    /// It is not to be had; why, in one line.
    Away(String),
}

impl<T> Answer<T> {
    pub(crate) fn understood(&self) -> Option<&T> {
        match self {
            Self::Given { understood, .. } => Some(understood),
            Self::NotServed | Self::Away(_) => None,
        }
    }

    /// As it was sent; null when it was not.
    pub(crate) fn sent(&self) -> Value {
        match self {
            Self::Given { sent, .. } => sent.clone(),
            Self::NotServed | Self::Away(_) => Value::Null,
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    pub(crate) fn is_not_served(&self) -> bool {
        matches!(self, Self::NotServed)
    }
}

impl Api {
    /// Asks an endpoint that may be missing or away.
    pub(crate) async fn look_at<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        match self.get_any(path, ANSWER_TIMEOUT).await {
            Ok((status, body)) => answer(path, status, &body),
            Err(ApiError::Unreachable { .. }) => Answer::Away("nothing answers at this address".to_owned()),
            Err(error) => Answer::Away(service::with_causes(&error)),
        }
    }
}

fn answer<T: DeserializeOwned>(path: &str, status: StatusCode, body: &[u8]) -> Answer<T> {
    if status == StatusCode::NOT_FOUND {
        return Answer::NotServed;
    }
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let understood = parsed.and_then(|sent| Some((T::deserialize(&sent).ok()?, sent)));
    match understood {
        // Not ready is told with 503, in the same shape.
        Some((understood, sent)) if status.is_success() || path == "/readyz" => Answer::Given { sent, understood },
        _ => Answer::Away(Refusal::of(format!("GET {path}"), status, None, body).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::Value;

    use super::{Answer, answer};

    #[test]
    fn a_process_that_is_not_ready_has_answered() {
        let body = br#"{"ready": false, "checks": {}}"#;
        let given: Answer<Value> = answer("/readyz", StatusCode::SERVICE_UNAVAILABLE, body);
        assert_eq!(given.understood().expect("understood")["ready"], false);
    }

    #[test]
    fn what_is_not_served_or_away_is_told_apart() {
        let missing: Answer<Value> = answer("/event-store", StatusCode::NOT_FOUND, b"<html>");
        assert!(missing.is_not_served());
        let problem = br#"{"code": "EVENT_STORE_UNAVAILABLE", "detail": "it does not answer"}"#;
        let away: Answer<Value> = answer("/event-store", StatusCode::SERVICE_UNAVAILABLE, problem);
        let Answer::Away(reason) = away else { panic!("{away:?}") };
        assert_eq!(reason, "it does not answer (EVENT_STORE_UNAVAILABLE, HTTP 503)");
    }
}
