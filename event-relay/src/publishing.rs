//! Publishing: the leader's loop from the log to the broker.
//!
//! States: publishing (window open) -> waiting (window full, log exhausted, or the broker blocks) -> publishing ...
//! -> stopping (told to) | halting (a failure that time does not heal: what is good is confirmed first) | failed.
//! Guarantees: messages go out in log order on one channel; a range's watermark goes out behind its events; the
//! checkpoint covers exactly a prefix of what was published, all of it confirmed; ranges chain across leaders.
//! Failure: a nack, a lost connection, a silent broker, a lost lease or a failing database end the term; the next one
//! goes back to the first unconfirmed message. While the broker blocks the connection nothing is timed.

use domain::Position;
use event_bus::{BusError, Publisher};
use event_store::{Lease, LogReader, RelayCheckpoint, RelayState};
use metrics::counter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::log_tail::LogTail;
use crate::range::OpenRange;
use crate::resume::resume;
use crate::saver::Saver;
use crate::status::{Broker, Role, StatusBoard};
use crate::wake::Wake;
use crate::window::{Sent, Window};
use crate::{RelayConfig, RelayError, metric_names};

/// One term of a leader.
pub(crate) struct Publishing<'a> {
    config: &'a RelayConfig,
    status: &'a StatusBoard,
    wake: &'a Wake,
    publisher: &'a mut Publisher,
    blocked: watch::Receiver<bool>,
    log_id: Uuid,
    tail: LogTail,
    range: OpenRange,
    window: Window,
    saver: Saver,
    /// Events up to here were confirmed in an earlier term; they are only counted.
    confirmed_before: Position,
    confirmed: RelayCheckpoint,
    last_watermark: Option<Instant>,
    /// Why nothing more is read; the term ends with it when what was read is confirmed.
    halt: Option<RelayError>,
}

impl<'a> Publishing<'a> {
    /// Finds out where to begin.
    ///
    /// # Errors
    /// As [`resume`] has them; [`RelayError::LeaseLost`] when the lease has ended before that is known.
    pub(crate) async fn begin(
        config: &'a RelayConfig,
        status: &'a StatusBoard,
        wake: &'a Wake,
        publisher: &'a mut Publisher,
        (log, state, lease): (LogReader, RelayState, Lease),
        known: Option<&RelayCheckpoint>,
    ) -> Result<Self, RelayError> {
        let begin = timeout_at(lease.valid_until().into(), resume(&log, &state, known)).await;
        let begin = begin.unwrap_or(Err(RelayError::LeaseLost))?;
        let saved = begin.checkpoint;
        let watermark = saved.watermark;
        Ok(Self {
            config,
            status,
            wake,
            blocked: publisher.blocked(),
            publisher,
            log_id: begin.log_id,
            tail: LogTail::new(
                log,
                begin.log_id,
                (watermark, begin.watermark_event.map(|event| event.event_id)),
                config.poll,
            ),
            range: OpenRange::after(watermark, begin.watermark_event),
            window: Window::new(),
            confirmed_before: saved.position,
            confirmed: RelayCheckpoint {
                log_id: Some(begin.log_id),
                ..saved.clone()
            },
            saver: Saver::new(state, lease, saved, config),
            last_watermark: None,
            halt: None,
        })
    }

    /// How far the broker has confirmed.
    pub(crate) fn confirmed(&self) -> &RelayCheckpoint {
        &self.confirmed
    }

    /// Publishes until told to stop, and then waits a moment for what is on its way.
    ///
    /// # Errors
    /// Why the term ended otherwise.
    pub(crate) async fn run(&mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        while !stop.is_cancelled() {
            self.step(stop).await?;
        }
        self.finish().await
    }

    /// Does what is due, then waits for the next thing to happen.
    async fn step(&mut self, stop: &CancellationToken) -> Result<(), RelayError> {
        self.stop_the_clock_while_blocked();
        self.check_limits()?;
        self.publish_what_fits().await?;
        self.close_range_if_due().await?;
        if self.halt.is_none() {
            self.tail.start_if_due();
        } else if self.tail.is_empty() && self.range.is_empty() && self.window.is_empty() {
            self.write_checkpoint().await?;
            return self.halt.take().map_or(Ok(()), Err);
        }
        self.saver.start_if_due(&self.confirmed);
        self.report();
        let timer = self.next_timer();
        tokio::select! {
            () = stop.cancelled() => {}
            confirmed = self.window.next() => self.take_confirms(confirmed)?,
            read = self.tail.read() => self.take_read(read)?,
            written = self.saver.written() => written?,
            grown_to = self.wake.woken() => self.tail.hurry(grown_to),
            // An error is a connection that is gone, which the next step sees; nothing would come of asking on.
            Ok(()) = self.blocked.changed() => self.window.restart_clock(),
            () = sleep_until(timer) => {}
        }
        Ok(())
    }

    /// The time a broker has to confirm begins when it unblocks, not when it last confirmed.
    fn stop_the_clock_while_blocked(&mut self) {
        let changed = self.blocked.has_changed().unwrap_or(false);
        if *self.blocked.borrow_and_update() || changed {
            self.window.restart_clock();
        }
    }

    fn check_limits(&self) -> Result<(), RelayError> {
        let now = Instant::now();
        if now >= self.saver.publish_until() {
            return Err(RelayError::LeaseLost);
        }
        if !self.publisher.is_open() {
            return Err(RelayError::Disconnected);
        }
        if self.confirm_deadline().is_some_and(|deadline| now >= deadline) {
            return Err(RelayError::ConfirmTimeout {
                seconds: self.config.confirm_timeout.as_secs(),
            });
        }
        Ok(())
    }

    fn confirm_deadline(&self) -> Option<Instant> {
        Some(self.window.waiting_since()? + self.config.confirm_timeout)
    }

    async fn publish_what_fits(&mut self) -> Result<(), RelayError> {
        while self.window.len() < self.config.window {
            let Some(envelope) = self.tail.pop() else { break };
            if envelope.position > self.confirmed_before {
                let confirm = match self.publisher.publish(&envelope).await {
                    Ok(confirm) => confirm,
                    Err(error @ BusError::Unpublishable { .. }) => {
                        self.tail.discard();
                        self.halt = Some(error.into());
                        break;
                    }
                    Err(error) => return Err(error.into()),
                };
                counter!(metric_names::PUBLISHED).increment(1);
                #[cfg(feature = "sabotage")]
                if sabotage::Sabotage::CheckpointBeforeConfirm.is_on() {
                    (self.confirmed.position, self.confirmed.event_id) = (envelope.position, Some(envelope.event_id));
                }
                self.window.push(
                    Sent::Event {
                        position: envelope.position,
                        event_id: envelope.event_id,
                    },
                    confirm,
                );
            }
            self.range.add(&envelope);
            if self.range.len() >= self.config.range_events_max {
                self.close_range().await?;
            }
        }
        Ok(())
    }

    async fn close_range_if_due(&mut self) -> Result<(), RelayError> {
        if self.range_due().is_some_and(|due| due <= Instant::now()) {
            self.close_range().await
        } else {
            Ok(())
        }
    }

    /// When the range must be closed: as soon as the log has no more and the watermark before is confirmed, in a moment in
    /// any case. An empty one is a sign of life, and one of those on its way is enough.
    fn range_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let after_last = |pause| self.last_watermark.map_or(now, |last| last + pause);
        let nothing_follows = self.tail.is_exhausted() || self.halt.is_some();
        match self.range.opened_at() {
            Some(_) if nothing_follows && self.confirmed.watermark == self.range.from() => Some(now),
            Some(opened_at) => Some(opened_at + self.config.range_age_max),
            None => self.window.is_empty().then(|| after_last(self.config.sign_of_life)),
        }
    }

    async fn close_range(&mut self) -> Result<(), RelayError> {
        if !self.range.is_empty() {
            counter!(metric_names::RANGES_CLOSED).increment(1);
        }
        let watermark = self.range.close(self.log_id);
        let confirm = self.publisher.publish_watermark(&watermark).await?;
        self.window.push(Sent::Watermark { to: watermark.to }, confirm);
        self.last_watermark = Some(Instant::now());
        Ok(())
    }

    /// Takes a confirm, and with it all the others that are there.
    fn take_confirms(&mut self, first: Result<Sent, BusError>) -> Result<(), RelayError> {
        let mut next = Some(first);
        while let Some(confirmed) = next {
            match confirmed {
                Ok(Sent::Event { position, event_id }) => {
                    self.confirmed.position = position;
                    self.confirmed.event_id = Some(event_id);
                    counter!(metric_names::CONFIRMED).increment(1);
                }
                Ok(Sent::Watermark { to }) => self.confirmed.watermark = to,
                Err(error) => {
                    if matches!(error, BusError::Nacked) {
                        counter!(metric_names::NACKED).increment(1);
                    }
                    return Err(error.into());
                }
            }
            next = self.window.ready();
        }
        Ok(())
    }

    fn take_read(&mut self, read: Result<(), RelayError>) -> Result<(), RelayError> {
        match read {
            Err(error) if error.halt_code().is_some() => {
                if !matches!(error, RelayError::Gap { .. }) {
                    self.tail.discard();
                }
                self.halt = Some(error);
                Ok(())
            }
            other => other,
        }
    }

    fn next_timer(&self) -> Instant {
        let reading = self.halt.is_none().then(|| self.tail.due()).flatten();
        let due = [
            self.confirm_deadline(),
            self.range_due(),
            self.saver.due(&self.confirmed),
            reading,
        ];
        due.into_iter().flatten().fold(self.saver.publish_until(), Instant::min)
    }

    fn report(&self) {
        let blocked = *self.blocked.borrow();
        // Not merely begun: a halt must not seem over each time it is tried again.
        let progress = self.confirmed.position > self.confirmed_before || self.tail.is_exhausted();
        let well = progress && self.halt.is_none();
        self.status.update(|status| {
            status.role = Role::Leader;
            status.epoch = Some(self.saver.lease().epoch());
            status.broker = match (blocked, status.broker) {
                (true, _) => Broker::Blocked,
                (false, Broker::Refusing) if !progress => Broker::Refusing,
                (false, _) => Broker::Connected,
            };
            status.confirmed = self.confirmed.position;
            status.head = self.tail.head().max(self.confirmed.position);
            if well {
                (status.halted, status.last_error) = (None, None);
            }
        });
    }

    /// Closes the range and waits for the confirms that come in time; the checkpoint takes what came.
    async fn finish(&mut self) -> Result<(), RelayError> {
        if !self.range.is_empty() {
            self.close_range().await?;
        }
        let deadline = self
            .saver
            .publish_until()
            .min(Instant::now() + self.config.drain_timeout);
        while !self.window.is_empty() {
            match timeout_at(deadline, self.window.next()).await {
                Ok(confirmed) => self.take_confirms(confirmed)?,
                Err(_) => break,
            }
        }
        self.write_checkpoint().await
    }

    /// Writes the last checkpoint of the term, while the lease holds.
    async fn write_checkpoint(&mut self) -> Result<(), RelayError> {
        timeout_at(self.saver.publish_until(), self.saver.write_now(&self.confirmed))
            .await
            .unwrap_or(Err(RelayError::LeaseLost))
    }
}
