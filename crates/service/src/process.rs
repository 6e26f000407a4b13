//! What every process is told, whatever it does.

use crate::environment::{Environment, HoldsSecrets};
use crate::telemetry::{self, TelemetryArgs};

/// The arguments of a process: its own settings, where it runs, and how it logs.
#[derive(Clone, Debug, clap::Args)]
pub struct ProcessArgs<A: clap::Args> {
    /// What it does.
    #[command(flatten)]
    pub own: Box<A>,
    /// Where this runs: in production secrets that are empty or known to everybody are refused
    #[arg(
        long = "env",
        env = "MARQUEE_ENV",
        default_value = "development",
        value_name = "ENVIRONMENT"
    )]
    environment: Environment,
    #[command(flatten, next_help_heading = "Logs")]
    telemetry: TelemetryArgs,
}

impl<A: clap::Args + HoldsSecrets> ProcessArgs<A> {
    /// Sets up the logs, with this filter when the arguments name none, and looks at the secrets, before anything is done with
    /// them; gives the process's own settings.
    ///
    /// In production a secret that is none ends the process with 64: see [`Environment::check`].
    pub fn begin(self, default_log: &str) -> A {
        telemetry::init(&self.telemetry, default_log);
        self.environment.check(&*self.own);
        *self.own
    }
}
