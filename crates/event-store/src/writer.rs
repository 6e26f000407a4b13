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
//!   at once, and under load batches grow by themselves. Tasks that can run are let run first, if that is soon done, so
//!   that those just answered come along with their next commands.
//! - Commands on one stream are appended in the order they were queued.
//! - A command is answered only after its transaction is committed, and is on the standby where commits wait for one, or with
//!   certainty that it was refused; otherwise with [`StoreError::OutcomeUnknown`].
//! - The queue is bounded: a full one refuses at once. What was queued is answered, also when the writer is stopped.
//!
//! # Failure
//!
//! When the connection breaks after a batch was sent, the *same* batch (same event ids and keys) is sent again: the
//! append function answers what is already in the log with its original result, so whichever copy runs second changes
//! nothing. To look the events up instead would not do: the first copy may still be on its way and commit later.
//! Where commits wait for a standby, an answer beside which the server warns is none either: the wait was cancelled. The copy
//! waits for it again. Nor is one from a server that was replaced meanwhile.
//! When the database refuses a batch for its data, the commands are sent one by one, so that only the culprit fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::append::{Append, AppendOutcome};
use crate::batch::{BatchLimits, next_batch};
use crate::cache::AggregateCache;
use crate::connect::Connect;
use crate::error::StoreError;
use crate::metric;
use crate::standby::Standby;
use crate::submission::Submission;
use crate::wake::{Hint, notify_others};

/// Calls after which waiting for more commands is tried again, where it took too long.
const HASTY_CALLS: u32 = 64;

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Commands that may wait for the batch at hand; one more is refused with [`StoreError::Busy`].
    pub queue_commands_max: usize,
    /// Commands in one batch.
    pub batch_commands_max: usize,
    /// Bytes of payloads in one batch.
    pub batch_bytes_max: usize,
    /// From queueing to the last moment an answer is waited for, resubmissions included.
    pub append_timeout: Duration,
    /// One attempt: connecting, sending and the answer.
    pub attempt_timeout: Duration,
    /// Told how far the log reaches after every batch that appended something, for a relay in the same process.
    pub appended: Option<Arc<Hint>>,
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
    connect: Connect,
    commands: mpsc::Receiver<Queued>,
    submission: Submission,
    others: Arc<Hint>,
    /// How long the last call took.
    last_call: Duration,
    /// Calls for which nobody is waited for.
    hasty_calls: u32,
}

impl Writer {
    /// Makes a writer, and the queue that feeds it.
    pub(crate) fn new(
        connect: Connect,
        standby: Standby,
        cache: AggregateCache,
        config: WriterConfig,
    ) -> (WriterQueue, Self) {
        let (sender, commands) = mpsc::channel(config.queue_commands_max.max(1));
        let queue = WriterQueue {
            commands: sender,
            append_timeout: config.append_timeout,
        };
        let submission = Submission::new(connect.clone(), standby, cache, config.attempt_timeout);
        let others = Arc::default();
        (
            queue,
            Self {
                config,
                connect,
                commands,
                submission,
                others,
                last_call: Duration::ZERO,
                hasty_calls: 0,
            },
        )
    }

    /// Appends until stopped; then refuses new commands, answers those already queued, and returns.
    pub async fn run(mut self, stop: CancellationToken) {
        let notifier_stop = CancellationToken::new();
        let notifying = notify_others(self.others.clone(), self.connect.clone(), notifier_stop.clone());
        let notifier = tokio::spawn(notifying);
        // Also when this task is aborted.
        let stop_notifier = notifier_stop.drop_guard();
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
            self.take_queued(&mut queue).await;
            self.append_next(&mut queue).await;
        }
        self.submission.close().await;
        drop(stop_notifier);
        let _ = notifier.await;
    }

    /// Takes what is queued; and if that is soon done, waits until nobody who can run queues more.
    ///
    /// Those just answered are about to queue what they have next. To take only who was first makes twice the commits: seen in
    /// a closed loop of 64 tasks, 44,000 commands per second instead of 54,000. Where they have much to do in between, the
    /// database would idle meanwhile: seen over HTTP, 20,000 instead of 28,000. What takes more than half of a call is
    /// given up for a while.
    async fn take_queued(&mut self, queue: &mut VecDeque<Queued>) {
        self.take_ready(queue);
        if self.hasty_calls > 0 {
            self.hasty_calls -= 1;
            return;
        }
        let began = Instant::now();
        loop {
            let taken = queue.len();
            tokio::task::yield_now().await;
            self.take_ready(queue);
            if queue.len() == taken {
                return;
            }
            if began.elapsed() > self.last_call / 2 {
                self.hasty_calls = HASTY_CALLS;
                return;
            }
        }
    }

    fn take_ready(&mut self, queue: &mut VecDeque<Queued>) {
        while queue.len() < self.config.batch_commands_max
            && let Ok(command) = self.commands.try_recv()
        {
            queue.push_back(command);
        }
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
            reply(queued.answer, Err(StoreError::Unavailable(None)));
        }
        if batch.is_empty() {
            return;
        }
        histogram!(metric::APPEND_BATCH_COMMANDS).record(batch.len() as f64);
        let deadline = batch.iter().map(|queued| queued.deadline).max().unwrap_or(now);
        let (appends, waiting): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|queued| (queued.append, queued.answer)).unzip();
        let answers = self.submission.submit_or_split(&appends, deadline).await;
        self.last_call = now.elapsed();
        let appended = answers.iter().filter_map(|answer| match answer {
            Ok((_, AppendOutcome::Appended { position, .. })) => Some(*position),
            _ => None,
        });
        if let Some(position) = appended.max() {
            self.others.tell(position);
            if let Some(appended) = &self.config.appended {
                appended.tell(position);
            }
        }
        for ((append, waiting), answer) in appends.iter().zip(waiting).zip(answers) {
            count(append, &answer);
            reply(waiting, answer);
        }
    }
}

/// Who asked may be gone, for clients hang up; what was appended stays appended.
fn reply(waiting: oneshot::Sender<Answer>, answer: Answer) {
    let _ = waiting.send(answer);
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
