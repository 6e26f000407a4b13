//! How a command of the operator's ends: its exit code, and one line that says why.

use std::process::ExitCode;

use service::{BoxError, exit_status, with_causes};

/// `EX_USAGE` of sysexits.h: the command was not given what it needs.
const USAGE: u8 = 64;

/// What is not as it should be, though the command has done its work: `marquee status` found something unhealthy.
pub(crate) const UNHEALTHY: u8 = 3;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: BoxError,
}

impl Failure {
    /// The command needs to be told more, or otherwise.
    pub(crate) fn usage(message: impl Into<BoxError>) -> Self {
        Self {
            code: USAGE,
            error: message.into(),
        }
    }

    /// The same with another exit code.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    #[expect(clippy::print_stderr, reason = "the answer of the command")]
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {}", with_causes(&*self.error));
        ExitCode::from(self.code)
    }
}

impl<E: Into<BoxError>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            code: exit_status(&*error),
            error,
        }
    }
}
