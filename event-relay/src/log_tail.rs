//! Reads the log ahead of publishing: in chunks while there is more, by hint or by poll when there is not.
//!
//! States: reading -> holding rows -> reading ... -> exhausted -> (hint or poll) -> reading.
//! Guarantees: rows come out in position order without gaps, and each read finds the last row of the one before in the log;
//! at most a chunk and what is left of the one before is held.
//! Failure: a gap, or a log that lacks what was read before, is reported once everything before it has come out; it is never
//! skipped.

use std::collections::VecDeque;
use std::time::Duration;

use domain::{Envelope, Position};
use event_store::{LogError, LogReader};
use futures::future::{BoxFuture, FutureExt, pending};
use tokio::time::Instant;
use uuid::Uuid;

use crate::RelayError;

/// Events read at once.
const CHUNK: u32 = 256;
/// A new chunk is read while this many rows of the last one are left to publish.
const LOW_MARK: usize = 64;
/// How old the known end of the log may become while there is more to read.
const HEAD_AGE_MAX: Duration = Duration::from_secs(1);

struct Chunk {
    rows: Vec<Envelope>,
    head: Option<Position>,
}

/// The end of the log, read as it grows.
pub(crate) struct LogTail {
    log: LogReader,
    log_id: Uuid,
    rows: VecDeque<Envelope>,
    /// Everything up to here has been read.
    read: Position,
    /// The event there, which each read finds again.
    read_event: Option<Uuid>,
    head: Position,
    head_known_at: Option<Instant>,
    reading: Option<BoxFuture<'static, Result<Chunk, RelayError>>>,
    /// Set to the position of a gap: rows before it can still be read.
    read_before: Option<Position>,
    exhausted: bool,
    /// How far the log reaches by the hints that came while a read was running, which may have missed it.
    hinted: Position,
    poll: (Duration, Duration),
    poll_pause: Duration,
    due: Instant,
}

impl LogTail {
    /// Reads behind `after` and the event there; `poll` is the shortest and the longest pause between reads that find nothing.
    pub(crate) fn new(
        log: LogReader,
        log_id: Uuid,
        (after, event_id): (Position, Option<Uuid>),
        poll: (Duration, Duration),
    ) -> Self {
        let now = Instant::now();
        Self {
            log,
            log_id,
            rows: VecDeque::new(),
            read: after,
            read_event: event_id,
            head: after,
            head_known_at: None,
            reading: None,
            read_before: None,
            exhausted: false,
            hinted: Position(0),
            poll,
            poll_pause: poll.0,
            due: now,
        }
    }

    /// The next row, if one has been read.
    pub(crate) fn pop(&mut self) -> Option<Envelope> {
        self.rows.pop_front()
    }

    /// Everything that was in the log at the last read has come out.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted && self.rows.is_empty()
    }

    /// The end of the log, as far as known.
    pub(crate) fn head(&self) -> Position {
        self.head.max(self.read)
    }

    /// When [`LogTail::start_if_due`] will begin the next read; `None` while one is running or rows are plenty.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.reading.is_none() && self.rows.len() < LOW_MARK).then_some(self.due)
    }

    /// Drops the rows that have not come out.
    pub(crate) fn discard(&mut self) {
        self.rows.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The log has grown up to a position: looks at once if that has not been read. One append may be told twice.
    pub(crate) fn hurry(&mut self, grown_to: Position) {
        if grown_to <= self.read {
            return;
        }
        if self.reading.is_some() {
            self.hinted = self.hinted.max(grown_to);
        }
        self.poll_pause = self.poll.0;
        self.due = self.due.min(Instant::now());
    }

    /// Begins to read if it is time.
    pub(crate) fn start_if_due(&mut self) {
        let now = Instant::now();
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        let head_is_old = self.head_known_at.is_none_or(|at| now - at >= HEAD_AGE_MAX);
        let after = (self.read, self.read_event);
        let read = read_chunk(self.log.clone(), self.log_id, after, self.read_before, head_is_old);
        self.reading = Some(read.boxed());
    }

    /// Waits until the read that was begun is done; for ever, when none was. Cancel safe.
    ///
    /// # Errors
    /// [`RelayError::Gap`], [`RelayError::Diverged`], [`RelayError::NewIdentity`], [`RelayError::Log`].
    pub(crate) async fn read(&mut self) -> Result<(), RelayError> {
        let Some(reading) = self.reading.as_mut() else {
            return pending().await;
        };
        let chunk = reading.await;
        self.reading = None;
        match chunk {
            Ok(chunk) => {
                self.take(chunk);
                Ok(())
            }
            // The rows before the gap are good and must not wait for it.
            Err(RelayError::Gap { expected, .. }) if expected.0 > self.read.0 + 1 => {
                self.read_before = Some(expected);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, chunk: Chunk) {
        let now = Instant::now();
        if let Some(last) = chunk.rows.last() {
            (self.read, self.read_event) = (last.position, Some(last.event_id));
            self.poll_pause = self.poll.0;
        } else {
            self.poll_pause = (self.poll_pause * 2).min(self.poll.1);
        }
        if let Some(head) = chunk.head {
            (self.head, self.head_known_at) = (head, Some(now));
        }
        self.read_before = self.read_before.filter(|gap| *gap > self.read);
        self.exhausted = chunk.rows.len() < CHUNK as usize && self.read_before.is_none();
        let more_is_known = std::mem::take(&mut self.hinted) > self.read;
        self.due = if self.exhausted && !more_is_known {
            now + self.poll_pause
        } else {
            now
        };
        self.rows.extend(chunk.rows);
    }
}

async fn read_chunk(
    log: LogReader,
    log_id: Uuid,
    (after, event_id): (Position, Option<Uuid>),
    before: Option<Position>,
    head_is_old: bool,
) -> Result<Chunk, RelayError> {
    let limit = before.map_or(CHUNK, |gap| {
        u32::try_from(gap.0 - after.0 - 1).map_or(CHUNK, |rows| rows.min(CHUNK))
    });
    // At the gap itself the read must run into it, so it looks beyond.
    let limit = if limit == 0 { CHUNK } else { limit };
    let mut rows = read_on(&log, log_id, (after, event_id), limit).await?;
    let mut known_head = None;
    if rows.is_empty() || head_is_old {
        let head = log.head().await?;
        if head.log_id != log_id {
            return Err(RelayError::NewIdentity);
        }
        if rows.is_empty() && head.position > after {
            // Appended between the two reads, or missing.
            rows = read_on(&log, log_id, (after, event_id), limit).await?;
            if rows.is_empty() {
                return Err(RelayError::Gap {
                    expected: Position(after.0 + 1),
                    found: head.position,
                });
            }
        }
        known_head = Some(head.position);
    }
    if rows.iter().any(|row| row.log_id != log_id) {
        return Err(RelayError::NewIdentity);
    }
    Ok(Chunk { rows, head: known_head })
}

/// Reads behind what was read before. Of a log that does not have it under another name somebody has taken care already.
async fn read_on(
    log: &LogReader,
    log_id: Uuid,
    (after, event_id): (Position, Option<Uuid>),
    limit: u32,
) -> Result<Vec<Envelope>, RelayError> {
    match log.read_on(after, event_id, limit).await {
        Err(LogError::Diverged { .. }) if log.log_id().await? != log_id => Err(RelayError::NewIdentity),
        read => Ok(read?),
    }
}
