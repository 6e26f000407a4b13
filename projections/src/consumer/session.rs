//! One session of a consumer: from connecting to the first error, with everything it holds.

use std::collections::VecDeque;
use std::time::Duration;

use domain::{Envelope, Position};
use event_bus::{Delivery, Message, Origin, Watermark, is_bound};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::State;
use crate::consumer::Consumer;
use crate::consumer::advance::Advance;
use crate::consumer::ending::Ending;
use crate::consumer::inbox::Inbox;
use crate::consumer::work::{Content, Pending, Work};
use crate::control::Row;
use crate::heal::Cause;
use crate::range::{Closed, Ranges, Source, Taken};

/// How long a range waits for others, so that one transaction does for all of them, when it holds nothing for the read model or
/// is so long that more are on their way.
///
/// Most ranges hold nothing for most read models, and each move of the checkpoint is a commit. Seen at 500 commands per second:
/// 3.9 ms from a POST to the query that shows it, 6.3 ms without the pause. In a backlog a fifth of the database's CPU is saved.
const RANGE_PAUSE: Duration = Duration::from_millis(20);

/// A range of so many positions was closed by the relay because it was full, or nearly so: there is a backlog.
const LONG_RANGE: i64 = 100;

/// What a session waits for.
#[allow(clippy::large_enum_variant, reason = "one at a time, taken apart at once")]
enum Next {
    Delivery(Delivery),
    Silence,
    Due,
    Changed,
    Measure,
}

/// Everything a session holds; dropped as a whole.
pub(super) struct Session<'a> {
    pub(super) consumer: &'a Consumer,
    pub(super) advance: Advance<'a>,
    pub(super) inbox: Inbox,
    pub(super) ranges: Ranges<Envelope>,
    /// Closed ranges in order, the first one beginning at the checkpoint.
    pub(super) pending: VecDeque<Pending>,
    /// Whether the broker delivers to this session, and not to another one.
    pub(super) active: bool,
    /// The delivery that came last.
    pub(super) last_tag: u64,
    /// The delivery through which everything is applied once nothing is pending.
    closed_tag: u64,
    /// When a watermark of our log came last.
    pub(super) heard_at: Instant,
    pub(super) redeclared_at: Option<Instant>,
    /// The end of an old log that a new read model has to be built from.
    to_build: Option<Position>,
}

impl<'a> Session<'a> {
    /// Checks that this code and this log belong to the read model, then binds the queue, then reads the log's head.
    /// In that order: what comes after the head is in the queue, what comes before can be read.
    pub(super) async fn open(consumer: &'a Consumer) -> Result<Self, Ending> {
        let advance = Advance::open(consumer).await?;
        consumer.progress.is(State::Connecting);
        let name = consumer.connection_name();
        // From here on the session tells how long the queue is.
        consumer.lookout.end(&consumer.progress);
        let inbox = Inbox::open(&consumer.amqp_url, &consumer.queue(), &name, consumer.progress()).await?;
        let head = advance.head().await?;
        consumer.progress.is(State::Waiting);
        let position = advance.position();
        let mut session = Self {
            consumer,
            advance,
            inbox,
            ranges: Ranges::new(position, consumer.args.held_max()),
            pending: VecDeque::new(),
            active: false,
            last_tag: 0,
            closed_tag: 0,
            heard_at: Instant::now(),
            redeclared_at: None,
            to_build: None,
        };
        if position.0 == 0 {
            if head.0 > i64::from(consumer.args.batch_events_max) {
                session.to_build = Some(head);
            } else {
                session.close_from_log(head, Cause::Start);
            }
        }
        Ok(session)
    }

    /// Consumes until something ends it.
    pub(super) async fn run(&mut self, stop: &CancellationToken) -> Ending {
        if let Some(head) = self.to_build.take()
            && let Err(ending) = self.build(head, stop).await
        {
            return ending;
        }
        loop {
            if let Err(ending) = self.iterate(stop).await {
                return ending;
            }
        }
    }

    /// Closes the channel: unacknowledged deliveries go back to their place in the queue.
    pub(super) async fn close(self) {
        self.inbox.close().await;
    }

    /// Applies what is closed, acknowledges it, and takes what is delivered; without a watermark for too long, asks
    /// the log.
    async fn iterate(&mut self, stop: &CancellationToken) -> Result<(), Ending> {
        if self.due().is_none_or(|due| due <= Instant::now()) || self.is_full() {
            #[cfg(feature = "sabotage")]
            if sabotage::Sabotage::AckBeforeCommit.is_on() {
                self.acknowledge(self.closed_tag).await?;
            }
            self.apply_pending(stop).await?;
            self.acknowledge(self.closed_tag).await?;
        }
        if self.is_full() {
            return self.close_up_to_head(Cause::Full, stop).await;
        }
        let silent_at = self.heard_at + self.consumer.args.silence();
        let next = stop.run_until_cancelled(self.next(silent_at)).await;
        match next.ok_or(Ending::Stopped)?? {
            Next::Delivery(delivery) => {
                self.take(delivery).await?;
                self.take_what_is_there().await
            }
            Next::Silence => self.break_silence(stop).await,
            Next::Due => Ok(()),
            Next::Changed => self.advance.row().await.map(drop),
            Next::Measure => Ok(self.inbox.measure().await?),
        }
    }

    /// Waits for what comes first.
    async fn next(&mut self, silent_at: Instant) -> Result<Next, Ending> {
        let measure_at = self.inbox.measure_at();
        let due = self.due().unwrap_or(measure_at);
        tokio::select! {
            delivery = self.inbox.next() => Ok(Next::Delivery(delivery?)),
            () = self.consumer.progress.changed() => Ok(Next::Changed),
            () = sleep_until(silent_at) => Ok(Next::Silence),
            () = sleep_until(due) => Ok(Next::Due),
            () = sleep_until(measure_at) => Ok(Next::Measure),
        }
    }

    /// When what is pending has to be applied; none without anything. Only a last range without events can wait.
    fn due(&self) -> Option<Instant> {
        match self.pending.front()? {
            Pending::Delivered(work) if self.pending.len() == 1 => Some(work.due),
            _ => Some(Instant::now()),
        }
    }

    /// Takes what was delivered already, so that several closed ranges share a transaction.
    async fn take_what_is_there(&mut self) -> Result<(), Ending> {
        for _ in 1..self.consumer.args.batch_events_max {
            match self.inbox.next_if_there() {
                Some(delivery) => self.take(delivery?).await?,
                None => break,
            }
        }
        Ok(())
    }

    async fn take(&mut self, delivery: Delivery) -> Result<(), Ending> {
        if !self.active {
            self.activate().await?;
        }
        self.last_tag = delivery.tag;
        match delivery.message {
            Message::Event(event) => self.take_event(event),
            Message::Watermark(watermark) => self.take_watermark(&watermark, delivery.tag).await?,
            Message::Foreign { reason, origin } => self.consumer.progress.foreign(&reason, *origin),
        }
        Ok(())
    }

    fn take_event(&mut self, event: Envelope) {
        let progress = &self.consumer.progress;
        if event.log_id != self.advance.log_id {
            return progress.foreign("an event of another log", event.into());
        }
        let bindings = self.consumer.projection.bindings();
        if !is_bound(bindings, &event.aggregate_type, &event.event_type) {
            return progress.foreign("an event that no binding asks for", event.into());
        }
        let position = event.position;
        match self.ranges.hold(position, event) {
            Taken::Held => {}
            Taken::Contradicted => {
                let reason = format!("of two events at position {} one is forged", position.0);
                progress.foreign(&reason, Origin::default());
            }
            Taken::Duplicate => progress.duplicate(),
            Taken::NoRoom => tracing::debug!("no room to hold an event; its range will come from the log"),
        }
    }

    async fn take_watermark(&mut self, watermark: &Watermark, tag: u64) -> Result<(), Ending> {
        if watermark.log_id != self.advance.log_id {
            if self.consumer.within_limit(self.consumer.log.log_id()).await?? != self.advance.log_id {
                return Err(Ending::LogChanged);
            }
            let origin = Origin {
                exchange: event_bus::WATERMARK_EXCHANGE.to_owned(),
                ..Origin::default()
            };
            self.consumer.progress.foreign("a watermark of another log", origin);
            return Ok(());
        }
        if watermark.to < self.advance.position() {
            // Of a range that came before, or of a log that went back.
            self.advance.head().await?;
        }
        self.heard_at = Instant::now();
        self.closed_tag = tag;
        let totals = watermark.totals_for(self.consumer.projection.bindings());
        if let Some(closed) = self.ranges.close(watermark.from, watermark.to, totals) {
            self.plan(closed, watermark);
        }
        Ok(())
    }

    /// Queues a closed range; complete ones that follow one another become one transaction.
    fn plan(&mut self, closed: Closed<Envelope>, watermark: &Watermark) {
        let Source::Held(mut events) = closed.source else {
            return self.pending.push_back(Pending::Heal(closed.to, Cause::Loss));
        };
        let &Watermark {
            event_id, recorded_at, ..
        } = watermark;
        // Later, the log may have grown by other events up to the position of a forged or outdated watermark; but not by the
        // event that this one names.
        let can_wait = event_id.is_some() && (events.is_empty() || closed.to.0 - closed.from.0 >= LONG_RANGE);
        let now = Instant::now();
        let due = if can_wait { now + RANGE_PAUSE } else { now };
        let mut told: Vec<(Position, Uuid)> = event_id.map(|event_id| (closed.to, event_id)).into_iter().collect();
        let last = events.last().map(|event| (event.position, event.event_id));
        told.extend(last.filter(|last| !told.contains(last)));
        let batch_events_max = self.consumer.args.batch_events_max as usize;
        if let Some(Pending::Delivered(work)) = self.pending.back_mut()
            && let Content::Delivered(before) = &mut work.content
            && before.len() + events.len() <= batch_events_max
        {
            before.append(&mut events);
            work.to = closed.to;
            work.told.append(&mut told);
            work.recorded_at = recorded_at;
            work.ranges += 1;
            work.due = work.due.min(due);
            return;
        }
        let content = Content::Delivered(events);
        self.pending.push_back(Pending::Delivered(Work {
            to: closed.to,
            told,
            recorded_at,
            ranges: 1,
            due,
            content,
        }));
    }

    /// Begins with the first delivery. Whoever was active before may have committed since this session read the row.
    async fn activate(&mut self) -> Result<(), Ending> {
        let row = self.advance.row().await?;
        self.consumer.check_version(&row)?;
        self.follow(&row);
        self.active = true;
        self.consumer.progress.is(State::Consuming);
        Ok(())
    }

    /// Goes on from where the row is.
    pub(super) fn follow(&mut self, row: &Row) {
        if !self.advance.is_at(&row.checkpoint) {
            self.advance.go_on_from(&row.checkpoint);
            self.ranges = Ranges::new(row.checkpoint.position, self.consumer.args.held_max());
            self.pending.clear();
        }
    }

    /// Acknowledges everything through a delivery; see the module [`crate::consumer`] for why that is safe.
    pub(super) async fn acknowledge(&mut self, tag: u64) -> Result<(), Ending> {
        Ok(self.inbox.ack_through(tag).await?)
    }

    /// Tells whether the broker will deliver nothing more, or more could not be held.
    fn is_full(&self) -> bool {
        let unacknowledged = self.inbox.unacknowledged_through(self.last_tag);
        unacknowledged >= u64::from(self.consumer.args.prefetch) || self.ranges.is_full()
    }
}
