//! The group-commit writer: the one task of a process that appends.
//!
//! # States
//!
//! ```text
//! idle ──command──▶ sending ──answer──▶ idle (or sending the next batch at once)
//!                    │    ▲
//!      connection lost    │ the same batch again, on a new connection
//!                    ▼    │
//!                 resubmitting ──deadline──▶ the batch's commands fail, idle
//! ```
//!
//! # Guarantees
//!
//! - Whatever is queued when the connection becomes free goes out in one call, without a timer: a command alone goes
//!   at once, and under load batches grow by themselves.
//! - Commands on one stream are appended in the order they were queued.
//! - A command is answered only after its transaction is committed, or with certainty that it was refused; otherwise
//!   with [`StoreError::OutcomeUnknown`].
//! - The queue is bounded: a full one refuses at once. What was queued is answered, also when the writer is stopped.
//!
//! # Failure
//!
//! When the connection breaks after a batch was sent, the *same* batch (same event ids and keys) is sent again: the
//! append function answers what is already in the log with its original result, so whichever copy runs second changes
//! nothing. To look the events up instead would not do: the first copy may still be on its way and commit later.
//! When the database refuses a batch for its data, the commands are sent one by one, so that only the culprit fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::{counter, histogram};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::append::{Append, AppendOutcome, BatchAnswer, append};
use crate::batch::{BatchLimits, next_batch};
use crate::error::StoreError;
use crate::metric;
use crate::wake::notify_others;

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Commands that may wait; one more is refused with [`StoreError::Busy`].
    pub queue_commands_max: usize,
    /// Commands in one batch.
    pub batch_commands_max: usize,
    /// Bytes of payloads in one batch.
    pub batch_bytes_max: usize,
    /// From queueing to the last moment an answer is waited for, resubmissions included.
    pub append_timeout: Duration,
    /// One attempt: connecting, sending and the answer.
    pub attempt_timeout: Duration,
    /// Signalled after every batch that appended something, for a relay in the same process.
    pub appended: Option<Arc<Notify>>,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            queue_commands_max: 4096,
            batch_commands_max: 256,
            batch_bytes_max: 1 << 20,
            append_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(4),
            appended: None,
        }
    }
}

/// A command's answer, with the log it was appended to.
pub(crate) type Answer = Result<(Uuid, AppendOutcome), StoreError>;

struct Queued {
    append: Append,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Queued {
    fn answer(self, answer: Answer) {
        // Who asked may be gone, for clients hang up; what was appended stays appended.
        let _ = self.answer.send(answer);
    }
}

/// Where commands are queued. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct WriterQueue {
    commands: mpsc::Sender<Queued>,
    append_timeout: Duration,
}

impl WriterQueue {
    /// Queues a command and waits for its answer.
    pub(crate) async fn append(&self, append: Append) -> Answer {
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::now() + self.append_timeout;
        match self.commands.try_send(Queued {
            append,
            deadline,
            answer,
        }) {
            Ok(()) => answered.await.unwrap_or(Err(StoreError::OutcomeUnknown)),
            Err(mpsc::error::TrySendError::Full(_)) => {
                counter!(metric::APPEND_REFUSED).increment(1);
                Err(StoreError::Busy)
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Stopped),
        }
    }
}

/// The group-commit loop; [`Writer::run`] is a task of the process.
#[derive(Debug)]
pub struct Writer {
    config: WriterConfig,
    options: PgConnectOptions,
    commands: mpsc::Receiver<Queued>,
    connection: Option<PgConnection>,
    others: Arc<Notify>,
}

impl Writer {
    /// Makes a writer that connects with `options`, and the queue that feeds it.
    pub(crate) fn new(options: PgConnectOptions, config: WriterConfig) -> (WriterQueue, Self) {
        let (sender, commands) = mpsc::channel(config.queue_commands_max.max(1));
        // An attempt that was given up must not go on holding the log's lock.
        let options = options.options([("statement_timeout", config.attempt_timeout.as_millis())]);
        let queue = WriterQueue {
            commands: sender,
            append_timeout: config.append_timeout,
        };
        (
            queue,
            Self {
                config,
                options,
                commands,
                connection: None,
                others: Arc::default(),
            },
        )
    }

    /// Appends until stopped; then refuses new commands, answers those already queued, and returns.
    pub async fn run(mut self, stop: CancellationToken) {
        let notifier_stop = CancellationToken::new();
        let notifier = tokio::spawn(notify_others(
            self.others.clone(),
            self.options.clone(),
            notifier_stop.child_token(),
        ));
        let _stop_notifier = notifier_stop.drop_guard();
        let mut queue = VecDeque::new();
        loop {
            if queue.is_empty() {
                match stop.run_until_cancelled(self.commands.recv()).await {
                    Some(Some(command)) => queue.push_back(command),
                    Some(None) => break,
                    None => {
                        self.commands.close();
                        match self.commands.recv().await {
                            Some(command) => queue.push_back(command),
                            None => break,
                        }
                    }
                }
            }
            while queue.len() < self.config.queue_commands_max
                && let Ok(command) = self.commands.try_recv()
            {
                queue.push_back(command);
            }
            self.append_next(&mut queue).await;
        }
        if let Some(connection) = self.connection.take() {
            let _ = tokio::time::timeout(self.config.attempt_timeout, connection.close()).await;
        }
        drop(_stop_notifier);
        let _ = notifier.await;
    }

    /// One iteration: takes a batch off the queue, appends it and answers its commands.
    async fn append_next(&mut self, queue: &mut VecDeque<Queued>) {
        let limits = BatchLimits {
            commands_max: self.config.batch_commands_max.max(1),
            bytes_max: self.config.batch_bytes_max,
        };
        let batch = next_batch(queue, limits, |queued| &queued.append);
        let now = Instant::now();
        let (batch, expired): (Vec<_>, Vec<_>) = batch.into_iter().partition(|queued| queued.deadline > now);
        for queued in expired {
            queued.answer(Err(StoreError::Unavailable(None)));
        }
        if batch.is_empty() {
            return;
        }
        histogram!(metric::APPEND_BATCH_COMMANDS).record(batch.len() as f64);
        let (appends, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|queued| (queued.append, (queued.deadline, queued.answer)))
            .unzip();
        let deadline = waiting.iter().map(|(deadline, _)| *deadline).max().unwrap_or(now);
        let answers = self.submit_or_split(&appends, deadline).await;
        if answers
            .iter()
            .any(|answer| matches!(answer, Ok((_, AppendOutcome::Appended { .. }))))
        {
            self.others.notify_one();
            if let Some(appended) = &self.config.appended {
                appended.notify_one();
            }
        }
        for ((append, (deadline, answer)), result) in appends.into_iter().zip(waiting).zip(answers) {
            count(&append, &result);
            Queued {
                append,
                deadline,
                answer,
            }
            .answer(result);
        }
    }

    /// Submits a batch; when the database refuses its data, each command by itself.
    async fn submit_or_split(&mut self, appends: &[Append], deadline: Instant) -> Vec<Answer> {
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
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(500))
            .with_jitter()
            .without_max_times()
            .build();
        let mut sent = false;
        loop {
            let attempt_deadline = deadline.min(Instant::now() + self.config.attempt_timeout);
            let error = match self.attempt(appends, attempt_deadline, &mut sent).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let Some(error) = error {
                if is_refusal_of_data(&error) {
                    return Err(StoreError::Refused(error));
                }
                tracing::warn!(error = %error, commands = appends.len(), sent, "append attempt failed");
                if Instant::now() >= deadline && !sent {
                    return Err(StoreError::Unavailable(Some(error)));
                }
            } else {
                tracing::warn!(commands = appends.len(), sent, "append attempt timed out");
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
            if sent {
                counter!(metric::APPEND_RESUBMISSIONS).increment(1);
            }
        }
    }

    /// One attempt. `Err(None)` is a timeout; `sent` tells whether the batch may have reached the database.
    async fn attempt(
        &mut self,
        appends: &[Append],
        deadline: Instant,
        sent: &mut bool,
    ) -> Result<BatchAnswer, Option<sqlx::Error>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let connected = timeout_at(deadline, self.options.connect()).await.map_err(|_| None)??;
                self.connection.insert(connected)
            }
        };
        let before = *sent;
        *sent = true;
        let answer = timeout_at(deadline, append(connection, appends))
            .await
            .map_err(|_| None)?;
        if let Err(sqlx::Error::Database(error)) = &answer
            && !is_fatal(error.code().as_deref())
        {
            // The server answered with an error, so this copy is rolled back; an earlier copy may still be about.
            *sent = before;
        }
        Ok(answer?)
    }
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

fn count(append: &Append, answer: &Answer) {
    let outcome = match answer {
        Ok((_, AppendOutcome::Appended { .. })) => {
            counter!(metric::APPEND_EVENTS).increment(append.events.len() as u64);
            "appended"
        }
        Ok((_, AppendOutcome::Conflict)) => "conflict",
        Ok((_, AppendOutcome::Replayed(_))) => "replayed",
        Ok((_, AppendOutcome::KeyReused)) => "key_reused",
        Err(_) => "failed",
    };
    counter!(metric::APPEND_COMMANDS, "outcome" => outcome).increment(1);
}
