//! The demo set: real film titles and cities, posted to the command API like any client would.

use chrono::{Days, NaiveDate, Utc};
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{ApiArgs, ApiError};

const DEMO: &str = include_str!("seed/demo.json");
const REQUESTS_AT_ONCE: usize = 8;
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// Settings of `marquee seed`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    api: ApiArgs,
}

/// Why the demo set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the command API at {url} could not be asked to {method} {path}")]
    Request {
        url: String,
        method: Method,
        path: String,
        source: reqwest::Error,
    },
    #[error("the command API refused to {method} {path} with {status}: {detail}")]
    Refused {
        method: Method,
        path: String,
        status: StatusCode,
        detail: String,
    },
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seeded {
    pub(crate) movies: usize,
    pub(crate) cinemas: usize,
    pub(crate) users: usize,
    /// Position of the last event: whoever reads from there on sees all of it.
    pub(crate) position: i64,
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(crate) async fn run(args: SeedArgs) -> Result<(), SeedError> {
    let api = args.api.api()?;
    let Seeded {
        movies, cinemas, users, ..
    } = seed(api.client(), api.url()).await?;
    println!("The demo set is loaded: {movies} movies, {cinemas} cinemas, {users} users.");
    Ok(())
}

#[derive(Deserialize)]
struct Demo {
    movies: Vec<DemoMovie>,
    cinemas: Vec<DemoCinema>,
    users: Vec<DemoUser>,
}

#[derive(Deserialize)]
struct DemoMovie {
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
    /// Days from today, so that some of them are premieres whenever the demo is loaded.
    premiere_in_days: i64,
}

#[derive(Deserialize)]
struct DemoCinema {
    id: String,
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
    programme: Vec<String>,
}

#[derive(Deserialize)]
struct DemoUser {
    id: String,
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
    roles: Vec<String>,
}

/// A command of the demo set.
struct Command {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Command {
    fn new(method: Method, path: impl Into<String>, body: impl Into<Option<Value>>) -> Self {
        Self {
            method,
            path: path.into(),
            body: body.into(),
        }
    }
}

/// Posts the demo set to the command API at `url`; its premieres are counted from today.
///
/// Safe to repeat: what is there already stays as it is.
///
/// # Errors
/// [`SeedError`] at the first command that was not accepted; those before it were.
pub(crate) async fn seed(client: &Client, url: &str) -> Result<Seeded, SeedError> {
    let demo: Demo = serde_json::from_str(DEMO).expect("the demo set is valid JSON of its shape");
    let (movies, cinemas, users) = (demo.movies.len(), demo.cinemas.len(), demo.users.len());
    let today = Utc::now().date_naive();
    let mut position = 0;
    // Each step needs the one before it: programmes name movies, roles are given to users.
    let (registrations, grants) = registrations(demo.users);
    for step in [
        announcements(demo.movies, today),
        openings(&demo.cinemas),
        programmes(&demo.cinemas),
        registrations,
        grants,
    ] {
        let positions: Vec<i64> = stream::iter(step)
            .map(|command| send(client, url, command))
            .buffer_unordered(REQUESTS_AT_ONCE)
            .try_collect()
            .await?;
        position = positions.into_iter().fold(position, i64::max);
    }
    Ok(Seeded {
        movies,
        cinemas,
        users,
        position,
    })
}

fn announcements(movies: Vec<DemoMovie>, today: NaiveDate) -> Vec<Command> {
    let announce = |movie: DemoMovie| {
        let days = Days::new(movie.premiere_in_days.unsigned_abs());
        let premiere = if movie.premiere_in_days < 0 {
            today - days
        } else {
            today + days
        };
        let mut body = movie.fields;
        body.insert("premiere_date".into(), json!(premiere.to_string()));
        Command::new(Method::POST, "/movies", Value::Object(body))
    };
    movies.into_iter().map(announce).collect()
}

fn openings(cinemas: &[DemoCinema]) -> Vec<Command> {
    let open = |cinema: &DemoCinema| {
        let mut body = cinema.fields.clone();
        body.insert("id".into(), json!(cinema.id));
        Command::new(Method::POST, "/cinemas", Value::Object(body))
    };
    cinemas.iter().map(open).collect()
}

fn programmes(cinemas: &[DemoCinema]) -> Vec<Command> {
    let programme = |cinema: &DemoCinema| {
        let paths: Vec<_> = cinema
            .programme
            .iter()
            .map(|movie| format!("/cinemas/{}/programme/{movie}", cinema.id))
            .collect();
        paths.into_iter().map(|path| Command::new(Method::PUT, path, None))
    };
    cinemas.iter().flat_map(programme).collect()
}

fn registrations(users: Vec<DemoUser>) -> (Vec<Command>, Vec<Command>) {
    let (mut registrations, mut grants) = (Vec::new(), Vec::new());
    for DemoUser {
        id,
        fields: mut body,
        roles,
    } in users
    {
        let path = format!("/users/{id}/roles");
        grants.extend(
            roles
                .iter()
                .map(|role| Command::new(Method::POST, path.clone(), json!({ "role": role }))),
        );
        body.insert("id".into(), json!(id));
        registrations.push(Command::new(Method::POST, "/users", Value::Object(body)));
    }
    (registrations, grants)
}

/// Sends one command; the position it was answered with, 0 when its subject is there already.
async fn send(client: &Client, url: &str, command: Command) -> Result<i64, SeedError> {
    let Command { method, path, body } = command;
    let mut request = client
        .request(method.clone(), format!("{url}{path}"))
        .timeout(REQUEST_TIMEOUT);
    if let Some(body) = &body {
        request = request.json(body);
    }
    let failed = |source| SeedError::Request {
        url: url.into(),
        method: method.clone(),
        path: path.clone(),
        source,
    };
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    // Somebody else's, or deleted since: it is not ours to change.
    let there_already = status == StatusCode::CONFLICT || status == StatusCode::GONE;
    let answer: Value = response.json().await.unwrap_or_default();
    if status.is_success() || there_already {
        return Ok(answer["position"].as_i64().unwrap_or_default());
    }
    let detail = answer["detail"].as_str().unwrap_or("no reason given").to_owned();
    Err(SeedError::Refused {
        method,
        path,
        status,
        detail,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DEMO, Demo};

    #[test]
    fn the_demo_set_is_complete_in_itself() {
        let demo: Demo = serde_json::from_str(DEMO).expect("valid");
        let movies: HashSet<_> = demo
            .movies
            .iter()
            .map(|movie| movie.fields["id"].as_str().expect("id"))
            .collect();
        assert_eq!(movies.len(), demo.movies.len(), "no movie twice");
        for movie in demo.cinemas.iter().flat_map(|cinema| &cinema.programme) {
            assert!(
                movies.contains(movie.as_str()),
                "{movie} is on a programme and not in the demo set"
            );
        }
    }
}
