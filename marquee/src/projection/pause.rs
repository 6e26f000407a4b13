//! `projections pause` and `projections resume`.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::OperatorArgs;
use crate::failure::Failure;
use crate::projection::view::ProjectionView;
use crate::projection::{One, ReasonArgs};
use crate::table::thousands;
use crate::terminal::print;

pub(crate) async fn pause(one: &One, reason: &ReasonArgs, operator: &OperatorArgs) -> Result<ExitCode, Failure> {
    let name = one.name.as_str();
    let view = change(one, "pause", json!({ "reason": reason.reason }), operator).await?;
    if let Some(view) = view {
        let position = position(&view);
        let pending = pending(&view, "have not left the queue yet, and apply nothing");
        print(&format!(
            "{name} is paused{position}{pending}. It applies nothing until: marquee projections resume {name}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn resume(one: &One, reason: &ReasonArgs, operator: &OperatorArgs) -> Result<ExitCode, Failure> {
    let view = change(one, "resume", json!({ "reason": reason.reason }), operator).await?;
    if let Some(view) = view {
        let position = position(&view);
        let pending = pending(&view, "have not found out yet");
        print(&format!("{} goes on{position}{pending}.", one.name.as_str()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it, and gives how the projection is then; nothing when that was printed for a machine.
async fn change(
    one: &One,
    action: &str,
    body: Value,
    operator: &OperatorArgs,
) -> Result<Option<ProjectionView>, Failure> {
    let api = one.api.api_as(operator)?;
    let answer: Value = api.post(&format!("{}/{action}", one.path()), body).await?;
    if one.json {
        print(&answer.to_string())?;
        return Ok(None);
    }
    Ok(Some(ProjectionView::deserialize(&answer)?))
}

/// What is still to happen, if anything is.
fn pending(view: &ProjectionView, what: &str) -> String {
    let pending = view.pending.as_ref();
    let told = pending.map(|pending| format!("; consumers that {what}: {}", pending.consumers));
    told.unwrap_or_default()
}

fn position(view: &ProjectionView) -> String {
    let known = view
        .position
        .map(|position| format!(" at position {}", thousands(position)));
    known.unwrap_or_default()
}
