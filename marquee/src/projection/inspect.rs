//! `projections list` and `projections show`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Answer, Api, ApiError};
use crate::failure::Failure;
use crate::projection::One;
use crate::projection::operation::Operation;
use crate::projection::report::report;
use crate::projection::summary;
use crate::projection::view::{PageView, ProjectionView};
use crate::status::every_projection;
use crate::table::{Cell, Column, Table, count, printable, thousands};
use crate::terminal::{dim, print};

/// How many of the last actions are shown.
const ACTIONS: usize = 10;

/// What an operator did.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Action {
    at: Option<DateTime<Utc>>,
    action: String,
    who: String,
    why: Option<String>,
    subject: Option<String>,
}

pub(crate) async fn list(api: &Api, json: bool) -> Result<ExitCode, Failure> {
    let projections = every_projection(api).await;
    if json {
        let known = projections.iter().filter(|(_, answer)| answer.understood().is_some());
        let sent: Vec<Value> = known.map(|(_, answer)| answer.sent()).collect();
        print(&Value::from(sent).to_string())?;
    } else {
        print(&summary::table(&projections).to_string())?;
    }
    let away = projections.iter().find_map(|(name, answer)| match answer {
        Answer::Away(reason) => Some(format!("{name}: {reason}")),
        _ => None,
    });
    match away {
        Some(away) => Err(away.into()),
        None if projections.iter().all(|(_, answer)| answer.is_not_served()) => {
            Err(format!("no projection is served at {}", api.shown_url()).into())
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

pub(crate) async fn show(one: &One) -> Result<ExitCode, Failure> {
    let api = one.api.api()?;
    let path = one.path();
    let status: Value = api.get(&path).await?;
    let rebuild: Option<Value> = or_none(api.get(&format!("{path}/rebuild")).await)?;
    let actions: Option<Value> = or_none(api.get(&format!("{path}/actions?limit={ACTIONS}")).await)?;
    if one.json {
        print(&json!({"projection": status, "rebuild": rebuild, "actions": actions}).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut parts = vec![facts(&ProjectionView::deserialize(&status)?)];
    if let Some(rebuild) = rebuild {
        let operation = Operation::deserialize(&rebuild)?;
        parts.push(last(&operation));
    }
    let actions = actions.map(PageView::<Action>::deserialize).transpose()?;
    if let Some(actions) = actions.filter(|actions| !actions.items.is_empty()) {
        parts.push(actions_of(&actions.items));
    }
    print(&parts.join("\n\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// What there is none of is told with 404.
fn or_none(answer: Result<Value, ApiError>) -> Result<Option<Value>, ApiError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ApiError::Refused(refusal)) if refusal.status.as_u16() == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// A line for each thing that is known.
fn facts(view: &ProjectionView) -> String {
    let mut facts: Vec<(&str, String)> = vec![("projection", view.name.clone()), ("state", view.state.clone())];
    if let Some(paused) = &view.paused {
        let reason = paused.reason.as_deref().map(|reason| format!(": {reason}"));
        facts.push((
            "paused",
            format!("by {}{}{}", paused.by, time(paused.at), reason.unwrap_or_default()),
        ));
    }
    if let (Some(position), Some(head)) = (view.position, view.head) {
        facts.push(("position", format!("{} of {}", thousands(position), thousands(head))));
    }
    if let (Some(events), Some(seconds)) = (view.lag_events, view.lag_seconds) {
        facts.push(("behind", format!("{}, {seconds} s", count(events, "event"))));
    }
    if let Some(generation) = view.generation {
        let code = view.code_version.filter(|code| Some(*code) != view.version);
        let code = code.map(|code| format!("; this program is version {code}"));
        let version = view.version.unwrap_or_default();
        facts.push((
            "live",
            format!("generation {generation}, version {version}{}", code.unwrap_or_default()),
        ));
    }
    if let Some(retired) = &view.retired_generation {
        let (number, version, position) = (retired.number, retired.version, thousands(retired.position));
        facts.push((
            "kept",
            format!("generation {number}, version {version}, position {position}"),
        ));
    }
    if let Some(parked) = view.parked_streams {
        let hint = if parked > 0 {
            format!(": marquee parked list {}", view.name)
        } else {
            String::new()
        };
        facts.push(("parked", format!("{}{hint}", count(parked, "stream"))));
    }
    if let Some(queue) = &view.queue {
        let known =
            |number: Option<i64>, noun| number.map_or_else(|| format!("? {noun}s"), |number| count(number, noun));
        let (messages, consumers) = (known(queue.messages, "message"), known(queue.consumers, "consumer"));
        facts.push(("queue", format!("{}, {messages}, {consumers}", queue.name)));
    }
    if let Some(error) = &view.last_error {
        facts.push(("last error", format!("{error}{}", time(view.last_error_at))));
    }
    let line = |(name, fact): (&str, String)| format!("{} {}", dim().apply_to(format!("{name:<11}")), printable(&fact));
    facts.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn last(operation: &Operation) -> String {
    let by = operation.requested_by.as_deref().unwrap_or("somebody");
    let reason = operation
        .reason
        .as_deref()
        .map(|reason| format!(", {reason}"))
        .unwrap_or_default();
    let heading = format!(
        "Last operation: {}, by {by}{}{reason}",
        operation.title(),
        time(operation.started_at)
    );
    let heading = printable(&heading);
    if operation.is_running() {
        let name = &operation.projection;
        let percent = operation.percent.unwrap_or_default();
        let phase = operation.phase();
        return format!(
            "{heading}\nRunning, {phase}, {percent:.0} %. Watch it: marquee projections rebuild {name} --attach"
        );
    }
    format!("{heading}\n{}", report(operation))
}

fn actions_of(actions: &[Action]) -> String {
    let mut table = Table::new([
        Column::Left("AT (UTC)"),
        Column::Left("WHO"),
        Column::Left("ACTION"),
        Column::Left("SUBJECT"),
        Column::Left("WHY"),
    ]);
    for action in actions {
        let at = action.at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        table.row([
            Cell::new(at.unwrap_or_default()),
            Cell::new(&action.who),
            Cell::new(&action.action),
            Cell::new(action.subject.as_deref().unwrap_or("-")),
            Cell::new(action.why.as_deref().unwrap_or("-")),
        ]);
    }
    table.to_string()
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| format!(" at {}", at.format("%Y-%m-%d %H:%M:%S UTC")))
}
