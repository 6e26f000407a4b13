//! `docs/reliability.md` names tests and faults that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = include_str!("../../docs/reliability.md");

/// The text of every source file of the workspace.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).expect("text"));
        }
    }
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn rows() -> Vec<Vec<&'static str>> {
    let (_, table) = PAGE
        .split_once("| fault | `marquee chaos` | tests of their own |")
        .expect("the table of faults");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_row_of_the_faults_names_a_test_and_each_test_exists() {
    let mut files = Vec::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files);
    let exists = |test: &str| files.iter().any(|file| file.contains(&format!("fn {test}(")));
    let is_name = |name: &str| name.chars().all(|char| matches!(char, 'a'..='z' | '0'..='9' | '_'));
    let is_test = |name: &&str| is_name(name) && name.matches('_').count() > 2;
    let rows = rows();
    assert!(rows.len() > 30, "{rows:#?}");
    for row in rows {
        let [fault, chaos, own] = row[..] else {
            panic!("{row:?} has three cells");
        };
        assert!(
            chaos != "-" || quoted(own).any(|name| is_test(&name)),
            "{fault}: nothing proves it"
        );
    }
    for test in quoted(PAGE).filter(is_test) {
        assert!(exists(test), "{test}");
    }
}

#[test]
fn the_faults_of_chaos_stand_in_the_table_once_each() {
    let listed = Command::new(env!("CARGO_BIN_EXE_marquee"))
        .args(["chaos", "--list"])
        .output()
        .expect("started");
    let listed = String::from_utf8(listed.stdout).expect("text");
    let listed: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    let told: Vec<&str> = rows().iter().flat_map(|row| quoted(row[1])).collect();
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), listed);
    assert_eq!(told.len(), listed.len(), "{told:?}");
}
