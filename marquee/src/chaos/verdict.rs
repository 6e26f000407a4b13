//! The verdict: what clients, witness, readers and the log say together. No I/O.

use std::collections::{HashMap, HashSet};

use domain::Envelope;
use serde::Serialize;

use super::clients::{Acknowledged, Attempt, End};

/// Findings of one kind that are shown.
const SHOWN_MAX: usize = 20;

/// What is known at the end of a run.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) attempts: Vec<Attempt>,
    /// The whole log, in order.
    pub(crate) log: Vec<Envelope>,
    /// Where the log ended after each restore: what came behind it before is not in the log any more.
    pub(crate) restored: Vec<i64>,
    /// Positions of events that no command has made.
    pub(crate) poisoned: HashSet<i64>,
    /// Deliveries beyond the first of each event.
    pub(crate) redelivered: u64,
    /// First deliveries out of order, reads that went back.
    pub(crate) disordered: Vec<String>,
    /// What else is not as it should be.
    pub(crate) unexpected: Vec<String>,
}

/// What comes of it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// Commands that clients sent.
    pub(crate) attempted: usize,
    /// Commands that were answered as accepted.
    pub(crate) acknowledged: usize,
    /// Commands that were answered that nothing was changed, and left at that.
    pub(crate) refused: usize,
    /// Of those acknowledged, the ones that are in the log as they were answered.
    pub(crate) ok: usize,
    /// Of those, the ones that are not.
    pub(crate) lost: usize,
    /// Of those, the ones that operators have undone: they had restored a dump that was older.
    pub(crate) undone: usize,
    /// Commands, acknowledged or not, whose events are in the log more than once.
    pub(crate) duplicated_effects: usize,
    /// Deliveries of an event beyond its first, which consumers have to see through.
    pub(crate) redelivered: u64,
    /// Commands that were acknowledged after they had been sent again.
    pub(crate) recovered: usize,
    /// Answers, rows or states that nobody expects.
    pub(crate) unexpected: usize,
    /// Events or reads that came out of order.
    pub(crate) order_violations: usize,
    /// Each of them in words, a bounded number of each kind.
    pub(crate) findings: Vec<String>,
}

impl Verdict {
    /// Judges.
    pub(crate) fn of(evidence: Evidence) -> Self {
        let Evidence {
            attempts,
            log,
            restored,
            poisoned,
            redelivered,
            disordered,
            mut unexpected,
        } = evidence;
        let at: HashMap<i64, &Envelope> = log.iter().map(|event| (event.position.0, event)).collect();
        let mut of_command: HashMap<&str, Vec<&Envelope>> = HashMap::new();
        for event in log.iter().filter(|event| !poisoned.contains(&event.position.0)) {
            let command = event.metadata.correlation_id.as_deref().unwrap_or_default();
            of_command.entry(command).or_default().push(event);
        }
        let (mut lost, mut duplicated) = (Vec::new(), Vec::new());
        let (mut acknowledged, mut refused, mut recovered, mut undone) = (0, 0, 0, 0);
        for attempt in &attempts {
            let key = attempt.request.key.as_str();
            let events = of_command.remove(key).unwrap_or_default();
            if is_doubled(&events) {
                duplicated.push(format!("{key}: its events are in the log more than once"));
            }
            match &attempt.end {
                End::Acknowledged(answer) => {
                    acknowledged += 1;
                    recovered += usize::from(attempt.tries > 1);
                    if is_undone(attempt, &restored) {
                        undone += 1;
                        unexpected.extend(events.first().map(|event| {
                            let position = event.position.0;
                            format!("{key}: a restore has undone it, and it is in the log at position {position}")
                        }));
                    } else if !is_kept(attempt, answer, &events, &at) {
                        lost.push(format!(
                            "{key}: acknowledged at position {}, sequence {}, and not there",
                            answer.position, answer.sequence
                        ));
                    }
                }
                End::Refused => {
                    refused += 1;
                    unexpected.extend(events.first().map(|event| {
                        let position = event.position.0;
                        format!(
                            "{key}: was answered that nothing was changed, and is in the log at position {position}"
                        )
                    }));
                }
                End::Unexpected(answer) => unexpected.push(answer.clone()),
                End::Unanswered => unexpected.push(format!("{key}: not answered after everything was mended")),
            }
        }
        unexpected.extend(
            of_command
                .keys()
                .map(|key| format!("events of a command that nobody sent: {key:?}")),
        );
        let findings = [
            ("lost", &lost),
            ("duplicated", &duplicated),
            ("unexpected", &unexpected),
            ("order", &disordered),
        ];
        let findings = findings
            .iter()
            .flat_map(|(kind, found)| found.iter().take(SHOWN_MAX).map(move |what| format!("{kind}: {what}")));
        Self {
            attempted: attempts.len(),
            acknowledged,
            refused,
            ok: acknowledged - lost.len() - undone,
            lost: lost.len(),
            undone,
            duplicated_effects: duplicated.len(),
            redelivered,
            recovered,
            unexpected: unexpected.len(),
            order_violations: disordered.len(),
            findings: findings.collect(),
        }
    }

    /// Tells whether everything is as was promised.
    pub(crate) fn is_sound(&self) -> bool {
        self.lost + self.duplicated_effects + self.unexpected + self.order_violations == 0
    }

    /// The counts on one line.
    pub(crate) fn line(&self) -> String {
        let Self {
            attempted,
            acknowledged,
            refused,
            ok,
            lost,
            undone,
            duplicated_effects,
            redelivered,
            recovered,
            unexpected,
            order_violations,
            ..
        } = self;
        format!(
            "attempted {attempted} acknowledged {acknowledged} refused {refused} ok {ok} lost {lost} undone {undone} duplicated_effects {duplicated_effects} \
             redelivered {redelivered} recovered {recovered} unexpected {unexpected} order_violations {order_violations}"
        )
    }
}

/// A command is appended as one: its events are neighbours, and none of a type comes twice.
fn is_doubled(events: &[&Envelope]) -> bool {
    let neighbours = events
        .windows(2)
        .all(|pair| pair[1].position.0 == pair[0].position.0 + 1 && pair[0].aggregate_id == pair[1].aggregate_id);
    let mut types: Vec<&str> = events.iter().map(|event| event.event_type.as_str()).collect();
    types.sort_unstable();
    !neighbours || types.windows(2).any(|pair| pair[0] == pair[1])
}

/// Tells whether a restore has taken it out of the log: it was acknowledged before, at a position behind the end of the dump.
pub(super) fn is_undone(attempt: &Attempt, restored: &[i64]) -> bool {
    let mut later = restored.iter().skip(attempt.history);
    match &attempt.end {
        End::Acknowledged(answer) => later.any(|head| answer.position > *head),
        _ => false,
    }
}

/// The answer names the command's last event, or, of a command that changed nothing, its stream's.
fn is_kept(attempt: &Attempt, answer: &Acknowledged, events: &[&Envelope], at: &HashMap<i64, &Envelope>) -> bool {
    let Some(event) = at.get(&answer.position) else {
        return false;
    };
    let is_subject = match events.last() {
        Some(last) => last.position == event.position,
        None => attempt.request.path.split('/').any(|part| part == event.aggregate_id),
    };
    is_subject && event.sequence.0 == answer.sequence
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::Utc;
    use domain::{Metadata, Position, Sequence};
    use reqwest::Method;
    use uuid::Uuid;

    use super::*;
    use crate::load::command::Request;

    pub(in crate::chaos) fn event(position: i64, id: &str, sequence: i64, event_type: &str, key: &str) -> Envelope {
        Envelope {
            log_id: Uuid::nil(),
            position: Position(position),
            event_id: Uuid::now_v7(),
            aggregate_type: "user".to_owned(),
            aggregate_id: id.to_owned(),
            sequence: Sequence(sequence),
            event_type: event_type.to_owned(),
            event_version: "1".to_owned(),
            payload: "{}".to_owned(),
            metadata: Metadata {
                correlation_id: Some(key.to_owned()),
                ..Metadata::default()
            },
            recorded_at: Utc::now(),
        }
    }

    fn attempt(key: &str, id: &str, end: End) -> Attempt {
        Attempt {
            request: Request {
                key: key.to_owned(),
                method: Method::POST,
                path: format!("/users/{id}"),
                body: None,
            },
            tries: 2,
            end,
            history: 0,
        }
    }

    fn acknowledged(position: i64, sequence: i64) -> End {
        End::Acknowledged(Acknowledged { sequence, position })
    }

    fn judged(attempts: &[Attempt], log: &[Envelope]) -> Verdict {
        judged_after(Vec::new(), attempts, log)
    }

    fn judged_after(restored: Vec<i64>, attempts: &[Attempt], log: &[Envelope]) -> Verdict {
        Verdict::of(Evidence {
            attempts: attempts.to_vec(),
            log: log.to_vec(),
            restored,
            poisoned: HashSet::new(),
            redelivered: 0,
            disordered: Vec::new(),
            unexpected: Vec::new(),
        })
    }

    fn sound_log() -> Vec<Envelope> {
        vec![
            event(1, "a", 1, "user.created", "k1"),
            event(2, "a", 2, "user.profile.updated", "k1"),
            event(3, "b", 1, "user.created", "k2"),
        ]
    }

    #[test]
    fn what_was_acknowledged_and_is_there_once_is_sound() {
        let attempts = [
            attempt("k1", "a", acknowledged(2, 2)),
            attempt("k2", "b", acknowledged(3, 1)),
            attempt("nothing-changed", "a", acknowledged(2, 2)),
        ];
        let verdict = judged(&attempts, &sound_log());
        assert!(verdict.is_sound(), "{verdict:?}");
        assert_eq!((verdict.ok, verdict.recovered), (3, 3));
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        for (position, sequence) in [(4, 3), (3, 1), (2, 3)] {
            let verdict = judged(
                &[
                    attempt("k1", "a", acknowledged(2, 2)),
                    attempt("k2", "b", acknowledged(3, 1)),
                    attempt("k3", "a", acknowledged(position, sequence)),
                ],
                &sound_log(),
            );
            assert_eq!((verdict.lost, verdict.ok), (1, 2), "{position} {sequence}: {verdict:?}");
        }
    }

    #[test]
    fn only_what_was_acknowledged_before_a_restore_and_behind_its_end_is_undone() {
        let kept = attempt("k1", "a", acknowledged(2, 2));
        let undone = attempt("k3", "c", acknowledged(3, 1));
        let mut later = attempt("k2", "b", acknowledged(3, 1));
        later.history = 1;
        let verdict = judged_after(vec![2], &[kept.clone(), undone.clone(), later.clone()], &sound_log());
        assert!(verdict.is_sound(), "{verdict:?}");
        assert_eq!((verdict.ok, verdict.undone), (2, 1));
        let lost = judged_after(vec![2], &[kept.clone(), later.clone()], &sound_log()[..2]);
        assert_eq!((lost.lost, lost.undone), (1, 0), "it came after the restore");
        let lost = judged_after(vec![2], &[kept.clone(), later.clone()], &sound_log()[2..]);
        assert_eq!((lost.lost, lost.undone), (1, 0), "the dump had it");
        let mut log = sound_log();
        log.push(event(4, "c", 1, "user.created", "k3"));
        let back = judged_after(vec![2], &[kept, undone, later], &log);
        assert_eq!(back.unexpected, 1, "what is undone does not come back: {back:?}");
    }

    #[test]
    fn an_effect_that_is_there_twice_is_found_whether_it_was_acknowledged_or_not() {
        let attempts = |end| [attempt("k1", "a", acknowledged(2, 2)), attempt("k2", "b", end)];
        for doubled in [
            event(4, "b", 2, "user.created", "k2"),
            event(4, "a", 3, "user.profile.updated", "k2"),
            event(5, "b", 2, "user.profile.updated", "k2"),
        ] {
            let mut log = sound_log();
            log.push(doubled);
            for end in [acknowledged(3, 1), End::Unanswered] {
                assert_eq!(judged(&attempts(end), &log).duplicated_effects, 1);
            }
        }
    }

    #[test]
    fn what_was_refused_and_is_there_all_the_same_is_told() {
        let attempts = |key, id| [attempt("k1", "a", acknowledged(2, 2)), attempt(key, id, End::Refused)];
        assert_eq!(judged(&attempts("k2", "b"), &sound_log()).unexpected, 1);
        assert!(judged(&attempts("k2", "b"), &sound_log()[..2]).is_sound());
    }

    #[test]
    fn events_of_nobody_and_answers_that_nobody_expects_are_told() {
        let verdict = judged(
            &[
                attempt("k1", "a", acknowledged(2, 2)),
                attempt("k3", "c", End::Unexpected("409".to_owned())),
            ],
            &sound_log(),
        );
        assert_eq!(verdict.unexpected, 2, "{verdict:?}");
        assert!(!verdict.is_sound());
    }
}
