//! `marquee up`: everything in one process, known by its greeting.

use e2e::Client;
use reqwest::Method;
use tokio::process::Command;

use crate::child::Process;

/// The last line of the greeting begins so.
const GREETING_END: &str = "Ctrl-C stops everything";

/// A process that has greeted.
pub(crate) struct Up {
    pub(crate) process: Process,
    /// Talks to it.
    pub(crate) client: Client,
    /// Where it says it is.
    pub(crate) url: String,
    /// What it has said, greeting included.
    pub(crate) greeting: String,
}

impl Up {
    /// Starts it, and waits for its greeting.
    pub(crate) async fn start(command: Command) -> Self {
        let mut process = Process::start(command);
        let url = process.says("where it is up", |line| {
            let (url, took) = line.strip_prefix("Marquee is up at ")?.split_once(" after ")?;
            assert!(took.contains(" s. "), "it tells how long it took: {line}");
            Some(url.to_owned())
        });
        let url = url.await;
        process
            .says("all of its greeting", |line| {
                line.starts_with(GREETING_END).then_some(())
            })
            .await;
        Self {
            client: Client::new(&url),
            greeting: process.said().join("\n"),
            url,
            process,
        }
    }

    /// Tells it to end with a signal: it does so in good order, and has nothing to complain of.
    pub(crate) async fn stop(self, signal: &str) {
        let said_before = self.process.said().len();
        self.process.signal(signal).await;
        let ended = self.process.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let said_last = &ended.said[said_before..];
        assert!(!said_last.iter().any(|line| line.contains("ERROR")), "{ended:#?}");
    }

    /// The requests that the greeting offers to try, as printed.
    pub(crate) fn requests(&self) -> Vec<String> {
        let curls = self
            .greeting
            .lines()
            .filter_map(|line| line.trim().strip_prefix("curl "));
        curls.map(str::to_owned).collect()
    }
}

/// A value of `marquee_...` metrics by its name and labels, as in `marquee_relay_leader`; 0 when it is not there.
pub(crate) async fn metric(client: &Client, name: &str) -> f64 {
    let response = client.request(Method::GET, "/metrics").send().await.expect("an answer");
    let text = response.text().await.expect("text");
    let values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.map(|value| value.parse::<f64>().expect("a number")).sum()
}
