//! `parked retry` and `parked discard`.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Api, OperatorArgs};
use crate::confirm::ConfirmArgs;
use crate::failure::Failure;
use crate::parked::Of;
use crate::parked::list::every_stream;
use crate::parked::view::{ParkedStream, Retried};
use crate::projection::ReasonArgs;
use crate::table::{count, printable, thousands};
use crate::terminal::print;

pub(crate) async fn retry(
    of: &Of,
    position: i64,
    reason: &ReasonArgs,
    operator: &OperatorArgs,
) -> Result<ExitCode, Failure> {
    let api = of.api.api_as(operator)?;
    let sent = retry_one(&api, of, position, reason).await?;
    told(of, &format!("position {position}"), &sent)
}

/// One stream after the other; those that stay parked do not keep the others from being tried.
pub(crate) async fn retry_all(of: &Of, reason: &ReasonArgs, operator: &OperatorArgs) -> Result<ExitCode, Failure> {
    let api = of.api.api_as(operator)?;
    let streams = every_stream(&api, of.name).await?;
    let (mut lines, mut answers, mut parked) = (Vec::new(), Vec::new(), 0);
    for stream in streams {
        let stream = ParkedStream::deserialize(&stream)?;
        let mut sent = retry_one(&api, of, stream.position, reason).await?;
        let retried = Retried::deserialize(&sent)?;
        parked += i64::from(retried.still_parked > 0);
        lines.push(format!("{}: {}", printable(&stream.stream()), outcome(&retried)));
        sent["position"] = Value::from(stream.position);
        answers.push(sent);
    }
    if of.json {
        print(&Value::from(answers).to_string())?;
    } else if lines.is_empty() {
        print("Nothing is parked.")?;
    } else {
        print(&lines.join("\n"))?;
    }
    if parked > 0 {
        return Err(format!("still parked: {}", count(parked, "stream")).into());
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn discard(
    of: &Of,
    position: i64,
    (reason, all): (&str, bool),
    confirm: ConfirmArgs,
    operator: &OperatorArgs,
) -> Result<ExitCode, Failure> {
    let api = of.api.api_as(operator)?;
    let path = format!("{}/{position}", of.path());
    let stream: ParkedStream = api.get(&path).await?;
    if !confirm.agreed(&touched(of, &stream, all))? {
        return Ok(ExitCode::FAILURE);
    }
    let sent: Value = api
        .post(&format!("{path}/discard"), json!({"reason": reason, "all": all}))
        .await?;
    told(of, &printable(&stream.stream()), &sent)
}

async fn retry_one(api: &Api, of: &Of, position: i64, reason: &ReasonArgs) -> Result<Value, Failure> {
    let body = json!({ "reason": reason.reason });
    Ok(api.post(&format!("{}/{position}/retry", of.path()), body).await?)
}

/// What a discard does, before it does.
fn touched(of: &Of, stream: &ParkedStream, all: bool) -> String {
    let (name, stream_name) = (of.name.as_str(), printable(&stream.stream()));
    let event = format!(
        "{} at position {} (sequence {})",
        stream.event_type, stream.position, stream.sequence
    );
    let behind = match (stream.behind, all) {
        (0, _) => "No event waits behind it.".to_owned(),
        (behind, true) => format!("So it does with what waits behind it: {}.", count(behind, "event")),
        (behind, false) => format!(
            "What waits behind it is applied then, in order: {}.",
            count(behind, "event")
        ),
    };
    format!(
        "{name} passes over {} of {stream_name} for good, in later rebuilds too.\n{behind}",
        printable(&event)
    )
}

fn told(of: &Of, subject: &str, sent: &Value) -> Result<ExitCode, Failure> {
    let retried = Retried::deserialize(sent)?;
    if of.json {
        print(&sent.to_string())?;
    } else if retried.still_parked == 0 {
        print(&format!("{subject}: {}", outcome(&retried)))?;
    }
    if retried.still_parked > 0 {
        return Err(format!("{subject}: {}", outcome(&retried)).into());
    }
    Ok(ExitCode::SUCCESS)
}

/// `3 events applied, 2 still parked: malformed, missing field`.
fn outcome(retried: &Retried) -> String {
    let mut parts = vec![format!("{} applied", count(retried.applied, "event"))];
    if retried.discarded > 0 {
        parts.push(format!("{} passed over", thousands(retried.discarded)));
    }
    if retried.still_parked > 0 {
        let why = [retried.reason.as_deref(), retried.detail.as_deref()];
        let why: Vec<&str> = why.into_iter().flatten().collect();
        parts.push(format!(
            "{} still parked: {}",
            thousands(retried.still_parked),
            why.join(", ")
        ));
    }
    printable(&parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::outcome;
    use crate::parked::view::Retried;

    #[test]
    fn what_became_of_the_events_is_told() {
        let mut retried = Retried {
            applied: 1,
            ..Retried::default()
        };
        assert_eq!(outcome(&retried), "1 event applied");
        (retried.applied, retried.discarded, retried.still_parked) = (0, 1, 2);
        (retried.reason, retried.detail) = (Some("malformed".to_owned()), Some("no name".to_owned()));
        assert_eq!(
            outcome(&retried),
            "0 events applied, 1 passed over, 2 still parked: malformed, no name"
        );
    }
}
