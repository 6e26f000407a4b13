//! One walk over the log: no position missing, every event readable.

use std::collections::{BTreeMap, HashSet};

use domain::{DecodeError, Event, Metadata, Position};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{AuditError, AuditedPart, Finding};

/// Events held at a time.
const CHUNK: i64 = 500;

#[derive(sqlx::FromRow)]
struct Row {
    position: i64,
    event_id: Uuid,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: String,
    metadata: String,
}

impl Row {
    fn place(&self) -> String {
        format!(
            "position {} ({}/{} {}, {} v{})",
            self.position, self.aggregate_type, self.aggregate_id, self.sequence, self.event_type, self.event_version
        )
    }
}

pub(super) async fn audit(
    tx: &mut PgConnection,
    head: Position,
    discarded: &HashSet<Uuid>,
    progress: &(dyn Fn(Position, Position) + Send + Sync),
) -> Result<AuditedPart, AuditError> {
    let mut walk = Walk::default();
    let mut events: u64 = 0;
    loop {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, payload::text AS payload,
                    metadata::text AS metadata
             FROM events WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(walk.last)
        .bind(CHUNK)
        .fetch_all(&mut *tx)
        .await?;
        if rows.is_empty() {
            break;
        }
        events += rows.len() as u64;
        rows.iter().for_each(|row| walk.take(row, discarded));
        progress(Position(walk.last), head);
    }
    let aside = match walk.discarded {
        0 => String::new(),
        discarded => format!(" but for {discarded} that operators have discarded"),
    };
    Ok(AuditedPart {
        name: "events",
        checked: format!(
            "{events} events: positions 1 to {} without a gap, each readable{aside}",
            head.0
        ),
        findings: walk.findings.into_values().collect(),
    })
}

#[derive(Default)]
struct Walk {
    last: i64,
    /// Malformed events that operators have decided to pass over.
    discarded: u64,
    /// By code, and for what is unknown by type and version.
    findings: BTreeMap<(&'static str, String), Finding>,
}

impl Walk {
    fn take(&mut self, row: &Row, discarded: &HashSet<Uuid>) {
        let missing = row.position - self.last - 1;
        if missing > 0 {
            let place = match missing {
                1 => format!("position {}", self.last + 1),
                _ => format!("positions {} to {}", self.last + 1, row.position - 1),
            };
            self.violation("POSITION_MISSING", "a position has no event", place, missing);
        }
        self.last = row.position;
        self.payload(row, discarded);
        if serde_json::from_str::<Metadata>(&row.metadata).is_err() {
            let what = "an event has metadata that cannot be read: no process can read on behind it";
            self.violation("METADATA_MALFORMED", what, row.place(), 1);
        }
    }

    fn payload(&mut self, row: &Row, discarded: &HashSet<Uuid>) {
        if row.event_type.split('.').next() != Some(&row.aggregate_type) {
            let what = "an event is in a stream of another kind than its type";
            self.violation("EVENT_MISPLACED", what, row.place(), 1);
        }
        match Event::decode(&row.event_type, &row.event_version, &row.payload) {
            Ok(_) => {}
            Err(DecodeError::Malformed { .. }) if discarded.contains(&row.event_id) => self.discarded += 1,
            Err(DecodeError::Malformed { .. }) => {
                let what = "an event has a payload that cannot be read";
                self.violation("EVENT_MALFORMED", what, row.place(), 1);
            }
            Err(DecodeError::Unknown { .. }) => {
                let event = format!("{} version {}", row.event_type, row.event_version);
                self.findings
                    .entry(("EVENT_UNKNOWN", event))
                    .or_insert_with_key(|(code, event)| {
                        Finding::unchecked(code, format!("an event is of {event}, which this code does not know"))
                    })
                    .at(row.place(), 1);
            }
        }
    }

    fn violation(&mut self, code: &'static str, what: &str, place: String, count: i64) {
        self.findings
            .entry((code, String::new()))
            .or_insert_with(|| Finding::violation(code, what))
            .at(place, count);
    }
}
