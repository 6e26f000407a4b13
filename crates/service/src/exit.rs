//! The end of a process: its exit code, and one line that says why.

use std::error::Error;
use std::process::ExitCode;

use crate::BoxError;
use crate::database::is_of_shared_sessions;

/// `EX_USAGE` of sysexits.h: a setting is wrong.
const USAGE: u8 = 64;
const FAILED: u8 = 1;

/// The exit code that an error leads to: 64 where a setting is to blame, else 1.
pub fn exit_status(error: &(dyn Error + 'static)) -> u8 {
    if is_of_shared_sessions(error) { USAGE } else { FAILED }
}

/// Turns a process's result into its exit code; an error is logged in one line, with all its causes.
pub fn exit_code<E: Into<BoxError>>(result: Result<(), E>) -> ExitCode {
    match result.map_err(Into::into) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::from(exit_status(&*error))
        }
    }
}

/// An error in one line, with all its causes. Some libraries repeat a cause in their own text: it is told once.
pub fn with_causes(error: &dyn Error) -> String {
    let text = error.to_string();
    match error.source().map(with_causes) {
        Some(cause) if !text.ends_with(&cause) => format!("{text}: {cause}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::with_causes;
    use crate::ServeError;

    #[test]
    fn an_error_is_told_with_all_its_causes() {
        let error = ServeError::TaskFailed {
            name: "relay",
            source: "no route".into(),
        };
        assert_eq!(with_causes(&error), "the task relay failed: no route");
        let repeating = ServeError::TaskFailed {
            name: "relay",
            source: "the task relay failed".into(),
        };
        assert_eq!(with_causes(&repeating), "the task relay failed");
    }
}
