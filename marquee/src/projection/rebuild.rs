//! `projections rebuild`, `rollback` and `cancel`.

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, ApiError, OperatorArgs};
use crate::confirm::ConfirmArgs;
use crate::failure::Failure;
use crate::projection::follow::{Ended, Interrupt, follow};
use crate::projection::operation::Operation;
use crate::projection::report::{failure, report};
use crate::projection::view::{ProjectionView, RetiredView};
use crate::projection::{One, ReasonArgs};
use crate::table::{count, thousands};
use crate::terminal::print;

/// The exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Settings of `marquee projections rebuild`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    one: One,
    /// Build and compare only: say what would change, and switch nothing
    #[arg(long)]
    dry_run: bool,
    /// At most so many events a second, for a busy database
    #[arg(long, value_name = "EVENTS")]
    throttle: Option<NonZeroU32>,
    #[command(flatten)]
    reason: ReasonArgs,
    /// Do not wait for its end
    #[arg(long)]
    detach: bool,
    /// Start none: watch the one that runs, or show how the last one ended
    #[arg(long, conflicts_with_all = ["dry_run", "throttle", "reason", "detach", "yes"])]
    attach: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(crate) async fn rebuild(args: RebuildArgs) -> Result<ExitCode, Failure> {
    let RebuildArgs { one, reason, .. } = &args;
    let api = one.api.api_as(&args.operator)?;
    if args.attach {
        return attach(&api, one).await;
    }
    let before: ProjectionView = api.get(&one.path()).await?;
    if let Some(lost) = lost_by_rebuild(&before).filter(|_| !args.dry_run)
        && !args.confirm.agreed(&lost)?
    {
        return Ok(declined());
    }
    let body = json!({"dry_run": args.dry_run, "throttle": args.throttle, "reason": reason.reason});
    let started = start(&api, one, "rebuild", body).await?;
    ended(&api, one, started, args.detach).await
}

pub(crate) async fn rollback(
    one: &One,
    reason: &ReasonArgs,
    detach: bool,
    confirm: ConfirmArgs,
    operator: &OperatorArgs,
) -> Result<ExitCode, Failure> {
    let api = one.api.api_as(operator)?;
    let before: ProjectionView = api.get(&one.path()).await?;
    // Without a retired generation the service tells why it refuses.
    if let Some(touched) = touched_by_rollback(&before)
        && !confirm.agreed(&touched)?
    {
        return Ok(declined());
    }
    let started = start(&api, one, "rollback", json!({ "reason": reason.reason })).await?;
    ended(&api, one, started, detach).await
}

pub(crate) async fn cancel(one: &One, operator: &OperatorArgs) -> Result<ExitCode, Failure> {
    let api = one.api.api_as(operator)?;
    let operation: Value = api.delete(&format!("{}/rebuild", one.path())).await?;
    let name = one.name.as_str();
    if one.json {
        print(&operation.to_string())?;
    } else {
        print(&format!(
            "The service cancels the operation on {name}: marquee projections show {name}"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Watches what runs, without a say in it; or tells how the last one ended.
async fn attach(api: &Api, one: &One) -> Result<ExitCode, Failure> {
    let path = format!("{}/rebuild", one.path());
    let sent: Value = api.get(&path).await?;
    let operation = Operation::deserialize(&sent)?;
    if !operation.is_running() {
        return finish(one, Some(Ended { sent, operation }));
    }
    let followed = follow(api, &path, &operation, Interrupt::Leaves).await?;
    finish(one, followed)
}

/// Starts it. Of one that runs already it is told where, and how to watch it.
async fn start(api: &Api, one: &One, action: &str, body: Value) -> Result<Value, Failure> {
    let path = format!("{}/{action}", one.path());
    let started: Result<Value, ApiError> = api.post(&path, body).await;
    started.map_err(|error| match error.refused_with("REBUILD_RUNNING") {
        Some(refusal) => {
            let at = refusal.location.as_deref().unwrap_or_default();
            let name = one.name.as_str();
            let url = api.shown_url();
            Failure::from(format!(
                "{refusal}; it is at {url}{at}. Watch it: marquee projections rebuild {name} --attach"
            ))
        }
        None => error.into(),
    })
}

/// Follows it to its end, unless that is not wanted.
async fn ended(api: &Api, one: &One, started: Value, detach: bool) -> Result<ExitCode, Failure> {
    let operation = Operation::deserialize(&started)?;
    if detach {
        let name = one.name.as_str();
        let title = operation.title();
        let text = if one.json {
            started.to_string()
        } else {
            format!("The {title} has begun. Watch it: marquee projections rebuild {name} --attach")
        };
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = format!("{}/rebuild", one.path());
    let followed = follow(api, &path, &operation, Interrupt::Cancels).await?;
    finish(one, followed)
}

fn finish(one: &One, followed: Option<Ended>) -> Result<ExitCode, Failure> {
    let Some(Ended { sent, operation }) = followed else {
        let name = one.name.as_str();
        print(&format!("Left to itself: marquee projections show {name}"))?;
        return Ok(ExitCode::from(INTERRUPTED));
    };
    if one.json {
        print(&sent.to_string())?;
    } else if operation.succeeded() || operation.verification.is_some() {
        print(&report(&operation))?;
    }
    if operation.succeeded() {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(failure(&operation).into())
    }
}

/// What a rebuild takes away, if anything.
fn lost_by_rebuild(before: &ProjectionView) -> Option<String> {
    let retired = before.retired_generation.as_ref()?;
    Some(format!(
        "A rebuild of {}\n  serves {} until the new one is ready, and keeps it\n  drops {} for good once it has switched",
        before.name,
        live(before),
        kept(retired),
    ))
}

/// What a rollback changes.
fn touched_by_rollback(before: &ProjectionView) -> Option<String> {
    let retired = before.retired_generation.as_ref()?;
    let behind = (before.position.unwrap_or(retired.position) - retired.position).max(0);
    Some(format!(
        "A rollback of {}\n  switches from {}, which is kept\n  to {}, after catching up {}",
        before.name,
        live(before),
        kept(retired),
        count(behind, "event"),
    ))
}

fn live(view: &ProjectionView) -> String {
    let (number, version) = (view.generation.unwrap_or_default(), view.version.unwrap_or_default());
    let position = thousands(view.position.unwrap_or_default());
    format!("generation {number} (version {version}, position {position})")
}

fn kept(retired: &RetiredView) -> String {
    let (number, version, position) = (retired.number, retired.version, thousands(retired.position));
    format!("generation {number} (version {version}, position {position})")
}

fn declined() -> ExitCode {
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{lost_by_rebuild, touched_by_rollback};

    #[test]
    fn what_is_lost_or_touched_is_told_with_its_numbers() {
        let mut view = json!({"name": "catalog", "generation": 3, "version": 2, "position": 12000,
            "retired_generation": {"number": 2, "version": 1, "position": 9000}});
        let before = serde_json::from_value(view.clone()).expect("its shape");
        assert_eq!(
            lost_by_rebuild(&before).expect("the retired one"),
            "A rebuild of catalog\n  serves generation 3 (version 2, position 12,000) until the new one is ready, and \
             keeps it\n  drops generation 2 (version 1, position 9,000) for good once it has switched"
        );
        let touched = touched_by_rollback(&before).expect("a switch");
        let end = "to generation 2 (version 1, position 9,000), after catching up 3,000 events";
        assert!(touched.ends_with(end), "{touched}");
        view["retired_generation"] = json!(null);
        let before = serde_json::from_value(view).expect("its shape");
        assert!(lost_by_rebuild(&before).is_none() && touched_by_rollback(&before).is_none());
    }
}
