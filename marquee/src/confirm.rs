//! Asks before something is lost: says what a command touches, and does it only when somebody agrees.

use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin};

use clap::Args;

use crate::failure::Failure;

/// Agreement without being asked.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ConfirmArgs {
    /// Do not ask; for scripts
    #[arg(long, short)]
    yes: bool,
}

impl ConfirmArgs {
    /// Says what will happen, and asks whether it shall. `Ok(false)` is a no.
    ///
    /// # Errors
    /// A [`Failure`] with the code of a wrong use, when there is nobody to ask.
    pub(crate) fn agreed(self, what_happens: &str) -> Result<bool, Failure> {
        say(&format!("{what_happens}\n"));
        if self.yes {
            return Ok(true);
        }
        if !(stdin().is_terminal() && stderr().is_terminal()) {
            return Err(Failure::usage(
                "this has to be confirmed, and there is no terminal to ask at: --yes confirms it",
            ));
        }
        say("Go on? [y/N] ");
        let mut answer = String::new();
        stdin().lock().read_line(&mut answer)?;
        Ok(is_yes(&answer))
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// To standard error: standard output is for the answer.
fn say(text: &str) {
    let mut stderr = stderr().lock();
    // Who cannot be told cannot be asked either.
    let _: io::Result<()> = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        for answer in ["", "\n", "n\n", "yeah\n", "j\n"] {
            assert!(!is_yes(answer), "{answer}");
        }
    }
}
