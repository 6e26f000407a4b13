//! What became of a list: read, accepted, repaired, left out, refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::plan::Planned;
use super::rule::{Change, Effect, Refusal, Rule};

/// The examples of a rule that are shown.
const EXAMPLE_LENGTH_MAX: usize = 60;

/// How many of what.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) read: usize,
    /// Announced now.
    pub(crate) new: usize,
    /// Announced before.
    pub(crate) there: usize,
    /// Announced before, and withdrawn since.
    pub(crate) withdrawn: usize,
    /// Would be announced; none unless nothing is to be sent.
    pub(crate) dry: Option<usize>,
    pub(crate) refused: usize,
    /// Not sent, or not answered.
    pub(crate) open: usize,
    /// Records with a repaired value.
    pub(crate) repaired: usize,
    by_rule: BTreeMap<Rule, (usize, String)>,
    pub(crate) left_alone: Vec<String>,
    pub(crate) elapsed: Duration,
}

impl Report {
    /// Begins with how many records were read and which columns nobody asks for.
    pub(crate) fn begin(read: usize, left_alone: Vec<String>) -> Self {
        Self {
            read,
            left_alone,
            ..Self::default()
        }
    }

    /// Counts what the rules did to a record that is accepted.
    pub(crate) fn count_changes(&mut self, planned: &Planned) {
        let changes = planned.changes.as_slice();
        self.repaired += usize::from(changes.iter().any(|change| change.rule.effect() == Effect::Repaired));
        for change in changes {
            let example = match &change.after {
                Some(after) => format!("{} -> {after}", change.before),
                None => format!("{}: {}", change.field, change.before),
            };
            self.count(change.rule, example);
        }
    }

    /// Counts a refusal.
    pub(crate) fn count_refusal(&mut self, number: usize, refusal: &Refusal) {
        self.refused += 1;
        self.count(refusal.rule, format!("record {number}: {}", refusal.detail));
    }

    fn count(&mut self, rule: Rule, example: String) {
        let (count, _) = self.by_rule.entry(rule).or_insert((0, example));
        *count += 1;
    }

    fn accepted(&self) -> usize {
        self.new + self.there + self.withdrawn + self.dry.unwrap_or_default()
    }

    /// For people.
    pub(crate) fn text(&self, list: &str, refused_file: &Path) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        let accepted = self.accepted();
        line(format!("Read      {:>8}  records of {list}", self.read));
        line(format!("Accepted  {accepted:>8}  {}", self.how_accepted()));
        line(format!("Repaired  {:>8}  of them, by rule:", self.repaired));
        self.write_rules(&mut line, Effect::Repaired);
        line("Left out            values that no rule can repair:".to_owned());
        self.write_rules(&mut line, Effect::LeftOut);
        line(format!("Refused   {:>8}  records, by rule:", self.refused));
        self.write_rules(&mut line, Effect::Refused);
        if self.open > 0 {
            line(format!("Open      {:>8}  records, not sent or not answered", self.open));
        }
        if self.refused > 0 {
            line(format!(
                "Refused records with their reasons: {}",
                refused_file.display()
            ));
        }
        if !self.left_alone.is_empty() {
            line(format!("Columns left alone: {}", self.left_alone.join(", ")));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn how_accepted(&self) -> String {
        if self.dry.is_some() {
            return "would be sent (--dry-run: nothing was)".to_owned();
        }
        let mut how = format!("{} new, {} there already", self.new, self.there);
        if self.withdrawn > 0 {
            let _ = write!(how, ", {} withdrawn since, which stay so", self.withdrawn);
        }
        let seconds = self.elapsed.as_secs_f64();
        let per_second = (self.new + self.there) as f64 / seconds.max(0.001);
        let _ = write!(how, "; {seconds:.1} s, {per_second:.0}/s");
        how
    }

    fn write_rules(&self, line: &mut impl FnMut(String), effect: Effect) {
        for rule in Rule::ALL.iter().filter(|rule| rule.effect() == effect) {
            if let Some((count, example)) = self.by_rule.get(rule) {
                let example: String = example.chars().take(EXAMPLE_LENGTH_MAX).collect();
                line(format!("  {rule:<24}{count:>6}  {example}"));
            }
        }
    }

    /// For machines.
    pub(crate) fn json(&self, list: &str) -> Value {
        let by_rule = |effect| {
            let counted = self.by_rule.iter().filter(|(rule, _)| rule.effect() == effect);
            counted
                .map(|(rule, (count, _))| (rule.name().to_owned(), json!(count)))
                .collect::<serde_json::Map<_, _>>()
        };
        json!({
            "list": list,
            "read": self.read,
            "accepted": self.accepted(),
            "new": self.new,
            "there": self.there,
            "withdrawn": self.withdrawn,
            "dry_run": self.dry.is_some(),
            "repaired": {"records": self.repaired, "by_rule": by_rule(Effect::Repaired)},
            "left_out": by_rule(Effect::LeftOut),
            "refused": {"records": self.refused, "by_rule": by_rule(Effect::Refused)},
            "open": self.open,
            "columns_left_alone": self.left_alone,
            "seconds": self.elapsed.as_secs_f64(),
        })
    }
}

/// A file beside the report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", path.display())]
pub(crate) struct Unwritten {
    path: PathBuf,
    source: io::Error,
}

/// Writes refused records, none or more: one JSON object on each line, with number, rule, reason and the record as it was read.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_refused(path: &Path, refused: &[(&Planned, Refusal)]) -> Result<(), Unwritten> {
    let line = |(planned, Refusal { rule, detail }): &(&Planned, Refusal)| {
        let record: Value = serde_json::from_str(&planned.record).unwrap_or_default();
        json!({"number": planned.number, "rule": rule.name(), "detail": detail, "record": record})
    };
    write_lines(path, refused.iter().map(line))
}

/// Writes every value that was repaired or left out: one JSON object on each line.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_changes(path: &Path, plan: &[Planned]) -> Result<(), Unwritten> {
    let accepted = plan.iter().filter(|planned| planned.outcome.is_ok());
    let changes = accepted.flat_map(|planned| planned.changes.as_slice().iter().map(move |change| (planned, change)));
    let line = |(planned, change): (&Planned, &Change)| {
        let mut line = json!({
            "number": planned.number, "rule": change.rule.name(), "field": change.field, "before": change.before,
        });
        if let Some(after) = &change.after {
            line["after"] = json!(after);
        }
        line
    };
    write_lines(path, changes.map(line))
}

fn write_lines(path: &Path, mut lines: impl Iterator<Item = Value>) -> Result<(), Unwritten> {
    let mut write = || {
        let mut file = BufWriter::new(File::create(path)?);
        lines.try_for_each(|line| writeln!(file, "{line}"))?;
        file.flush()
    };
    write().map_err(|source| Unwritten {
        path: path.to_owned(),
        source,
    })
}
