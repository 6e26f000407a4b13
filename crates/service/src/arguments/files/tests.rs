//! What a file may say of a setting, and what is refused.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tempfile::TempDir;

use crate::arguments::{Refusal, parse};
use crate::database::DatabaseUrl;

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Serve {
        /// Required
        #[arg(long, env = "MARQUEE_TEST_LOG_URL", hide_env_values = true)]
        log_url: DatabaseUrl,
        #[arg(long, env = "MARQUEE_TEST_SECRET", hide_env_values = true)]
        secret: Option<String>,
        #[arg(long, env = "MARQUEE_TEST_THREADS", default_value_t = 4)]
        threads: u16,
    },
}

const LOG_URL: &str = "postgres://me:hunter2@h/d";

/// An environment of files: each variable's file with its content.
struct Files {
    directory: TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl Files {
    fn of(files: &[(&'static str, &[u8])]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let variables = files
            .iter()
            .map(|(variable, content)| {
                let path = directory.path().join(variable);
                fs::write(&path, content).expect("written");
                (*variable, path.into())
            })
            .collect();
        Self { directory, variables }
    }

    fn with(mut self, variable: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((variable, value.into()));
        self
    }

    fn missing(&self) -> PathBuf {
        self.directory.path().join("missing")
    }

    fn parse(&self, args: &[&str]) -> Result<Args, Refusal> {
        let args = ["marquee", "serve"].iter().chain(args).map(OsString::from);
        parse(args, |variable| {
            let found = self.variables.iter().find(|(name, _)| *name == variable);
            found.map(|(_, value)| value.clone())
        })
    }

    fn refused(&self) -> String {
        match self.parse(&[]).unwrap_err() {
            Refusal::Bad(message) => message,
            Refusal::Answered(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_file_gives_required_optional_and_defaulted_settings_without_its_last_newline() {
    let files = Files::of(&[
        ("MARQUEE_TEST_LOG_URL_FILE", b"postgres://me:hunter2@h/d\n"),
        ("MARQUEE_TEST_SECRET_FILE", b" two\nlines \r\n"),
        ("MARQUEE_TEST_THREADS_FILE", b"7"),
    ]);
    let Action::Serve {
        log_url,
        secret,
        threads,
    } = files.parse(&[]).expect("settings").command;
    assert_eq!(log_url.expose(), LOG_URL);
    assert_eq!(secret.as_deref(), Some(" two\nlines "));
    assert_eq!(threads, 7);
}

#[test]
fn a_flag_wins_over_a_file() {
    let files = Files::of(&[("MARQUEE_TEST_LOG_URL_FILE", b"postgres://me:hunter2@h/d")]);
    let Action::Serve { log_url, .. } = files
        .parse(&["--log-url", "postgres://flag/d"])
        .expect("settings")
        .command;
    assert_eq!(log_url.expose(), "postgres://flag/d");
}

#[test]
fn a_bad_value_is_named_by_the_variable_of_its_file_and_not_repeated() {
    let files = Files::of(&[("MARQUEE_TEST_LOG_URL_FILE", b"mysql://me:hunter2@h/d")]);
    let message = files.refused();
    assert!(
        message.starts_with("--log-url (MARQUEE_TEST_LOG_URL_FILE): "),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_file_that_is_missing_empty_no_text_or_endless_is_refused() {
    const NAME: &str = "MARQUEE_TEST_LOG_URL_FILE";
    let nothing = Files::of(&[]);
    let missing = nothing.missing();
    let message = nothing.with(NAME, &missing).refused();
    assert!(message.starts_with(&format!("{NAME}: the file ")), "{message}");
    for (content, reason) in [
        (&b"\n"[..], "is empty"),
        (b"", "is empty"),
        (b"\xff", "is no UTF-8 text"),
    ] {
        let message = Files::of(&[(NAME, content)]).refused();
        assert_eq!(message, format!("{NAME}: the file {reason}"));
    }
    let message = Files::of(&[]).with(NAME, "/dev/zero").refused();
    assert_eq!(message, format!("{NAME}: the file is longer than 65536 bytes"));
}

#[test]
fn a_value_and_a_file_for_it_are_refused_together() {
    let files = Files::of(&[("MARQUEE_TEST_SECRET_FILE", b"a")]).with("MARQUEE_TEST_SECRET", "b");
    assert_eq!(
        files.refused(),
        "MARQUEE_TEST_SECRET and MARQUEE_TEST_SECRET_FILE are both set; set one of them"
    );
}

#[test]
fn help_is_given_even_when_a_file_is_wrong_and_shows_no_secret() {
    let files = Files::of(&[
        ("MARQUEE_TEST_LOG_URL_FILE", b"postgres://me:hunter2@h/d"),
        ("MARQUEE_TEST_SECRET_FILE", b""),
    ]);
    let Err(Refusal::Answered(help)) = files.parse(&["--help"]) else {
        panic!("no help")
    };
    let help = help.render().to_string();
    assert!(help.contains("MARQUEE_TEST_LOG_URL"), "{help}");
    assert!(!help.contains("hunter2"), "{help}");
}
