//! What was audited, and the verdict over it.

use event_store::{AuditedPart, Finding};
use serde::Serialize;

/// A database that was audited.
#[derive(Debug, Serialize)]
pub(crate) struct Audited {
    /// `event store`, `projection users`.
    pub(crate) subject: String,
    /// As of when, in words: position and log.
    pub(crate) state: Option<String>,
    pub(crate) parts: Vec<AuditedPart>,
}

/// What comes of all findings.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) violations: i64,
    pub(crate) unchecked: i64,
}

impl Audited {
    /// One that could not be looked at at all.
    pub(super) fn unreachable(subject: String, reason: String) -> Self {
        let part = AuditedPart {
            name: "database",
            checked: "nothing".to_owned(),
            findings: vec![finding("NOT_CHECKED", reason, true)],
        };
        Self {
            subject,
            state: None,
            parts: vec![part],
        }
    }
}

/// A finding that is one, at no place in particular.
pub(super) fn finding(code: &'static str, what: String, unchecked: bool) -> Finding {
    Finding {
        code,
        what,
        places: Vec::new(),
        count: 1,
        unchecked,
    }
}

impl Verdict {
    pub(crate) fn of(audited: &[Audited]) -> Self {
        let findings = || {
            audited
                .iter()
                .flat_map(|one| &one.parts)
                .flat_map(|part| &part.findings)
        };
        let count = |unchecked| {
            let of_them = findings().filter(|finding| finding.unchecked == unchecked);
            of_them.map(|finding| finding.count).sum()
        };
        Self {
            violations: count(false),
            unchecked: count(true),
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.violations == 0 && self.unchecked == 0
    }

    /// One word for programs.
    pub(super) fn word(&self) -> &'static str {
        match (self.violations, self.unchecked) {
            (0, 0) => "sound",
            (0, _) => "incomplete",
            _ => "violated",
        }
    }
}
