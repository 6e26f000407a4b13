//! The audit of the event store, with a bar for a long log.

use std::collections::HashSet;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use domain::Position;
use indicatif::{ProgressBar, ProgressStyle};
use service::database::{DatabaseUrl, connect_options};
use service::{BoxError, with_causes};
use sqlx::Connection;
use tokio::time::timeout;
use uuid::Uuid;

use super::audited::Audited;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SUBJECT: &str = "event store";

/// Audits the log, and what serves from it: a copy that nobody serves from has no roles.
pub(super) async fn audit(url: &DatabaseUrl, discarded: &HashSet<Uuid>, is_served: bool) -> Audited {
    match looked_at(url, discarded, is_served).await {
        Ok(audited) => audited,
        Err(error) => Audited::unreachable(SUBJECT.to_owned(), format!("{url}: {}", with_causes(&*error))),
    }
}

async fn looked_at(url: &DatabaseUrl, discarded: &HashSet<Uuid>, is_served: bool) -> Result<Audited, BoxError> {
    let options = connect_options(url, "marquee verify");
    let mut connection = timeout(CONNECT_TIMEOUT, options.connect()).await??;
    let bar = bar();
    let mut audit = event_store::audit(&mut connection, discarded, &|done: Position, head: Position| {
        bar.set_length(head.0.unsigned_abs());
        bar.set_position(done.0.unsigned_abs());
    })
    .await?;
    bar.finish_and_clear();
    if is_served {
        audit.parts.push(event_store::audit_privileges(&mut connection).await?);
    }
    // The audit is done.
    let _: Result<(), sqlx::Error> = connection.close().await;
    Ok(Audited {
        subject: SUBJECT.to_owned(),
        state: Some(format!("log {} up to position {}", audit.log_id, audit.head.0)),
        parts: audit.parts,
    })
}

fn bar() -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "The event store {bar:30} {human_pos} of {human_len} events, {eta} left";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(0).with_style(style)
}
