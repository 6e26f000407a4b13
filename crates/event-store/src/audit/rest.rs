//! What SQL alone can check: streams, the relay's row, idempotency keys, and the trigger that defends the log.

use domain::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::origin::IS_RESTORED_INTO;

use super::{AuditError, AuditedPart, Finding, PLACES_MAX};

/// Sequences begin with 1, have no gap, and rise with the position.
pub(super) async fn streams(tx: &mut PgConnection) -> Result<AuditedPart, AuditError> {
    let streams: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE sequence = 1")
        .fetch_one(&mut *tx)
        .await?;
    let broken: Vec<(String, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, before, sequence, count(*) OVER () FROM (
            SELECT aggregate_type, aggregate_id, sequence, coalesce(lag(sequence) OVER stream, 0) AS before
            FROM events WINDOW stream AS (PARTITION BY aggregate_type, aggregate_id ORDER BY sequence)
         ) e WHERE sequence <> before + 1 ORDER BY aggregate_type, aggregate_id, sequence LIMIT $1",
    )
    .bind(PLACES_MAX)
    .fetch_all(&mut *tx)
    .await?;
    let mut findings = Vec::new();
    let places = broken
        .iter()
        .map(|(kind, id, before, sequence, _)| format!("{kind}/{id}: {sequence} follows {before}"));
    let total = broken.first().map(|row| row.4);
    let what = "a sequence does not follow the one before it in its stream";
    findings.extend(first_places(Finding::violation("SEQUENCE_BROKEN", what), places, total));

    let falling: Vec<(String, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT aggregate_type, aggregate_id, sequence, position, count(*) OVER () FROM (
            SELECT aggregate_type, aggregate_id, sequence, position, lag(position) OVER stream AS before
            FROM events WINDOW stream AS (PARTITION BY aggregate_type, aggregate_id ORDER BY sequence)
         ) e WHERE position <= before ORDER BY aggregate_type, aggregate_id, sequence LIMIT $1",
    )
    .bind(PLACES_MAX)
    .fetch_all(&mut *tx)
    .await?;
    let places = falling
        .iter()
        .map(|(kind, id, sequence, position, _)| format!("{kind}/{id}: sequence {sequence} at position {position}"));
    let total = falling.first().map(|row| row.4);
    let what = "an event stands before an earlier event of its stream";
    findings.extend(first_places(
        Finding::violation("SEQUENCE_NOT_RISING", what),
        places,
        total,
    ));
    Ok(AuditedPart {
        name: "streams",
        checked: format!("{streams} streams: sequences from 1 without a gap, rising with the position"),
        findings,
    })
}

/// The checkpoint is in the log, and the last closed range behind it.
pub(super) async fn relay(tx: &mut PgConnection, head: Position) -> Result<AuditedPart, AuditError> {
    let part = |checked: String, findings| AuditedPart {
        name: "relay",
        checked,
        findings,
    };
    if !may(tx, "SELECT has_table_privilege('relay', 'SELECT')").await? {
        let finding = unreadable("the relay's row");
        return Ok(part("nothing".to_owned(), vec![finding]));
    }
    let (position, event_id, watermark, found, never_led): (i64, Option<Uuid>, i64, Option<Uuid>, bool) =
        sqlx::query_as(
            "SELECT r.position, r.event_id, r.watermark, e.event_id, r.log_id IS NULL
         FROM relay_row() r LEFT JOIN events e ON e.position = r.position",
        )
        .fetch_one(&mut *tx)
        .await?;
    let mut findings = Vec::new();
    let mut found_wrong = |code, what: &str, place: String| {
        let mut finding = Finding::violation(code, what);
        finding.at(place, 1);
        findings.push(finding);
    };
    if position > head.0 {
        let place = format!("position {position}, the log ends at {}", head.0);
        found_wrong(
            "RELAY_BEYOND_HEAD",
            "the relay's checkpoint is beyond the end of the log",
            place,
        );
    } else if event_id != found {
        let place = format!("position {position}");
        found_wrong(
            "RELAY_EVENT_MISSING",
            "the event of the relay's checkpoint is not in the log",
            place,
        );
    }
    if never_led && sqlx::query_scalar(IS_RESTORED_INTO).fetch_one(&mut *tx).await? {
        let what =
            "the events were restored into this store, and what of them was published is not known: marquee log adopt";
        found_wrong("RELAY_UNPLACED", what, "position 0".to_owned());
    }
    if watermark > position {
        let place = format!("watermark {watermark}, position {position}");
        found_wrong(
            "RELAY_WATERMARK_AHEAD",
            "the relay's watermark is beyond its checkpoint",
            place,
        );
    }
    let checked = format!("checkpoint {position} and watermark {watermark}: in the log, in this order");
    Ok(part(checked, findings))
}

/// What is answered again to who repeats a command is in the log.
pub(super) async fn idempotency_keys(tx: &mut PgConnection, head: Position) -> Result<AuditedPart, AuditError> {
    let part = |checked: String, findings| AuditedPart {
        name: "idempotency keys",
        checked,
        findings,
    };
    let allowed = "SELECT has_column_privilege('idempotency_keys', 'position', 'SELECT')
        AND has_column_privilege('idempotency_keys', 'sequence', 'SELECT')";
    if !may(tx, allowed).await? {
        let finding = unreadable("the idempotency keys");
        return Ok(part("nothing".to_owned(), vec![finding]));
    }
    let keys: i64 = sqlx::query_scalar("SELECT count(position) FROM idempotency_keys")
        .fetch_one(&mut *tx)
        .await?;
    let stray: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT k.position, k.sequence, count(*) OVER ()
         FROM idempotency_keys k LEFT JOIN events e ON e.position = k.position
         WHERE CASE k.position WHEN 0 THEN k.sequence <> 0 ELSE e.sequence IS DISTINCT FROM k.sequence END
         ORDER BY k.position LIMIT $1",
    )
    .bind(PLACES_MAX)
    .fetch_all(&mut *tx)
    .await?;
    let places = stray.iter().map(|(position, sequence, _)| match *position > head.0 {
        true => format!("position {position}, beyond the end of the log"),
        false => format!("position {position}, sequence {sequence}"),
    });
    let total = stray.first().map(|row| row.2);
    let what = "a recorded answer names an event that is not in the log";
    let finding = first_places(Finding::violation("KEY_WITHOUT_EVENT", what), places, total);
    let checked = format!("{keys} recorded answers: each names an event of the log");
    Ok(part(checked, finding.into_iter().collect()))
}

/// The trigger that refuses changes is there and fires.
pub(super) async fn protection(tx: &mut PgConnection) -> Result<AuditedPart, AuditError> {
    let armed: bool = sqlx::query_scalar(
        "SELECT count(*) > 0 FROM pg_trigger
         WHERE tgrelid = 'events'::regclass AND tgname = 'events_append_only' AND tgenabled IN ('O', 'A')",
    )
    .fetch_one(tx)
    .await?;
    let mut finding = Finding::violation(
        "LOG_NOT_PROTECTED",
        "the trigger that refuses changes of the log is off",
    );
    if !armed {
        finding.at("events_append_only on events", 1);
    }
    Ok(AuditedPart {
        name: "protection",
        checked: "the trigger that refuses changes of the log".to_owned(),
        findings: (!armed).then_some(finding).into_iter().collect(),
    })
}

async fn may(tx: &mut PgConnection, question: &'static str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(question).fetch_one(tx).await
}

fn unreadable(what: &str) -> Finding {
    let mut finding = Finding::unchecked("NOT_PERMITTED", format!("this role may not read {what}"));
    finding.count = 1;
    finding
}

/// The finding with its first places and its whole number; none when there is nothing.
fn first_places(mut finding: Finding, places: impl Iterator<Item = String>, total: Option<i64>) -> Option<Finding> {
    finding.places = places.collect();
    finding.count = total?;
    Some(finding)
}
