//! Hears what the server warns of beside an answer.
//!
//! When somebody cancels the wait of a commit for the synchronous standby, the commit stands on the primary alone and is
//! answered like any other; the one sign is a warning (`src/backend/replication/syncrep.c` of PostgreSQL). The driver hands
//! warnings to `tracing` and to nobody else, so they are picked up there, and everything passes on to whoever listens already.
//! That this works is made sure of on each connection: see [`Warnings::prepare`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{Executor, PgConnection};
use tracing::dispatcher::{Dispatch, get_default};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

/// Where the driver tells of notices and warnings.
const TARGET: &str = "sqlx::postgres::notice";
/// A notice that the server sends because it is asked to. Below a warning, so that no server's log is filled with it.
const TRIAL: &str = "marquee hears";

/// What is heard while futures are listened to, one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Warnings {
    listener: Dispatch,
    heard: Heard,
}

type Heard = Arc<Mutex<Vec<Said>>>;

#[derive(Debug)]
struct Said {
    level: Level,
    message: String,
}

impl Warnings {
    pub(crate) fn new() -> Self {
        let heard = Heard::default();
        let listener = Dispatch::new(Listener {
            others: get_default(Dispatch::clone),
            heard: heard.clone(),
        });
        Self { listener, heard }
    }

    /// Gives what the future gives, and the first warning that came meanwhile.
    pub(crate) async fn listen<F: Future>(&mut self, future: F) -> (F::Output, Option<String>) {
        self.take();
        let output = future.with_subscriber(self.listener.clone()).await;
        let warning = self.take().into_iter().find(|said| said.level <= Level::WARN);
        (output, warning.map(|said| said.message))
    }

    /// Sets up a new connection with `settings`, and makes sure that what its server says is heard.
    ///
    /// # Errors
    /// What the server reports; [`sqlx::Error::Protocol`] when it is not heard.
    pub(crate) async fn prepare(&mut self, connection: &mut PgConnection, settings: &str) -> Result<(), sqlx::Error> {
        self.take();
        let trial = format!("SET client_min_messages = notice; {settings}; DO $$ BEGIN RAISE NOTICE '{TRIAL}'; END $$");
        let prepared = connection
            .execute(trial.as_str())
            .with_subscriber(self.listener.clone());
        prepared.await?;
        if self.take().iter().any(|said| said.message == TRIAL) {
            return Ok(());
        }
        Err(sqlx::Error::Protocol("the server's warnings are not heard".into()))
    }

    fn take(&self) -> Vec<Said> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Notes what the server says, and passes everything on.
struct Listener {
    others: Dispatch,
    heard: Heard,
}

fn is_said(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && *metadata.level() <= Level::INFO
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_said(metadata) {
            return Interest::sometimes();
        }
        self.others.register_callsite(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_said(metadata) || self.others.enabled(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        if is_said(event.metadata()) {
            let mut message = Message(String::new());
            event.record(&mut message);
            let is_trial = message.0 == TRIAL;
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(Said {
                level: *event.metadata().level(),
                message: message.0,
            });
            if is_trial || !self.others.enabled(event.metadata()) {
                return;
            }
        }
        self.others.event(event);
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.others.new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.others.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.others.record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.others.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.others.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.others.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.others.try_close(span)
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}
