//! Events that cannot be applied, kept with the generation they could not be applied to.
//!
//! A parked event takes its stream with it, not the queue: later events of the stream are parked behind it, those of
//! other streams are applied. Only identity and place are kept: the payload, personal data included, stays in the log.

mod attempt;
mod retry;
mod routes;
mod stream;

use domain::{Envelope, Position};
use sqlx::PgConnection;

use crate::Generation;
pub(crate) use routes::router;

/// Makes a generation's table of parked events.
pub(crate) const TABLE: &str = "
CREATE TABLE parked_events (
    position       bigint PRIMARY KEY,
    event_id       uuid NOT NULL UNIQUE,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    sequence       bigint NOT NULL,
    event_type     text NOT NULL,
    event_version  text NOT NULL,
    reason         text NOT NULL CHECK (reason IN ('malformed', 'rule', 'data', 'behind_parked')),
    detail         text NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_events_stream ON parked_events (aggregate_type, aggregate_id, position);
";

/// Why an event is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its payload does not have the shape that its type and version promise.
    Malformed(String),
    /// A rule of the read model does not hold.
    Rule(String),
    /// The database refuses it for its data.
    Data(String),
    /// An earlier event of its stream is parked.
    BehindParked,
}

impl Reason {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Rule(_) => "rule",
            Self::Data(_) => "data",
            Self::BehindParked => "behind_parked",
        }
    }

    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Malformed(detail) | Self::Rule(detail) | Self::Data(detail) => detail,
            Self::BehindParked => "an earlier event of this stream is parked",
        }
    }
}

/// Parks events in the transaction that moves the checkpoint over them.
pub(crate) async fn park(
    tx: &mut PgConnection,
    generation: &Generation,
    events: &[(&Envelope, Reason)],
) -> Result<(), sqlx::Error> {
    let statement = format!(
        "INSERT INTO {generation}.parked_events (position, event_id, aggregate_type, aggregate_id, sequence, \
         event_type, event_version, reason, detail) SELECT * FROM UNNEST($1::bigint[], $2::uuid[], $3::text[], \
         $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[])"
    );
    let column = |value: fn(&Envelope) -> &str| events.iter().map(|(event, _)| value(event)).collect::<Vec<_>>();
    sqlx::query(&statement)
        .bind(events.iter().map(|(event, _)| event.position.0).collect::<Vec<_>>())
        .bind(events.iter().map(|(event, _)| event.event_id).collect::<Vec<_>>())
        .bind(column(|event| &event.aggregate_type))
        .bind(column(|event| &event.aggregate_id))
        .bind(events.iter().map(|(event, _)| event.sequence.0).collect::<Vec<_>>())
        .bind(column(|event| &event.event_type))
        .bind(column(|event| &event.event_version))
        .bind(events.iter().map(|(_, reason)| reason.code()).collect::<Vec<_>>())
        .bind(events.iter().map(|(_, reason)| reason.detail()).collect::<Vec<_>>())
        .execute(tx)
        .await
        .map(drop)
}

/// Gives those of the streams (type and id) that have parked events, each with the first one's position.
pub(crate) async fn among(
    connection: &mut PgConnection,
    generation: &Generation,
    streams: &[(&str, &str)],
) -> Result<Vec<((String, String), Position)>, sqlx::Error> {
    let statement = format!(
        "SELECT aggregate_type, aggregate_id, min(position) FROM {generation}.parked_events \
         WHERE (aggregate_type, aggregate_id) IN (SELECT * FROM UNNEST($1::text[], $2::text[])) \
         GROUP BY aggregate_type, aggregate_id"
    );
    let rows: Vec<(String, String, i64)> = sqlx::query_as(&statement)
        .bind(streams.iter().map(|(kind, _)| *kind).collect::<Vec<_>>())
        .bind(streams.iter().map(|(_, id)| *id).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(kind, id, position)| ((kind, id), Position(position)))
        .collect())
}

/// Counts the streams that were parked within the last hour.
pub(crate) async fn streams_of_the_last_hour(
    tx: &mut PgConnection,
    generation: &Generation,
) -> Result<i64, sqlx::Error> {
    let statement = format!(
        "SELECT count(*) FROM {generation}.parked_events \
         WHERE reason <> 'behind_parked' AND parked_at > now() - interval '1 hour'"
    );
    sqlx::query_scalar(&statement).fetch_one(tx).await
}
