//! Commands that are typed: told something, answering something, ending with a code.

use serde_json::Value;
use tokio::process::Command;

use crate::child::{Ended, Process, marquee};
use crate::deployment::Deployment;

/// Runs a command that finds the services through the deployment's home.
pub(crate) async fn told(deployment: &Deployment, arguments: &[&str]) -> Ended {
    let mut command = marquee(arguments);
    command
        .env("MARQUEE_HOME", deployment.home.path())
        .env("MARQUEE_OPERATOR", "ada");
    ended(command).await
}

/// Runs a command to its end.
pub(crate) async fn ended(command: Command) -> Ended {
    Process::start(command).ended().await
}

impl Ended {
    /// All it said, once its code is as it should be.
    pub(crate) fn said_with(&self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.said.join("\n")
    }

    /// The one object or array it said.
    pub(crate) fn json(&self) -> Value {
        let json = self.said.iter().find(|line| line.starts_with(['{', '[']));
        let json = json.unwrap_or_else(|| panic!("no JSON: {self:#?}"));
        serde_json::from_str(json).expect("JSON")
    }
}
