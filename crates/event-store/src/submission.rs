//! Gets a batch answered by the database, whatever becomes of the connection on the way.
//!
//! See [`crate::writer`] for the states and guarantees this is part of.

use std::time::Duration;

use backon::BackoffBuilder;
use domain::Position;
use metrics::{counter, histogram};
use sqlx::{Connection, PgConnection};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::append::{Append, AppendOutcome, BatchAnswer, append};
use crate::cache::AggregateCache;
use crate::connect::{Connect, Moved};
use crate::error::StoreError;
use crate::landmark::{Landmark, Lost};
use crate::metric;
use crate::standby::Standby;
use crate::warnings::Warnings;
use crate::writer::Answer;

/// The longest first pause, and the longest of all, between two attempts at a batch.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// The writer's connection, made anew whenever it has failed.
#[derive(Debug)]
pub(crate) struct Submission {
    connect: Connect,
    standby: Standby,
    /// Emptied at each new connection: it may lead to a log that went back.
    cache: AggregateCache,
    warnings: Warnings,
    landmark: Landmark,
    attempt_timeout: Duration,
    connection: Option<PgConnection>,
    /// As of before the connection was made.
    moved: Moved,
}

impl Submission {
    pub(crate) fn new(connect: Connect, standby: Standby, cache: AggregateCache, attempt_timeout: Duration) -> Self {
        Self {
            connect,
            standby,
            cache,
            warnings: Warnings::new(),
            landmark: Landmark::default(),
            attempt_timeout,
            connection: None,
            moved: None,
        }
    }

    /// Says goodbye to the server.
    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            let _ = timeout(self.attempt_timeout, connection.close()).await;
        }
    }

    /// Submits a batch; when the database refuses its data, each command by itself.
    pub(crate) async fn submit_or_split(&mut self, appends: &[Append], deadline: Instant) -> Vec<Answer> {
        let started = Instant::now();
        let whole = self.submit(appends, deadline).await;
        histogram!(metric::APPEND_BATCH_SECONDS).record(started.elapsed().as_secs_f64());
        match whole {
            Ok(answer) => answers(answer),
            Err(StoreError::Refused(_)) if appends.len() > 1 => {
                let mut all = Vec::with_capacity(appends.len());
                for append in appends {
                    match self.submit(std::slice::from_ref(append), deadline).await {
                        Ok(answer) => all.extend(answers(answer)),
                        Err(error) => all.push(Err(error)),
                    }
                }
                all
            }
            Err(StoreError::Diverged { position }) => {
                appends.iter().map(|_| Err(StoreError::Diverged { position })).collect()
            }
            Err(StoreError::OutcomeUnknown) => appends.iter().map(|_| Err(StoreError::OutcomeUnknown)).collect(),
            Err(error) => {
                // One error for many commands: the first carries the cause, the others the kind.
                let mut first = Some(error);
                appends
                    .iter()
                    .map(|_| Err(first.take().unwrap_or(StoreError::Unavailable(None))))
                    .collect()
            }
        }
    }

    /// Sends a batch, again and again while connections fail, until it is answered or the deadline has come.
    async fn submit(&mut self, appends: &[Append], deadline: Instant) -> Result<BatchAnswer, StoreError> {
        let mut pauses = pauses::doubling(PAUSE_MIN, PAUSE_MAX).build();
        let mut sent = false;
        loop {
            let attempt_deadline = deadline.min(Instant::now() + self.attempt_timeout);
            match self.attempt(appends, attempt_deadline, &mut sent).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Database(error)) => {
                    if is_refusal_of_data(&error) {
                        return Err(StoreError::Refused(error));
                    }
                    tracing::warn!(error = %error, commands = appends.len(), sent, "append attempt failed");
                    if Instant::now() >= deadline && !sent {
                        return Err(StoreError::Unavailable(Some(error)));
                    }
                }
                Err(Failure::Timeout) => tracing::warn!(commands = appends.len(), sent, "append attempt timed out"),
                Err(Failure::Diverged(position)) if sent => {
                    tracing::warn!(position = position.0, "the log went back after a batch was sent");
                    return Err(StoreError::OutcomeUnknown);
                }
                Err(Failure::Diverged(position)) => return Err(StoreError::Diverged { position }),
                Err(Failure::Replaced) => {
                    tracing::warn!("the log has a new identity since a batch was sent");
                    return Err(StoreError::OutcomeUnknown);
                }
            }
            // Whatever state the connection is in, its answer would no longer be ours.
            self.connection = None;
            let pause = pauses.next().unwrap_or_default();
            if Instant::now() + pause >= deadline {
                return Err(if sent {
                    StoreError::OutcomeUnknown
                } else {
                    StoreError::Unavailable(None)
                });
            }
            sleep(pause).await;
            #[cfg(feature = "sabotage")]
            if sent && sabotage::Sabotage::LookupForResubmission.is_on() && !self.finds(appends).await {
                return Err(StoreError::Unavailable(None));
            }
            if sent {
                counter!(metric::APPEND_RESUBMISSIONS).increment(1);
            }
        }
    }

    /// Looks for the batch's events, as must not be done: the first copy may still be on its way.
    #[cfg(feature = "sabotage")]
    async fn finds(&self, appends: &[Append]) -> bool {
        let ids: Vec<_> = appends
            .iter()
            .flat_map(|append| &append.events)
            .map(|event| event.event_id)
            .collect();
        let Ok(mut connection) = self.connect.connect().await else {
            return false;
        };
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM events WHERE event_id = ANY ($1))").bind(ids);
        found.fetch_one(&mut connection).await.unwrap_or(false)
    }

    /// One attempt; `sent` tells whether the batch may have reached the database.
    async fn attempt(
        &mut self,
        appends: &[Append],
        deadline: Instant,
        sent: &mut bool,
    ) -> Result<BatchAnswer, Failure> {
        if self.moved != self.connect.moved() {
            self.connection = None;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                self.moved = self.connect.moved();
                let connecting = connect(&self.connect, &mut self.warnings, self.attempt_timeout);
                let mut connected = timeout_at(deadline, connecting).await??;
                let found = timeout_at(deadline, self.landmark.find(&mut connected)).await??;
                self.standby.follow(found.server);
                self.cache.clear();
                let connection = self.connection.insert(connected);
                if let Some(log_id) = found.new_log {
                    return decided_on_another_log(appends, log_id, *sent);
                }
                connection
            }
        };
        let before = *sent;
        *sent = true;
        let answering = self.warnings.listen(append(connection, appends));
        let (answer, warning) = timeout_at(deadline, answering).await?;
        if let Err(sqlx::Error::Database(error)) = &answer
            && !is_fatal(error.code().as_deref())
        {
            // The server answered with an error, so this copy is rolled back; an earlier copy may still be about.
            *sent = before;
        }
        let answer = answer?;
        if let Some(warning) = warning {
            if answer.synchronous {
                let unsure = format!("the server warned beside its answer, which therefore does not count: {warning}");
                return Err(sqlx::Error::Protocol(unsure).into());
            }
            tracing::warn!(warning, "the server warned beside its answer");
        }
        let patience = deadline.saturating_duration_since(Instant::now());
        if answer.awaits_standby && !self.standby.has_all(patience).await {
            return Err(Failure::Timeout);
        }
        if self.moved != self.connect.moved() {
            let late = "the primary was found elsewhere meanwhile, so this answer does not count";
            return Err(sqlx::Error::Protocol(late.into()).into());
        }
        self.landmark.remember(answer.log_id, last_event(appends, &answer));
        Ok(answer)
    }
}

/// What was decided on the states of a log that has been replaced is not appended to the new one, although its streams may have
/// come to the same sequences: it is decided again. Of what was sent nobody knows if the old log had it in time.
fn decided_on_another_log(appends: &[Append], log_id: Uuid, sent: bool) -> Result<BatchAnswer, Failure> {
    if sent {
        return Err(Failure::Replaced);
    }
    Ok(BatchAnswer {
        log_id,
        outcomes: appends.iter().map(|_| AppendOutcome::Conflict).collect(),
        synchronous: false,
        awaits_standby: false,
    })
}

/// Where the last of the batch's events is.
fn last_event(appends: &[Append], answer: &BatchAnswer) -> Option<(Position, Uuid)> {
    let places = appends.iter().zip(&answer.outcomes);
    let events = places.filter_map(|(append, outcome)| match outcome {
        AppendOutcome::Appended { position, .. } => Some((*position, append.events.last()?.event_id)),
        _ => None,
    });
    events.max_by_key(|(position, _)| *position)
}

/// Why an attempt gave no answer.
enum Failure {
    Timeout,
    Database(sqlx::Error),
    /// The log lacks the event that was at this position.
    Diverged(Position),
    /// The log has another identity than the one the batch was sent to.
    Replaced,
}

impl From<Elapsed> for Failure {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Database(error) => Self::Database(error),
            Lost::Diverged(position) => Self::Diverged(position),
        }
    }
}

async fn connect(
    connect: &Connect,
    warnings: &mut Warnings,
    attempt_timeout: Duration,
) -> Result<PgConnection, sqlx::Error> {
    let mut connection = connect.connect().await?;
    // An attempt that was given up must not go on holding the log's lock.
    let settings = format!("SET statement_timeout = {}", attempt_timeout.as_millis());
    warnings.prepare(&mut connection, &settings).await?;
    Ok(connection)
}

fn answers(answer: BatchAnswer) -> Vec<Answer> {
    let log_id = answer.log_id;
    answer
        .outcomes
        .into_iter()
        .map(|outcome| Ok((log_id, outcome)))
        .collect()
}

/// SQLSTATE class 22 (data exception) and 23 (integrity constraint): the same data is refused again.
fn is_refusal_of_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// SQLSTATE class 57P (operator intervention) and 58 (system error): they can strike while the commit is under way.
fn is_fatal(code: Option<&str>) -> bool {
    code.is_none_or(|code| code.starts_with("57P") || code.starts_with("58") || code.starts_with("XX"))
}
