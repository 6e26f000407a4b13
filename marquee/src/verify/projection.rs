//! The audit of a projection: its checkpoint is in the log, nothing is parked, and its rows are what the log says.

use std::collections::HashSet;
use std::time::Duration;

use domain::Position;
use event_store::{AuditedPart, Finding, LogReader};
use projections::{Audit, Inspector, Name, ParkedStream, Reached, Served, WrongPrivilege};
use service::database::{DatabaseUrl, PoolOptions, pool};
use service::{BoxError, with_causes};
use uuid::Uuid;

use super::audited::{Audited, finding};
use crate::table::thousands;

/// Parked streams that are shown.
const PLACES_MAX: i64 = 10;

pub(super) async fn audit(name: Name, url: Option<&DatabaseUrl>, event_store: &DatabaseUrl) -> Audited {
    let subject = format!("projection {}", name.as_str());
    let Some(url) = url else {
        let variable = name.database_variable();
        return Audited::unreachable(subject, format!("its database is not given ({variable})"));
    };
    match looked_at(name, url, event_store).await {
        Ok((state, parts)) => Audited {
            subject,
            state: Some(state),
            parts,
        },
        Err(error) => Audited::unreachable(subject, format!("{url}: {}", with_causes(&*error))),
    }
}

async fn looked_at(
    name: Name,
    url: &DatabaseUrl,
    event_store: &DatabaseUrl,
) -> Result<(String, Vec<AuditedPart>), BoxError> {
    let mut inspector = Inspector::open(name.as_str(), url).await?;
    let reached = inspector.reached().await?.ok_or("it has no read model yet")?;
    let parked = parked(&mut inspector).await?;
    let privileges = privileges(&inspector.wrong_privileges(name.role()).await?);
    inspector.close().await;
    let log = LogReader::new(pool(
        event_store,
        PoolOptions {
            application_name: "marquee verify",
            connections_max: 1,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(20),
        },
    ));
    let rows = rows(name, url, event_store).await;
    let parts = vec![checkpoint(&log, reached).await?, parked, rows, privileges];
    Ok((format!("at position {}", reached.position.0), parts))
}

/// The events that operators of the projections have discarded. One that is discarded by one projection and not by another
/// is parked there, which is a finding of that one. A database that cannot be asked is found out by its own audit.
pub(super) async fn discarded(projections: &[(Name, Option<DatabaseUrl>)]) -> HashSet<Uuid> {
    let mut discarded = HashSet::new();
    for (name, url) in projections {
        if let Some(url) = url
            && let Ok(mut inspector) = Inspector::open(name.as_str(), url).await
        {
            discarded.extend(inspector.discarded().await.unwrap_or_default());
            inspector.close().await;
        }
    }
    discarded
}

/// No stream waits for an operator.
async fn parked(inspector: &mut Inspector) -> Result<AuditedPart, BoxError> {
    let (count, streams) = inspector.parked_streams(PLACES_MAX).await?;
    let places = streams.into_iter().map(|stream| {
        let ParkedStream {
            aggregate_type,
            aggregate_id,
            position,
            reason,
        } = stream;
        format!("{aggregate_type}/{aggregate_id} from position {position}, {reason}")
    });
    let finding = Finding {
        places: places.collect(),
        count,
        ..finding(
            "STREAM_PARKED",
            "a stream is parked: the read model lacks its last events".to_owned(),
            false,
        )
    };
    Ok(AuditedPart {
        name: "parked streams",
        checked: "no stream with an event that could not be applied".to_owned(),
        findings: (count > 0).then_some(finding).into_iter().collect(),
    })
}

/// The database and what is in it are its role's, and nobody else enters.
fn privileges(wrong: &[WrongPrivilege]) -> AuditedPart {
    let of = |code: &'static str, what: &str| {
        let places: Vec<String> = wrong
            .iter()
            .filter(|wrong| wrong.code == code)
            .map(|wrong| wrong.place.clone())
            .collect();
        (!places.is_empty()).then(|| Finding {
            count: places.len() as i64,
            places: places.into_iter().take(PLACES_MAX as usize).collect(),
            ..finding(code, what.to_owned(), false)
        })
    };
    let findings = [
        of(
            "OWNER_WRONG",
            "the owner is not the projection's role; marquee migrate gives it back",
        ),
        of(
            "PRIVILEGE_MISSING",
            "the projection may not do what it has to; marquee migrate grants it",
        ),
        of(
            "PRIVILEGE_TOO_MUCH",
            "somebody may enter who should not; marquee migrate revokes it",
        ),
    ];
    AuditedPart {
        name: "privileges",
        checked: "the owner of everything, and that nobody else may enter".to_owned(),
        findings: findings.into_iter().flatten().collect(),
    }
}

/// The event at the checkpoint is the log's event there.
async fn checkpoint(log: &LogReader, reached: Reached) -> Result<AuditedPart, BoxError> {
    let place = log.place(reached.position).await?;
    let mut findings: Vec<Finding> = Vec::new();
    if reached.position > Position(0) && place.event_id != reached.event_id {
        let what =
            "the checkpoint is not in the log: LOG_DIVERGED, the read model was made from another log".to_owned();
        findings.push(finding("CHECKPOINT_NOT_IN_LOG", what, false));
    }
    Ok(AuditedPart {
        name: "checkpoint",
        checked: format!("the event at position {} is the log's", reached.position.0),
        findings,
    })
}

/// The rows are those that a replay of the log makes, parked events aside.
async fn rows(name: Name, url: &DatabaseUrl, event_store: &DatabaseUrl) -> AuditedPart {
    let served = Served {
        projection: name.projection(),
        database_url: url.clone(),
        event_store_url: event_store.clone(),
    };
    let part = |checked: String, findings| AuditedPart {
        name: "rows",
        checked,
        findings,
    };
    match projections::verify(&served).await {
        Ok(audit) => part(compared(&audit), differences(&audit)),
        Err(error) => {
            let reason = format!("the rows could not be compared with the log: {}", with_causes(&error));
            part("nothing".to_owned(), vec![finding("NOT_COMPARED", reason, true)])
        }
    }
}

fn compared(audit: &Audit) -> String {
    let tables = audit.comparison.tables.iter();
    let tables: Vec<String> = tables
        .map(|table| format!("{} ({} rows)", table.table, thousands(table.rows)))
        .collect();
    let mut compared = format!(
        "generation {} at position {}, as the log makes it: {}",
        audit.generation,
        audit.position,
        tables.join(", ")
    );
    if audit.parked_events > 0 {
        compared += &format!("; {} parked events aside", audit.parked_events);
    }
    if audit.discarded_events > 0 {
        compared += &format!("; {} discarded events passed over", audit.discarded_events);
    }
    compared
}

fn differences(audit: &Audit) -> Vec<Finding> {
    let comparison = &audit.comparison;
    let mut findings = Vec::new();
    if comparison.differences_total > 0 {
        let shown = comparison.differences.iter().take(PLACES_MAX as usize);
        let places = shown.map(|difference| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            format!(
                "{} {}, {}: {} instead of {}",
                difference.table,
                difference.key,
                difference.column,
                value(&difference.old),
                value(&difference.new)
            )
        });
        findings.push(Finding {
            places: places.collect(),
            count: comparison.differences_total,
            ..finding(
                "ROW_DIFFERS",
                "a value is not what the log makes of it".to_owned(),
                false,
            )
        });
    }
    let columns = comparison
        .columns_added
        .iter()
        .map(|column| format!("{column} is missing"));
    let columns = columns.chain(
        comparison
            .columns_removed
            .iter()
            .map(|column| format!("{column} is too many")),
    );
    let places: Vec<String> = columns.collect();
    if !places.is_empty() {
        findings.push(Finding {
            count: places.len() as i64,
            places,
            ..finding(
                "COLUMN_DIFFERS",
                "the tables are not those of this version".to_owned(),
                false,
            )
        });
    }
    findings
}
