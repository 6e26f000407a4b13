//! Finds the events that cannot be applied, each after it has failed alone, and spares all others.
//!
//! Stream by stream under a savepoint; a stream that fails is applied event by event, until one fails alone. That one
//! is parked with its reason, and behind it what is left of its stream.

use std::collections::BTreeMap;

use domain::Envelope;
use sqlx::{Connection, Executor, PgConnection};

use crate::apply::batch::{Batch, Open, stream};
use crate::parked::Reason;
use crate::{ApplyError, Generation, Projection, Recorded};

/// Events to park, with the reason.
pub(crate) type Parked<'a> = Vec<(&'a Envelope, Reason)>;

/// Applies the open part of a batch stream by stream. Gives the events to park, and how many streams they are of.
///
/// # Errors
/// Only what may go better another time.
pub(crate) async fn apply_apart<'a>(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    batch: &'a Batch,
    open: &Open<'a>,
) -> Result<(Parked<'a>, i64), ApplyError> {
    // A constraint that waits for the commit would be nobody's fault then.
    tx.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let (mut parked, mut streams) = (Vec::new(), 0);
    for (of_stream, events) in streams_of(&open.recorded, &open.malformed) {
        if let Some((culprit, reason)) = apply_stream(tx, projection, generation, &events).await? {
            streams += 1;
            park_from(&mut parked, batch, of_stream, culprit, &reason);
        }
    }
    Ok((parked, streams))
}

#[derive(Default)]
struct StreamEvents {
    /// Up to the first malformed one, in position order.
    readable: Vec<Recorded>,
    /// The first malformed one.
    malformed: Option<(i64, Reason)>,
}

fn streams_of<'a>(
    recorded: &'a [Recorded],
    malformed: &[&'a (Envelope, Reason)],
) -> BTreeMap<(&'a str, &'a str), StreamEvents> {
    let mut streams: BTreeMap<_, StreamEvents> = BTreeMap::new();
    for (event, reason) in malformed {
        let first = &mut streams.entry(stream(event)).or_default().malformed;
        first.get_or_insert_with(|| (event.position.0, reason.clone()));
    }
    for event in recorded {
        let events = streams.entry(stream(&event.envelope)).or_default();
        if events
            .malformed
            .as_ref()
            .is_none_or(|(position, _)| event.envelope.position.0 < *position)
        {
            events.readable.push(event.clone());
        }
    }
    streams
}

/// Applies one stream's events as far as possible; gives the position of the first that cannot be, and why.
async fn apply_stream(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    events: &StreamEvents,
) -> Result<Option<(i64, Reason)>, ApplyError> {
    if !events.readable.is_empty() && try_apply(tx, projection, generation, &events.readable).await?.is_some() {
        for event in events.readable.chunks(1) {
            if let Some(reason) = try_apply(tx, projection, generation, event).await? {
                return Ok(Some((event[0].envelope.position.0, reason)));
            }
        }
    }
    Ok(events.malformed.clone())
}

/// Applies events under a savepoint; a deterministic failure undoes them and is given as the reason.
async fn try_apply(
    tx: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    events: &[Recorded],
) -> Result<Option<Reason>, ApplyError> {
    let mut savepoint = tx.begin().await?;
    match projection.apply(&mut savepoint, generation, events).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(None)
        }
        Err(error) if error.is_deterministic() => {
            savepoint.rollback().await?;
            Ok(Some(reason(error)))
        }
        Err(error) => Err(error),
    }
}

fn park_from<'a>(parked: &mut Parked<'a>, batch: &'a Batch, of_stream: (&str, &str), culprit: i64, reason: &Reason) {
    let events = batch
        .recorded
        .iter()
        .map(|event| &event.envelope)
        .chain(batch.malformed.iter().map(|(event, _)| event));
    for event in events.filter(|event| stream(event) == of_stream && event.position.0 >= culprit) {
        let reason = if event.position.0 == culprit {
            reason.clone()
        } else {
            Reason::BehindParked
        };
        parked.push((event, reason));
    }
}

/// SQLSTATE and names only: the database's own words could repeat personal data.
pub(crate) fn reason(error: ApplyError) -> Reason {
    match error {
        ApplyError::Rule { reason, .. } => Reason::Rule(reason),
        ApplyError::Database(error) => {
            let refusal = error.as_database_error();
            let code = refusal.and_then(|refusal| refusal.code()).unwrap_or_default();
            let of = |what: &str, name: Option<&str>| name.map(|name| format!(", {what} {name}")).unwrap_or_default();
            let table = of("table", refusal.and_then(|refusal| refusal.table()));
            let constraint = of("constraint", refusal.and_then(|refusal| refusal.constraint()));
            Reason::Data(format!("SQLSTATE {code}{table}{constraint}"))
        }
    }
}
