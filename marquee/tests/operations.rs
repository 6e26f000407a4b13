//! `docs/operations.md` is true: its settings are those of the program's help, its metrics those of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands that are set up: each of their options is a setting.
const COMMANDS: [&str; 6] = [
    "up",
    "command-api",
    "event-relay",
    "projections serve",
    "migrate",
    "seed",
];

/// Commands that are typed: only some of their options are settings. A variable that says `--yes` or `--dry-run` would
/// decide over calls that nobody thought of.
const TYPED_COMMANDS: [&str; 20] = [
    "status",
    "ready",
    "projections list",
    "projections show",
    "projections pause",
    "projections resume",
    "projections rebuild",
    "projections rollback",
    "projections cancel",
    "parked list",
    "parked show",
    "parked retry",
    "parked discard",
    "events tail",
    "events stream",
    "events trace",
    "import movies",
    "load",
    "verify",
    "log adopt",
];

/// What is said of one variable.
#[derive(Debug, Default, PartialEq, Eq)]
struct Setting {
    flag: String,
    default: String,
    commands: BTreeSet<String>,
}

#[test]
fn the_settings_of_the_page_are_those_of_the_help() {
    let mut of_the_program: BTreeMap<String, Setting> = BTreeMap::new();
    for command in COMMANDS.into_iter().chain(TYPED_COMMANDS) {
        for (variable, flag, default) in settings_in(&help_of(command)) {
            let setting = of_the_program.entry(variable.clone()).or_default();
            assert!(
                setting.commands.is_empty() || (&setting.flag, &setting.default) == (&flag, &default),
                "{variable} differs from command to command"
            );
            (setting.flag, setting.default) = (flag, default);
            setting.commands.insert(command.to_owned());
        }
    }
    let of_the_page = of_the_page();
    let variables: BTreeSet<&String> = of_the_page.keys().chain(of_the_program.keys()).collect();
    for variable in variables {
        assert_eq!(
            of_the_page.get(variable),
            of_the_program.get(variable),
            "{variable}: left is the page, right the help"
        );
    }
}

#[test]
fn the_help_without_a_command_is_that_of_up() {
    assert_eq!(settings_in(&help_of("")), settings_in(&help_of("up")));
}

#[test]
fn every_setting_has_a_variable() {
    for command in COMMANDS {
        for option in options_in(&help_of(command)) {
            let has_none = ["-h, --help", "-V, --version"].iter().any(|it| option.starts_with(it));
            assert!(has_none || option.contains("[env: MARQUEE_"), "{command}: {option}");
        }
    }
}

#[test]
fn the_metrics_of_the_page_are_those_of_the_sources() {
    let on_the_page: BTreeMap<String, String> = rows_of("marquee_")
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    let of_the_page: BTreeSet<&str> = on_the_page.keys().map(String::as_str).collect();
    let of_the_sources = metric_names();
    assert_eq!(of_the_page, of_the_sources.iter().map(String::as_str).collect());
    for (name, kind) in &on_the_page {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}: {kind}");
    }
}

/// Runs the program as in an empty environment, so that no value of a variable is shown.
fn help_of(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_marquee"))
        .args(command.split_whitespace())
        .arg("--help")
        .env_clear()
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{command} --help: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The options of a help, each as one line without repeated spaces.
fn options_in(help: &str) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    let mut inside = false;
    for line in help.lines() {
        let text = line.trim();
        if text.starts_with('-') && line.starts_with("  ") && !line.starts_with("          ") {
            options.push(text.to_owned());
            inside = true;
        } else if !line.starts_with("   ") && !text.is_empty() {
            inside = false;
        } else if inside && let Some(option) = options.last_mut() {
            option.push(' ');
            option.push_str(text);
        }
    }
    options
        .iter()
        .map(|option| option.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Variable, flag and default of each option that has a variable.
fn settings_in(help: &str) -> Vec<(String, String, String)> {
    let settings = options_in(help).into_iter().filter_map(|option| {
        let variable = between(&option, "[env: ", "]")?.trim_end_matches('=').to_owned();
        let flag = option.split(' ').next()?.to_owned();
        let default = between(&option, "[default: ", "]").unwrap_or_default();
        Some((variable, flag, default.replace('`', "")))
    });
    settings.collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inside, _)| inside)
}

fn of_the_page() -> BTreeMap<String, Setting> {
    let settings = rows_of("MARQUEE_").map(|cells| {
        let [variable, flag, default, commands, _meaning] =
            <[String; 5]>::try_from(cells).expect("only rows of five cells are taken");
        let commands = commands.split(", ").flat_map(commands_of).collect();
        let setting = Setting {
            flag,
            default,
            commands,
        };
        (variable, setting)
    });
    settings.collect()
}

/// The commands that a name stands for: `parked *` is every typed command that begins with `parked`.
fn commands_of(name: &str) -> Vec<String> {
    match name.strip_suffix('*') {
        Some(group) => {
            let of_it = TYPED_COMMANDS.into_iter().filter(|command| command.starts_with(group));
            of_it.map(str::to_owned).collect()
        }
        None => vec![name.to_owned()],
    }
}

/// The rows of the page's tables whose first cell is code that begins with `prefix` and holds nothing else, each as
/// its cells without backticks. Only tables of five columns count: those
/// of roles and databases have fewer.
fn rows_of(prefix: &str) -> impl Iterator<Item = Vec<String>> {
    let page = fs::read_to_string(root().join("docs/operations.md")).expect("the page");
    let rows: Vec<Vec<String>> = page
        .lines()
        .filter(|line| line.starts_with(&format!("| `{prefix}")))
        .map(|line| {
            let cells = line.trim().trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace('`', "")).collect()
        })
        .filter(|cells: &Vec<String>| cells.len() == 5)
        .collect();
    let names: BTreeSet<_> = rows.iter().map(|cells| &cells[0]).collect();
    assert_eq!(names.len(), rows.len(), "nothing is listed twice");
    rows.into_iter()
}

/// The quoted names in the files that hold names of metrics: `metric.rs`, `metric_names.rs`, `http_metrics.rs`.
fn metric_names() -> BTreeSet<String> {
    let crates = fs::read_dir(root().join("crates")).expect("the crates");
    let mut files: Vec<PathBuf> = crates
        .chain(fs::read_dir(root()).expect("the services"))
        .map(|entry| entry.expect("readable").path().join("src"))
        .filter_map(|sources| fs::read_dir(sources).ok())
        .flatten()
        .map(|entry| entry.expect("readable").path())
        .filter(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().contains("metric"))
        })
        .collect();
    files.sort();
    assert!(files.len() >= 6, "every service has its file: {files:?}");
    let is_name =
        |text: &&str| text.starts_with("marquee_") && text.chars().all(|one| one.is_ascii_lowercase() || one == '_');
    let text_of = |file: &PathBuf| fs::read_to_string(file).expect("a source");
    files
        .iter()
        .flat_map(|file| {
            let text = text_of(file);
            text.split('"').filter(is_name).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}
