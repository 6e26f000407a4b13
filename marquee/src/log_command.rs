//! `marquee log ...`: what a superuser does to the log as a whole.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use domain::Position;
use event_store::{Adoption, adopt_with_relay_at, plan_adoption};
use service::database::{DatabaseUrl, connect_options, refuse_shared_sessions};
use service::telemetry::{self, DEFAULT_LOG, LogFormat, TelemetryArgs};
use sqlx::Connection;
use tokio::time::timeout;

use crate::api::OperatorArgs;
use crate::confirm::ConfirmArgs;
use crate::databases::SuperuserArgs;
use crate::events::time;
use crate::failure::Failure;
use crate::table::thousands;
use crate::terminal::print;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What was done stands in a line of log, too, for whoever keeps these.
const AUDIT_LOG: TelemetryArgs = TelemetryArgs {
    log: None,
    log_format: LogFormat::Text,
};

const HELP: &str = "\
Stop the services first, so that no command is accepted in between. See docs/operations.md, Backup and restore.

Examples:
  marquee log adopt                                The log of what runs in the home; asks
  marquee log adopt --database-url postgres://postgres@db/postgres --yes";

/// Done to the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Gives a log that was restored, or that has lost its last events, a new identity
    ///
    /// Whoever has read further than this log goes then says LOG_DIVERGED, and is rebuilt from it; everybody else goes
    /// on. It says first what it touches, and asks.
    #[command(after_help = HELP)]
    Adopt(AdoptArgs),
}

/// Settings of `marquee log adopt`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    superuser: SuperuserArgs,
    /// Where the relay goes on: everything behind this position is published; `head` for the end of the log. Needed when the log
    /// was restored without the relay's checkpoint
    #[arg(long, value_name = "POSITION", value_parser = relay_at)]
    relay_at: Option<RelayAt>,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Where the relay goes on, as an operator says it.
#[derive(Clone, Copy, Debug)]
enum RelayAt {
    Head,
    Position(Position),
}

fn relay_at(text: &str) -> Result<RelayAt, &'static str> {
    match text.parse() {
        Ok(position @ 0..) => Ok(RelayAt::Position(Position(position))),
        _ if text == "head" => Ok(RelayAt::Head),
        _ => Err("must be a position, 0 for all of the log, or head"),
    }
}

pub(crate) async fn run(command: LogCommand) -> Result<ExitCode, Failure> {
    let LogCommand::Adopt(args) = command;
    telemetry::init(&AUDIT_LOG, DEFAULT_LOG);
    let url = args.superuser.event_store()?;
    refuse_shared_sessions("MARQUEE_DATABASE_URL", &url).await?;
    let options = connect_options(&url, "marquee log adopt");
    let mut superuser = timeout(CONNECT_TIMEOUT, options.connect()).await??;
    let mut planned = plan_adoption(&mut superuser).await?;
    let relay_at = args.relay_at.map(|at| match at {
        RelayAt::Head => planned.head,
        RelayAt::Position(position) => position,
    });
    if planned.relay_unplaced && relay_at.is_none() {
        return Err(Failure::usage(format!(
            "required: --relay-at. The events of {url} were restored into a store that was made after them, without the relay's \
             checkpoint, so nobody knows what of them was published. --relay-at head publishes none of them again, --relay-at 0 \
             all, --relay-at N those behind position N, which the relay had reached by the dump's relay table"
        )));
    }
    planned.relay_afterwards = relay_at.unwrap_or(planned.relay_afterwards);
    if !args.confirm.agreed(&plan(&url, &planned))? {
        print("Nothing was changed.")?;
        return Ok(ExitCode::FAILURE);
    }
    let (log_id, done) = adopt_with_relay_at(&mut superuser, planned.log_id, relay_at).await?;
    superuser.close().await?;
    let operator = args.operator.name().unwrap_or_else(|| "anonymous".to_owned());
    tracing::warn!(
        database = %url,
        old_log_id = %done.log_id,
        new_log_id = %log_id,
        head = done.head.0,
        relay_before = done.relay.0,
        relay_after = done.relay_afterwards.0,
        keys_forgotten = done.stray_keys,
        operator,
        "the log has a new identity"
    );
    print(&format!(
        "The log is {log_id} now. Start what is stopped; rebuild each projection that says LOG_DIVERGED."
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn plan(url: &DatabaseUrl, adoption: &Adoption) -> String {
    let ends = match adoption.recorded_at {
        Some(at) => format!("ends at position {}, recorded {}", thousands(adoption.head.0), time(at)),
        None => "is empty".to_owned(),
    };
    let relay = if adoption.relay_unplaced {
        let behind = thousands(adoption.relay_afterwards.0);
        format!("The relay, which knows nothing of this log, goes on behind position {behind}, as you say.")
    } else if adoption.relay == adoption.relay_afterwards {
        format!("The relay goes on behind position {}.", thousands(adoption.relay.0))
    } else {
        format!(
            "The relay's checkpoint, position {}, is not in this log. It goes back to position {}, the last of its\n  \
             checkpoints that is: everything behind it is published again.",
            thousands(adoption.relay.0),
            thousands(adoption.relay_afterwards.0)
        )
    };
    let keys = match adoption.stray_keys {
        0 => String::new(),
        count => format!(
            "\n  {} recorded answers to idempotency keys name events that are not in this log. They are forgotten.",
            thousands(count)
        ),
    };
    format!(
        "The log {} in {url}\n  {ends}.\n  It gets a new identity. Readers that are further, or have read other events, \
         stop with LOG_DIVERGED.\n  {relay}{keys}",
        adoption.log_id
    )
}
