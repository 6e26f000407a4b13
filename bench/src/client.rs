//! What makes the load: a process of its own, so that what it uses of the processors can be told from what it measures.

mod commands;
mod connection;
mod visible;

use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use service::BoxError;
use tokio::process::Command;

use crate::cpu::{Cpu, own_seconds};
use crate::marquee::OWN_PROGRAM;
use crate::peer::{insert, insert_publish};
use crate::sample::Sample;

/// A load.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    #[command(subcommand)]
    pub(crate) kind: Kind,
    /// How long it lasts
    #[arg(long, global = true, default_value_t = 1_000)]
    milliseconds: u64,
}

/// What is sent.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Kind {
    /// POST /users/{id} over so many connections, to new and known users in turn
    Commands {
        url: String,
        connections: usize,
        /// What the ids of new users begin with
        prefix: String,
    },
    /// POST /users/{id} at a fixed rate, each followed by the query that waits for it
    Visible {
        url: String,
        per_second: u32,
        prefix: String,
    },
    /// Bare inserts, one row in each transaction, over so many connections
    Insert { database_url: String, connections: usize },
    /// A bare insert, then a confirmed publish and its delivery, at a fixed rate
    InsertPublish {
        database_url: String,
        amqp_url: String,
        per_second: u32,
    },
}

impl Load {
    pub(crate) fn new(kind: Kind, duration: Duration) -> Self {
        Self {
            kind,
            milliseconds: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Runs in a process of its own, and waits for what that has found.
    ///
    /// # Errors
    /// What the process has said it failed of.
    pub(crate) async fn in_process(&self) -> Result<Sample, BoxError> {
        let mut command = Command::new(OWN_PROGRAM);
        command
            .arg("client")
            .args(self.arguments())
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let output = command.spawn()?.wait_with_output().await?;
        if !output.status.success() {
            return Err(format!("the load ended with {}", output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = match &self.kind {
            Kind::Commands {
                url,
                connections,
                prefix,
            } => vec![
                "commands".to_owned(),
                url.clone(),
                connections.to_string(),
                prefix.clone(),
            ],
            Kind::Visible {
                url,
                per_second,
                prefix,
            } => vec![
                "visible".to_owned(),
                url.clone(),
                per_second.to_string(),
                prefix.clone(),
            ],
            Kind::Insert {
                database_url,
                connections,
            } => vec!["insert".to_owned(), database_url.clone(), connections.to_string()],
            Kind::InsertPublish {
                database_url,
                amqp_url,
                per_second,
            } => vec![
                "insert-publish".to_owned(),
                database_url.clone(),
                amqp_url.clone(),
                per_second.to_string(),
            ],
        };
        arguments.extend(["--milliseconds".to_owned(), self.milliseconds.to_string()]);
        arguments
    }
}

/// Makes the load in this process, and prints what it found.
///
/// # Errors
/// The first refusal or failure.
#[expect(clippy::print_stdout, reason = "the answer to the process that started this one")]
pub(crate) async fn run(load: &Load) -> Result<(), BoxError> {
    let duration = Duration::from_millis(load.milliseconds);
    let (began, used) = (Instant::now(), own_seconds());
    let sample = match &load.kind {
        Kind::Commands {
            url,
            connections,
            prefix,
        } => commands::run(url, *connections, prefix, duration).await?,
        Kind::Visible {
            url,
            per_second,
            prefix,
        } => visible::run(url, *per_second, prefix, duration).await?,
        Kind::Insert {
            database_url,
            connections,
        } => insert::run(database_url, *connections, duration).await?,
        Kind::InsertPublish {
            database_url,
            amqp_url,
            per_second,
        } => insert_publish::run(database_url, amqp_url, *per_second, duration).await?,
    };
    let cpu = Cpu {
        client: (own_seconds() - used) / began.elapsed().as_secs_f64(),
        ..Cpu::default()
    };
    println!("{}", serde_json::to_string(&sample.with_cpu(cpu))?);
    Ok(())
}
