//! The command line and the environment: bad configuration ends the process with 64 and names the variable.

mod files;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, FromArgMatches};

use files::Files;

/// `EX_USAGE` of sysexits.h.
const EXIT_USAGE: i32 = 64;

/// Parses the process's arguments and environment.
///
/// A setting with the variable `MARQUEE_X` may also be given as the content of a file, named by `MARQUEE_X_FILE`.
///
/// Help and version are printed and end the process with 0. Bad configuration ends it with 64 and a message that
/// names the flag and its variable; a value is never repeated, as it may hold a password.
pub fn arguments<T: clap::Parser>() -> T {
    parse(std::env::args_os(), |variable| std::env::var_os(variable)).unwrap_or_else(|refusal| match refusal {
        Refusal::Answered(error) => error.exit(),
        Refusal::Bad(message) => refuse_arguments(&message),
    })
}

/// Ends the process with 64 and a message, for configuration that only its user can tell is bad.
///
/// Standard error is this message's place: logs are not set up before the configuration is known.
#[allow(clippy::print_stderr)]
pub fn refuse_arguments(message: &str) -> ! {
    eprintln!("error: {message}\n\nTry --help.");
    std::process::exit(EXIT_USAGE)
}

#[derive(Debug)]
enum Refusal {
    /// The person asked for help or the version.
    Answered(clap::Error),
    Bad(String),
}

fn parse<T: clap::Parser>(
    args: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<T, Refusal> {
    let (mut command, files) = Files::fill(<T as CommandFactory>::command(), environment);
    // Built, the flattened and inherited arguments are where they are looked for below.
    command.build();
    let known = command.clone();
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|mut matches| <T as FromArgMatches>::from_arg_matches_mut(&mut matches));
    match parsed {
        // Help is what a person asks for whose files are wrong.
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Err(Refusal::Answered(error))
        }
        parsed => {
            let files = files.map_err(Refusal::Bad)?;
            parsed.map_err(|error| Refusal::Bad(Naming { known, files }.message(&error)))
        }
    }
}

/// Says what is wrong by the flags and variables that a person can set.
struct Naming {
    known: Command,
    files: Files,
}

impl Naming {
    fn message(&self, error: &clap::Error) -> String {
        let named = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(one)) => vec![self.named(one)],
            Some(ContextValue::Strings(several)) => several.iter().map(|one| self.named(one)).collect(),
            _ => Vec::new(),
        }
        .join(", ");
        let reason = std::error::Error::source(error).map(ToString::to_string);
        match error.kind() {
            ErrorKind::MissingRequiredArgument => format!("required, but not set: {named}"),
            ErrorKind::ValueValidation => format!(
                "{named}: {}",
                reason.unwrap_or_else(|| "the value is not acceptable".to_owned())
            ),
            ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) if !valid.is_empty() => {
                    format!("{named}: must be one of {}", valid.join(", "))
                }
                _ => format!("{named}: a value is needed"),
            },
            ErrorKind::UnknownArgument => format!("there is no argument {named}"),
            _ if named.is_empty() => {
                let text = error.render().to_string();
                text.lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned()
            }
            _ => format!("{named}: {}", error.kind().as_str().unwrap_or("not acceptable")),
        }
    }

    /// `--listen <ADDRESS>` becomes `--listen (MARQUEE_LISTEN)`.
    fn named(&self, shown: &str) -> String {
        let flag = shown.split([' ', '=']).next().unwrap_or(shown);
        let variable = flag
            .strip_prefix("--")
            .and_then(|long| find(&self.known, long))
            .and_then(Arg::get_env);
        variable.map_or_else(
            || flag.to_owned(),
            |variable| format!("{flag} ({})", self.files.source_of(&variable.to_string_lossy())),
        )
    }
}

fn find<'a>(command: &'a Command, long: &str) -> Option<&'a Arg> {
    command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(long))
        .or_else(|| command.get_subcommands().find_map(|subcommand| find(subcommand, long)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Refusal, parse};
    use crate::database::DatabaseUrl;
    use crate::telemetry::{LogFormat, TelemetryArgs};

    #[derive(Debug, Parser)]
    struct Args {
        #[command(flatten)]
        telemetry: TelemetryArgs,
        #[arg(long, env = "MARQUEE_TEST_STORE_URL", hide_env_values = true)]
        store_url: DatabaseUrl,
        #[arg(long, env = "MARQUEE_TEST_WORKERS", default_value = "4")]
        workers: u16,
    }

    fn parsed(args: &[&str]) -> Result<Args, Refusal> {
        parse(["marquee"].iter().chain(args).map(Into::into), |_| None)
    }

    fn refused(args: &[&str]) -> String {
        match parsed(args).unwrap_err() {
            Refusal::Bad(message) => message,
            Refusal::Answered(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_missing_setting_is_named_with_its_variable() {
        assert_eq!(
            refused(&[]),
            "required, but not set: --store-url (MARQUEE_TEST_STORE_URL)"
        );
    }

    #[test]
    fn a_bad_value_is_named_and_never_repeated() {
        let message = refused(&["--store-url", "mysql://me:secret@host/db"]);
        assert!(
            message.starts_with("--store-url (MARQUEE_TEST_STORE_URL): "),
            "{message}"
        );
        assert!(!message.contains("secret"), "{message}");
        let message = refused(&["--store-url", "postgres://h/d", "--workers", "many"]);
        assert_eq!(
            message,
            "--workers (MARQUEE_TEST_WORKERS): invalid digit found in string"
        );
    }

    #[test]
    fn a_choice_is_told_with_what_can_be_chosen() {
        let message = refused(&["--store-url", "postgres://h/d", "--log-format", "xml"]);
        assert_eq!(message, "--log-format (MARQUEE_LOG_FORMAT): must be one of text, json");
    }

    #[test]
    fn an_unknown_argument_is_named() {
        assert_eq!(refused(&["--colour"]), "there is no argument --colour");
    }

    #[test]
    fn help_is_not_an_error() {
        let refusal = parsed(&["--help"]).unwrap_err();
        assert!(matches!(refusal, Refusal::Answered(_)));
    }

    #[test]
    fn defaults_hold_where_nothing_is_said() {
        let args = parsed(&["--store-url", "postgres://h/d"]).unwrap();
        assert_eq!((args.telemetry.log, args.telemetry.log_format), (None, LogFormat::Text));
        assert_eq!(args.workers, 4);
    }
}
