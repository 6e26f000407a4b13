//! Announces movies over many connections at once, each until it is answered.

use std::time::Duration;

use backon::Retryable;
use futures::{StreamExt, stream};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::plan::Announcement;
use crate::api::Api;

/// Longer than the services take to answer that an outcome is unknown.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const REPEATS_MAX: usize = 6;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What became of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The movie is announced.
    New,
    /// It was, with the same words or others.
    There,
    /// It was, and is withdrawn; that is left so.
    Withdrawn,
    /// The service refused it.
    Refused(String),
    /// There was no answer, or none that says what became of it.
    Unanswered(String),
}

/// Announces all of them, in any order; tells of each once it is answered. Ends early when it is told to stop, or when one is
/// not answered: then those on their way are waited for, and no other is begun.
pub(crate) async fn send<'a>(
    api: &Api,
    announcements: impl Iterator<Item = (usize, &'a Announcement)>,
    connections: usize,
    stop: &CancellationToken,
    mut tell: impl FnMut(usize, Sent),
) {
    let gone_wrong = stop.child_token();
    let begun = announcements.take_while(|_| !gone_wrong.is_cancelled());
    let mut sent = stream::iter(begun)
        .map(|(place, announcement)| {
            let gone_wrong = &gone_wrong;
            async move { (place, send_one(api, announcement, gone_wrong).await) }
        })
        .buffer_unordered(connections);
    while let Some((place, sent)) = sent.next().await {
        if matches!(sent, Sent::Unanswered(_)) {
            gone_wrong.cancel();
        }
        tell(place, sent);
    }
}

/// The id makes a repetition safe: what was announced by an answer that was lost is there then. Once it is told to stop,
/// nothing is repeated.
async fn send_one(api: &Api, announcement: &Announcement, stop: &CancellationToken) -> Sent {
    let pauses = pauses::doubling(PAUSE_MIN, PAUSE_MAX).with_max_times(REPEATS_MAX);
    let sending = (|| send_once(api, announcement))
        .retry(pauses)
        .when(|_| !stop.is_cancelled());
    sending.await.unwrap_or_else(Sent::Unanswered)
}

async fn send_once(api: &Api, announcement: &Announcement) -> Result<Sent, String> {
    let response = api
        .client()
        .post(format!("{}/movies", api.url()))
        .timeout(REQUEST_TIMEOUT)
        .header(CONTENT_TYPE, "application/json")
        .body(announcement.body.clone())
        .send()
        .await
        .map_err(|error| service::with_causes(&error.without_url()))?;
    answered(response).await
}

/// What is worth another try is an error.
async fn answered(response: Response) -> Result<Sent, String> {
    let status = response.status();
    let body = response
        .bytes()
        .await
        .map_err(|error| service::with_causes(&error.without_url()))?;
    if status.is_success() {
        return Ok(Sent::New);
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (status, problem["code"].as_str()) {
        (StatusCode::CONFLICT, Some("MOVIE_ALREADY_EXISTS")) => Ok(Sent::There),
        (StatusCode::GONE, Some("MOVIE_WITHDRAWN")) => Ok(Sent::Withdrawn),
        (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY, Some(code)) => {
            Ok(Sent::Refused(reason(code, &problem)))
        }
        (_, code) => Err(format!("{status} {}", code.unwrap_or("without a reason"))),
    }
}

fn reason(code: &str, problem: &Value) -> String {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<String> = errors
        .iter()
        .filter_map(|error| Some(format!("{} {}", error["pointer"].as_str()?, error["detail"].as_str()?)))
        .collect();
    if fields.is_empty() {
        let detail = problem["detail"].as_str().unwrap_or_default();
        format!("{code}: {detail}")
    } else {
        format!("{code}: {}", fields.join("; "))
    }
}
