//! What counts as healthy.

use crate::api::Answer;
use crate::projection::view::ProjectionView;
use crate::status::snapshot::{Relay, Snapshot};
use crate::table::count;

/// An older event that is not applied is one that somebody misses.
const LAG_SECONDS_MAX: i64 = 30;
/// States of a consumer in which it does its work, or would if another process did not.
const WORKING: [&str; 3] = ["waiting", "consuming", "healing"];

impl Snapshot {
    /// What is not as it should be, a line each, begun by what it is about; nothing when all is well.
    ///
    /// What nobody serves at this address does not count, as long as something is served there.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Answer::Away(reason) = &self.readiness {
            problems.push(format!("services: {reason}"));
            // One reason is enough when nothing can be asked.
            if self.nothing_answers() {
                return problems;
            }
        }
        if self.nothing_is_served() {
            problems.push("services: nothing of Marquee is served at this address".to_owned());
        }
        let checks = self.readiness.understood().map(|readiness| &readiness.checks);
        for (name, check) in checks.into_iter().flatten() {
            if check.required && !check.ok {
                problems.push(format!("{name}: {}", check.detail));
            }
        }
        if let Answer::Away(reason) = &self.event_store {
            problems.push(format!("event store: {reason}"));
        }
        let relay = match &self.relay {
            Answer::Given { understood, .. } => of_relay(understood),
            Answer::Away(reason) => Some(reason.clone()),
            Answer::NotServed => None,
        };
        problems.extend(relay.map(|problem| format!("relay: {problem}")));
        for (name, answer) in &self.projections {
            let of_this = match answer {
                Answer::Given { understood, .. } => of_projection(understood),
                Answer::Away(reason) => vec![reason.clone()],
                Answer::NotServed => Vec::new(),
            };
            problems.extend(of_this.into_iter().map(|problem| format!("{name}: {problem}")));
        }
        problems
    }

    /// Tells whether all of it is away.
    pub(crate) fn nothing_answers(&self) -> bool {
        self.readiness.is_away()
            && self.event_store.is_away()
            && self.relay.is_away()
            && self.projections.iter().all(|(_, answer)| answer.is_away())
    }

    fn nothing_is_served(&self) -> bool {
        self.readiness.is_not_served()
            && self.event_store.is_not_served()
            && self.relay.is_not_served()
            && self.projections.iter().all(|(_, answer)| answer.is_not_served())
    }
}

/// What a relay says of a broker that refuses its messages. It leads from time to time, to try again.
pub(crate) const REFUSING: &str = "refusing";

/// Only a leader's connection counts: a standby publishes nothing.
fn of_relay(relay: &Relay) -> Option<String> {
    if let Some(halt) = &relay.halted {
        return Some(format!("it has stopped: {} {}", halt.code, halt.reason));
    }
    if relay.broker.as_deref() == Some(REFUSING) {
        let error = relay.last_error.as_deref().map(|error| format!(": {error}"));
        return Some(format!(
            "a queue refuses what is published{}",
            error.unwrap_or_default()
        ));
    }
    if relay.leader.is_none() {
        return Some("none leads: events are not published".to_owned());
    }
    let broker = relay.broker.as_deref().unwrap_or("connected");
    (relay.role.as_deref() == Some("leader") && broker != "connected")
        .then(|| format!("its broker is {broker}: events are not published"))
}

fn of_projection(view: &ProjectionView) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(paused) = &view.paused {
        problems.push(format!("paused by {}", paused.by));
    }
    // A paused one may be diverged as well.
    let is_told = view.paused.is_some() && view.state == "paused";
    if !is_told && !WORKING.contains(&view.state.as_str()) {
        let reason = view.last_error.as_deref().map(|error| format!(": {error}"));
        problems.push(format!("{}{}", view.state, reason.unwrap_or_default()));
    }
    if view.position.is_none() {
        problems.push("its database does not answer".to_owned());
    }
    if view.head.is_none() {
        problems.push("the event store does not answer it".to_owned());
    }
    if let Some(parked) = view.parked_streams
        && parked > 0
    {
        problems.push(count(parked, "parked stream"));
    }
    if let Some(seconds) = view.lag_seconds
        && seconds > LAG_SECONDS_MAX
    {
        problems.push(format!("{seconds} s behind"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{of_projection, of_relay};
    use crate::status::snapshot::Relay;

    fn projection(changed: Value) -> Vec<String> {
        let mut view = json!({"name": "users", "state": "consuming", "position": 9, "head": 9, "lag_events": 0,
            "lag_seconds": 0, "parked_streams": 0, "something_newer": true});
        let changed = changed.as_object().expect("an object").clone();
        view.as_object_mut().expect("an object").extend(changed);
        of_projection(&serde_json::from_value(view).expect("its shape"))
    }

    fn relay(changed: Value) -> Option<String> {
        let mut view = json!({"leader": {"holder": "a", "epoch": 1}, "this": "leader", "broker": "connected"});
        let changed = changed.as_object().expect("an object").clone();
        view.as_object_mut().expect("an object").extend(changed);
        of_relay(&serde_json::from_value::<Relay>(view).expect("its shape"))
    }

    #[test]
    fn a_projection_that_works_or_stands_by_is_healthy() {
        for state in ["consuming", "waiting", "healing"] {
            assert!(projection(json!({ "state": state })).is_empty());
        }
        assert!(projection(json!({"rebuild": {"kind": "rebuild", "state": "running"}})).is_empty());
        assert!(projection(json!({"lag_events": 5000, "lag_seconds": 30})).is_empty());
    }

    #[test]
    fn a_projection_that_applies_nothing_or_misses_something_is_not() {
        for state in [
            "held",
            "version_mismatch",
            "log_diverged",
            "stopped",
            "connecting",
            "paused",
        ] {
            assert_eq!(projection(json!({ "state": state })), [state]);
        }
        let paused = projection(json!({"state": "paused", "paused": {"by": "ada", "reason": null}}));
        assert_eq!(paused, ["paused by ada"]);
        let diverged = projection(json!({"state": "log_diverged", "paused": {"by": "ada", "reason": null}}));
        assert_eq!(diverged, ["paused by ada", "log_diverged"]);
        assert_eq!(projection(json!({"parked_streams": 2})), ["2 parked streams"]);
        assert_eq!(projection(json!({"lag_seconds": 31})), ["31 s behind"]);
        assert_eq!(projection(json!({"position": null})), ["its database does not answer"]);
        assert_eq!(
            projection(json!({"head": null})),
            ["the event store does not answer it"]
        );
    }

    #[test]
    fn a_relay_is_healthy_while_somebody_publishes() {
        assert_eq!(relay(json!({})), None);
        assert_eq!(relay(json!({"this": "standby", "broker": "disconnected"})), None);
        for trouble in [
            json!({"leader": null}),
            json!({"broker": "blocked"}),
            json!({"broker": "disconnected"}),
            json!({"broker": "refusing"}),
            json!({"halted": {"code": "LOG_GAP", "reason": "position 7 is missing"}}),
        ] {
            assert!(relay(trouble.clone()).is_some(), "{trouble}");
        }
    }

    #[test]
    fn a_relay_that_is_refused_is_not_called_one_that_does_not_lead() {
        let refused =
            json!({"leader": null, "this": "starting", "broker": "refusing", "last_error": "newsletter is full"});
        let said = relay(refused).expect("a problem");
        assert!(
            said.contains("refuses") && said.contains("newsletter is full"),
            "{said}"
        );
        assert!(!said.contains("leads"), "{said}");
    }
}
