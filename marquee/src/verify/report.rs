//! The report of an audit: for eyes, and for programs.

use std::fmt::Write;

use event_store::{AuditedPart, Finding};
use serde_json::{Value, json};

use super::audited::{Audited, Verdict};
use crate::table::{printable, thousands};
use crate::terminal::{bad, good, warning};

pub(super) fn json(audited: &[Audited], verdict: &Verdict) -> Value {
    json!({
        "verdict": verdict.word(),
        "violations": verdict.violations,
        "unchecked": verdict.unchecked,
        "audited": audited,
    })
}

pub(super) fn text(audited: &[Audited], verdict: &Verdict) -> String {
    let mut text = String::new();
    for one in audited {
        let state = one.state.as_deref().map_or(String::new(), |state| format!(", {state}"));
        // Writing to a string does not fail.
        let _ = writeln!(text, "The {}{state}", one.subject);
        one.parts.iter().for_each(|part| describe(&mut text, part));
        text.push('\n');
    }
    let words = words(verdict);
    text + &format!("Verdict: {words}")
}

fn describe(text: &mut String, part: &AuditedPart) {
    let violated = part.findings.iter().any(|finding| !finding.unchecked);
    let mark = match (violated, part.findings.is_empty()) {
        (true, _) => bad().apply_to("wrong  "),
        (false, true) => good().apply_to("ok     "),
        (false, false) => warning().apply_to("unknown"),
    };
    let _ = writeln!(text, "  {mark}  {}: {}", part.name, printable(&part.checked));
    for finding in &part.findings {
        let _ = writeln!(text, "           {}", sentence(finding));
    }
}

fn sentence(finding: &Finding) -> String {
    let Finding {
        code,
        what,
        places,
        count,
        ..
    } = finding;
    let times = match *count {
        1 => String::new(),
        count => format!(" ({} times)", thousands(count)),
    };
    let mut sentence = format!("{code}: {what}{times}");
    if !places.is_empty() {
        let more = if *count > places.len() as i64 { "; ..." } else { "" };
        sentence = format!("{sentence}: {}{more}", places.join("; "));
    }
    printable(&sentence)
}

fn words(verdict: &Verdict) -> String {
    let unchecked = match verdict.unchecked {
        0 => "",
        _ => "; not everything could be checked",
    };
    match (verdict.violations, verdict.unchecked) {
        (0, 0) => good().apply_to("sound").to_string(),
        (0, _) => warning()
            .apply_to("nothing wrong was found, but not everything could be checked")
            .to_string(),
        (1, _) => bad().apply_to(format!("1 violation{unchecked}")).to_string(),
        (count, _) => bad()
            .apply_to(format!("{} violations{unchecked}", thousands(count)))
            .to_string(),
    }
}
