//! The report of a run: the verdict for programs, and a page with the timeline for people.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Run;
use super::timeline::Moment;
use super::verdict::Verdict;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}\
    h1{font-size:1.4rem}.sound{color:#17692f}.violated{color:#a11}code{background:#f4f4f4;padding:.1rem .3rem}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15rem .6rem .15rem 0;vertical-align:top}\
    td.at{white-space:nowrap;text-align:right;color:#777;width:5rem}td.bar{width:35%}\
    .bar div{height:.7rem;margin-top:.4rem;background:#4a78b5;border-radius:2px;min-width:2px}";

pub(super) fn json(run: &Run, verdict: &Verdict, moments: &[Moment]) -> Value {
    let mut all = serde_json::to_value(verdict).unwrap_or_default();
    all["verdict"] = json!(word(verdict));
    all["drained_in_ms"] = json!(run.drained_in.as_millis());
    all["reads"] = json!(run.reads);
    all["seed"] = json!(run.seed);
    all["commit"] = json!(run.commit);
    all["timeline"] = json!(moments);
    all
}

/// One line with everything that counts.
pub(super) fn line(run: &Run, verdict: &Verdict) -> String {
    format!(
        "{} drained_in {:.1}s seed {} commit {}",
        verdict.line(),
        run.drained_in.as_secs_f64(),
        run.seed,
        run.commit
    )
}

pub(super) fn html(run: &Run, verdict: &Verdict, moments: &[Moment]) -> String {
    let end = moments
        .iter()
        .map(|one| one.at_ms + one.lasted_ms.unwrap_or_default())
        .max();
    let end = end.unwrap_or_default().max(1);
    let mut rows = String::new();
    for moment in moments {
        let (from, length) = (
            moment.at_ms * 1_000 / end,
            moment.lasted_ms.unwrap_or_default() * 1_000 / end,
        );
        // Writing to a string does not fail.
        let _ = write!(
            rows,
            "<tr><td class=at>{}.{} s</td><td>{}</td><td class=bar><div style=\"margin-left:{}.{}%;width:{}.{}%\"></div></td></tr>",
            moment.at_ms / 1_000,
            moment.at_ms % 1_000 / 100,
            escaped(&moment.what),
            from / 10,
            from % 10,
            length / 10,
            length % 10,
        );
    }
    let mut findings = String::new();
    for finding in &verdict.findings {
        let _ = write!(findings, "<li>{}</li>", escaped(finding));
    }
    let word = word(verdict);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>marquee chaos, seed {seed}</title><style>{STYLE}</style>\
         <h1>Seed {seed}: <span class={word}>{word}</span></h1><p><code>{line}</code></p><ul>{findings}</ul>\
         <table>{rows}</table></html>\n",
        seed = run.seed,
        line = escaped(&line(run, verdict)),
    )
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.is_sound() { "sound" } else { "violated" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
