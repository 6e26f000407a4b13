//! Logs and metrics of a process.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::http_metrics;

/// Always added: a returned message's log line would hold its payload, and with it personal data; and that a connection is
/// closed while an answer is owed, or a channel, is no error, nor does the library know of one that its caller is not told.
const SILENCED: &str = "lapin::returned_messages=off,lapin::channels=off,lapin::channel=off";

/// At the level `trace` the AMQP library writes down every frame, and with it passwords and payloads.
const FRAMES: [&str; 2] = ["lapin", "amq_protocol"];

fn may_be_told(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !FRAMES.iter().any(|library| metadata.target().starts_with(library))
}

/// How a process logs.
#[derive(Clone, Debug, clap::Args)]
pub struct TelemetryArgs {
    /// What is logged: a level, or levels by module, such as `info,sqlx=debug` [default: info; of `up`: warn]
    #[arg(long, env = "MARQUEE_LOG", value_name = "FILTER", value_parser = filter)]
    pub log: Option<String>,
    /// How log lines are written, to standard error
    #[arg(long, env = "MARQUEE_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line, for machines
    Json,
}

fn filter(text: &str) -> Result<String, ParseError> {
    EnvFilter::builder().parse(text).map(|_valid| text.to_owned())
}

/// What a service logs when nothing is said.
pub const DEFAULT_LOG: &str = "info";

/// Sends the process's logs to standard error and its metrics to the recorder behind `/metrics`.
///
/// `default_log` is the filter when the arguments name none. Only the first call in a process has an effect.
pub fn init(args: &TelemetryArgs, default_log: &str) {
    let log = args.log.as_deref().unwrap_or(default_log);
    let filter = EnvFilter::builder().parse_lossy(format!("{log},{SILENCED}"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that a subscriber is there already, which is what the contract allows.
    let _already = match args.log_format {
        LogFormat::Text => subscriber.finish().with(filter_fn(may_be_told)).try_init(),
        LogFormat::Json => {
            // The list of spans would repeat the current one: there is never another around it.
            let subscriber = subscriber.json().flatten_event(true).with_span_list(false).finish();
            subscriber.with(filter_fn(may_be_told)).try_init()
        }
    };
    let _recorder = http_metrics::recorder();
}
