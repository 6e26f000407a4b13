//! `marquee import movies`: a list of movies as it lies somewhere, announced movie by movie, and a report of every doubt.

mod date;
mod encoding;
mod evidence;
mod file;
mod film;
mod mapping;
mod names;
mod plan;
mod progress;
mod report;
mod rule;
mod runtime;
mod sending;
mod text;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use clap::{Args, Subcommand};
use encoding_rs::Encoding;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, ApiArgs};
use crate::failure::Failure;
use crate::terminal::print;
use file::Format;
use mapping::{Field, Mapping};
use plan::{Planned, Reading};
use progress::Bar;
use report::Report;
use rule::{Effect, Refusal, Rule};
use sending::Sent;

/// What is done to a list.
const HELP: &str = "\
Of each record a movie is announced over HTTP, as by any client. Its id is made of its
external id (imdb, tmdb, wikidata, any other), else of title and year: the same list sent
again changes nothing, and what is there already stays as it is. So a stopped import goes
on when it is started again; --skip spares it what was sent. A withdrawn movie stays
withdrawn.

Columns with the usual names below are understood, whatever their case, blanks and signs;
others are told with --map FIELD=COLUMN, or with a file {\"FIELD\": \"COLUMN\" or
[\"COLUMN\", ...]}. --map FIELD= takes no column for a field. Fields: id, title,
original_title, title.LANGUAGE, synopsis, runtime, rating.SCHEME, genres, languages,
countries, credit.ROLE (director, actor, writer ...), external_id.SCHEME, premiere,
premiere.COUNTRY, year. A list in one column is taken apart at | or ; or , whichever it has,
or at --separator. Records may be CSV with a line of names, one JSON array of objects, or a
JSON object on each line.

Nothing is invented. A value is repaired by a rule that is told, or it is left out and
told, or its record is refused and written to FILE.refused.jsonl. Dates: a year more than
ten years ahead was written with two digits; a list with three of those is judged by its own
last years. Where far too many premieres are on 1 January, 31 December or the first of a
month, only the year or month is taken. --changes FILE lists every value that was repaired
or left out, before and after.";

/// How the command ends, and what to try.
const EXAMPLES: &str = "\
Exit code: 0 when every record was accepted or refused by a rule, 1 when not all were sent
or answered, 64 when the file or the mapping is not understood.

Examples:
  marquee import movies films.csv --dry-run              What would happen
  marquee import movies films.csv --changes changes.jsonl
  marquee import movies omdb.csv --map rating.mpa=Rating --map synopsis=Plot
  marquee import movies kino.json --mapping kino-fields.json --encoding windows-1252";

/// All of it, and the rules, of which each has one home.
fn help() -> String {
    let mut help = HELP.to_owned() + "\n\nUsual names of columns, by field:" + &mapping::usual_names();
    for (heading, effect) in [
        ("Repaired (* --without RULE leaves it out):", Effect::Repaired),
        ("Left out:", Effect::LeftOut),
        ("Refused:", Effect::Refused),
    ] {
        let _ = write!(help, "\n\n{heading}");
        for rule in Rule::ALL.iter().filter(|rule| rule.effect() == effect) {
            let mark = if Rule::JUDGING.contains(rule) { '*' } else { ' ' };
            let _ = write!(help, "\n{mark} {rule:<23} {}", rule.meaning());
        }
    }
    help + "\n\n" + EXAMPLES
}

/// What can be imported.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum ImportCommand {
    /// Announces the movies of a list: CSV, JSON or JSON lines
    #[command(after_help = help())]
    Movies(Box<MoviesArgs>),
}

/// Settings of `marquee import movies`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MoviesArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// The list
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read, judge and report, but send nothing
    #[arg(long)]
    dry_run: bool,
    /// Which column tells a field; may be given again, also for one field
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = mapping::told_by_flag)]
    map: Vec<(Field, Option<String>)>,
    /// The same in a file: a JSON object of fields
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// How records are written [default: by the file's name, else by how it begins]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// What the file's text is encoded in [default: UTF-8, or what its byte order mark says]
    #[arg(long, value_name = "ENCODING", value_parser = encoding_of)]
    encoding: Option<&'static Encoding>,
    /// What stands between the values of a CSV line [default: the one of , ; tab | that its names have most of]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// What stands between the items of a list in one column [default: the first of | ; , that is in it]
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<char>,
    /// The day the list was made, for years in its future [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<NaiveDate>,
    /// A rule of repair that is not applied, one of those with a star; may be given again
    #[arg(long, value_name = "RULE", value_parser = rule_of)]
    without: Vec<Rule>,
    /// So many records were sent before
    #[arg(long, value_name = "RECORDS", default_value_t = 0)]
    skip: usize,
    /// Announcements on their way at once, each on a connection of its own
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Where refused records go [default: FILE.refused.jsonl where the command runs]
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Where every repaired or left out value is written
    #[arg(long, value_name = "FILE")]
    changes: Option<PathBuf>,
    /// The report as one JSON object
    #[arg(long)]
    json: bool,
}

fn encoding_of(text: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(text.as_bytes())
        .ok_or_else(|| "it looks like windows-1252, macintosh, utf-16le or shift_jis".to_owned())
}

fn delimiter(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("it is one character of ASCII, or tab"),
    }
}

fn rule_of(text: &str) -> Result<Rule, String> {
    let mut rules = Rule::JUDGING.iter();
    rules.find(|rule| rule.name() == text).copied().ok_or_else(|| {
        let names: Vec<&str> = Rule::JUDGING.iter().map(|rule| rule.name()).collect();
        format!("rules that can be left out are: {}", names.join(", "))
    })
}

/// Imports, and reports.
pub(crate) async fn run(command: ImportCommand) -> Result<ExitCode, Failure> {
    let ImportCommand::Movies(args) = command;
    let (plan, left_alone) = planned(&args)?;
    let mut report = Report::begin(plan.len(), left_alone);
    if let Some(path) = &args.changes {
        report::write_changes(path, &plan)?;
    }
    let mut settled = settled_without_sending(&plan, &args);
    // Written before anything is sent: what is known then is not lost, and a place that cannot be written to is found out.
    let refused_file = args.refused.clone().unwrap_or_else(|| beside(&args.file));
    report::write_refused(&refused_file, &refusals(&plan, &settled))?;
    if !args.dry_run {
        let api = args.api.api()?;
        settled = sent(&api, &plan, &args, settled, &mut report).await;
    }
    count(&mut report, &plan, &settled);
    if args.dry_run {
        report.dry = Some(std::mem::take(&mut report.there));
    }
    let refused = refusals(&plan, &settled);
    report::write_refused(&refused_file, &refused)?;
    let list = args.file.display().to_string();
    print(&if args.json {
        report.json(&list).to_string()
    } else {
        report.text(&list, &refused_file)
    })?;
    tell_what_is_open(&plan, &settled);
    Ok(ExitCode::from(u8::from(report.open > 0)))
}

/// In the directory the command runs in, whoever owns that of the list.
fn beside(list: &Path) -> PathBuf {
    let name = list.file_name().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{name}.refused.jsonl"))
}

/// Reads and judges the list; also the columns that are left alone.
fn planned(args: &MoviesArgs) -> Result<(Vec<Planned>, Vec<String>), Failure> {
    let text = file::text(&args.file, args.encoding).map_err(Failure::usage)?;
    let format = args.format.unwrap_or_else(|| file::format_of(&args.file, &text));
    let records = file::records(&args.file, &text, format, args.delimiter).map_err(Failure::usage)?;
    let mut told = match &args.mapping {
        Some(path) => mapping::told_by_file(path).map_err(Failure::usage)?,
        None => BTreeMap::new(),
    };
    let mut by_flag: BTreeMap<Field, Vec<String>> = BTreeMap::new();
    for (field, column) in args.map.iter().cloned() {
        by_flag.entry(field).or_default().extend(column);
    }
    told.extend(by_flag);
    let mut seen = BTreeSet::new();
    let mut columns = Vec::new();
    for fields in records.iter().filter_map(|record| record.read.as_ref().ok()) {
        let new = fields.keys().filter(|column| !seen.contains(*column));
        let new: Vec<String> = new.cloned().collect();
        seen.extend(new.iter().cloned());
        columns.extend(new);
    }
    let mapping = Mapping::complete(&told, &columns).map_err(Failure::usage)?;
    let left_alone = mapping.left_alone.clone();
    let reading = Reading {
        mapping,
        separator: args.separator,
        as_of: args.as_of.unwrap_or_else(|| Utc::now().date_naive()),
        without: args.without.iter().copied().collect(),
    };
    Ok((plan::plan(records, &reading), left_alone))
}

/// What became of each record; none while it is open.
type Settled = Vec<Option<Sent>>;

fn settled_without_sending(plan: &[Planned], args: &MoviesArgs) -> Settled {
    let skipped = |planned: &Planned| planned.number <= args.skip || args.dry_run;
    plan.iter()
        .map(|planned| skipped(planned).then_some(Sent::There))
        .collect()
}

async fn sent(api: &Api, plan: &[Planned], args: &MoviesArgs, mut settled: Settled, report: &mut Report) -> Settled {
    let stop: CancellationToken = service::shutdown_on_signal();
    let open: Vec<_> = plan
        .iter()
        .enumerate()
        .filter(|(place, _)| settled[*place].is_none())
        .filter_map(|(place, planned)| Some((place, planned.outcome.as_ref().ok()?)))
        .collect();
    let mut bar = Bar::begin(open.len());
    let began = Instant::now();
    let connections = usize::from(args.connections);
    let sending = sending::send(api, open.into_iter(), connections, &stop, |place, sent| {
        bar.advance();
        settled[place] = Some(sent);
    });
    tokio::select! {
        () = sending => {}
        () = tell_of_the_stop(&stop) => {}
    }
    report.elapsed = began.elapsed();
    settled
}

/// Says that it is stopping, and leaves the rest to others: it never ends.
#[expect(clippy::print_stderr, reason = "for whoever has pressed Ctrl-C")]
async fn tell_of_the_stop(stop: &CancellationToken) {
    stop.cancelled().await;
    eprintln!("Stopping: announcements on their way are waited for; another Ctrl-C ends at once.");
    std::future::pending().await
}

fn count(report: &mut Report, plan: &[Planned], settled: &Settled) {
    for (planned, sent) in plan.iter().zip(settled) {
        if planned.outcome.is_err() {
            continue;
        }
        match sent {
            Some(Sent::New) => report.new += 1,
            Some(Sent::There) => report.there += 1,
            Some(Sent::Withdrawn) => report.withdrawn += 1,
            Some(Sent::Refused(_)) => continue,
            Some(Sent::Unanswered(_)) | None => {
                report.open += 1;
                continue;
            }
        }
        report.count_changes(planned);
    }
    for (planned, refusal) in refusals(plan, settled) {
        report.count_refusal(planned.number, &refusal);
    }
}

fn refusals<'a>(plan: &'a [Planned], settled: &Settled) -> Vec<(&'a Planned, Refusal)> {
    let refusal = |(planned, sent): (&'a Planned, &Option<Sent>)| match (&planned.outcome, sent) {
        (Err(refusal), _) => Some((planned, refusal.clone())),
        (Ok(_), Some(Sent::Refused(reason))) => Some((planned, Refusal::new(Rule::RefusedByService, reason.clone()))),
        _ => None,
    };
    plan.iter().zip(settled).filter_map(refusal).collect()
}

/// Says how far it came, and how to go on.
#[expect(clippy::print_stderr, reason = "for whoever has to go on")]
fn tell_what_is_open(plan: &[Planned], settled: &Settled) {
    let is_open = |(planned, sent): &(&Planned, &Option<Sent>)| {
        planned.outcome.is_ok() && matches!(sent, None | Some(Sent::Unanswered(_)))
    };
    let Some((first, _)) = plan.iter().zip(settled).find(is_open) else {
        return;
    };
    let unanswered = settled.iter().flatten().find_map(|sent| match sent {
        Sent::Unanswered(reason) => Some(reason),
        _ => None,
    });
    if let Some(reason) = unanswered {
        eprintln!("error: the command API gave no answer: {reason}");
    }
    let done = first.number - 1;
    eprintln!(
        "Stopped: everything up to record {done} of {} is settled. Run it again to go on; `--skip {done}` spares what was sent.",
        plan.len()
    );
}
