//! What all private servers have in common, whichever way they run.

use crate::error::StartError;

/// What becomes of a server's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It is to survive everything.
    Durable,
    /// It is thrown away soon.
    Disposable,
}

/// A small shell script that runs a client program against one private server.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// What follows `#!/bin/sh`.
    pub(crate) script: String,
}

/// Makes one shell word of any text.
pub(crate) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A private server, running or stopped. Dropping it leaves the server as it is.
pub(crate) trait Instance: Send + Sync {
    /// The url of the administrator: of the database `postgres`, or of the vhost `/`.
    fn url(&self) -> String;

    /// Where the broker's management answers; it takes the user and password of the url.
    fn management_url(&self) -> Option<String> {
        None
    }

    /// The broker's port for TLS, if it speaks it.
    fn tls_port(&self) -> Option<u16> {
        None
    }

    /// Says in a few lines where the server is and how to log in.
    fn describe(&self) -> String;

    /// The programs with which a person looks inside.
    fn tools(&self) -> Vec<Tool>;

    /// Starts the stopped server, on the same ports as before if they are still free.
    fn start_again(&mut self) -> Result<(), StartError>;

    /// Stops the server in an orderly way; kills it when that takes too long.
    fn stop(&mut self);

    /// Ends the server and its helpers at once, as a power cut would.
    fn kill(&mut self);

    /// What this is as several servers that stand in for each other; none when it is alone.
    fn replicas(&mut self) -> Option<&mut dyn Replicas> {
        None
    }
}

/// Servers that stand in for each other, counted from 0.
pub(crate) trait Replicas {
    /// Takes one of them away from the others, which is for them to find out; but a standby is promoted when this returns.
    fn take_away(&mut self, number: usize, how: Outage) -> Result<(), StartError>;

    /// Brings the one back that was taken away in this way. It is up when this returns, and its peers have it back then or soon.
    fn bring_back(&mut self, number: usize, how: Outage) -> Result<(), StartError>;
}

/// How a server is taken away from those that stand in for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It is killed.
    Killed,
    /// It hangs: its connections stay, and nothing is answered.
    Frozen,
    /// It does not reach the others, nor they it, and all know.
    CutOff,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_shell_word() {
        let text = r#"it's "a" $word\"#;
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("printf %s {}", shell_word(text)))
            .output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), text);
    }
}
