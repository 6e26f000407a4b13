//! Settings from files: `MARQUEE_X_FILE` names a file with the value of `MARQUEE_X`, for secrets that containers mount.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::{Arg, Command};

/// Far above any setting: a wrong path, to a disk or a log, must not fill the memory.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The variables whose values come from files, with the variables that name these files.
///
/// It holds no values: they go into the command at once, and are shown by no help.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    /// Gives each setting that has a file the file's content as its default: flags win over it, as over variables.
    ///
    /// # Errors
    /// Which variable is at fault and why, never with a value: both variables are given; the file cannot be read, is
    /// empty, or is no text.
    pub(super) fn fill(
        command: Command,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> (Command, Result<Self, String>) {
        let mut reading = Reading {
            environment,
            values: BTreeMap::new(),
        };
        reading.read(&command);
        let values = &reading.values;
        let command = filled(command, values);
        let files = values
            .iter()
            .map(|(variable, value)| value.as_ref().map(|_| (variable.clone(), file_variable(variable))))
            .collect::<Result<_, &String>>();
        (command, files.map(Self).map_err(Clone::clone))
    }

    /// Names the variable that gave the value: that of the file, if there is one.
    pub(super) fn source_of<'a>(&'a self, variable: &'a str) -> &'a str {
        self.0.get(variable).map_or(variable, String::as_str)
    }
}

struct Reading<E> {
    environment: E,
    /// Content or refusal per variable that has a file.
    values: BTreeMap<String, Result<String, String>>,
}

impl<E: Fn(&str) -> Option<OsString>> Reading<E> {
    fn read(&mut self, command: &Command) {
        let variables: Vec<String> = command.get_arguments().filter_map(variable).collect();
        for variable in variables {
            let file = file_variable(&variable);
            if let Some(path) = (self.environment)(&file)
                && !self.values.contains_key(&variable)
            {
                let value = if (self.environment)(&variable).is_some() {
                    Err(format!("{variable} and {file} are both set; set one of them"))
                } else {
                    content(Path::new(&path)).map_err(|reason| format!("{file}: {reason}"))
                };
                self.values.insert(variable, value);
            }
        }
        command.get_subcommands().for_each(|subcommand| self.read(subcommand));
    }
}

fn filled(command: Command, values: &BTreeMap<String, Result<String, String>>) -> Command {
    command
        .mut_args(|argument| {
            let value = variable(&argument).and_then(|variable| values.get(&variable));
            match value {
                Some(Ok(value)) => argument.required(false).default_value(value).hide_default_value(true),
                _ => argument,
            }
        })
        .mut_subcommands(|subcommand| filled(subcommand, values))
}

fn variable(argument: &Arg) -> Option<String> {
    Some(argument.get_env()?.to_string_lossy().into_owned())
}

fn file_variable(variable: &str) -> String {
    format!("{variable}_FILE")
}

/// The file's text without the newline at its end, which most editors and `echo` put there.
fn content(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err("the file is no UTF-8 text".to_owned()),
        Err(error) => Err(format!("the file {} cannot be read: {error}", path.display())),
        Ok(bytes) if bytes as u64 > FILE_BYTES_MAX => Err(format!("the file is longer than {FILE_BYTES_MAX} bytes")),
        Ok(_) => {
            let value = text.strip_suffix('\n').unwrap_or(&text);
            let value = value.strip_suffix('\r').unwrap_or(value);
            if value.is_empty() {
                Err("the file is empty".to_owned())
            } else {
                Ok(value.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
