//! A process of the system, run inside the test.

use std::time::Duration;

use projections::ConsumerArgs;
use serde_json::Value;
use service::Service;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long anything may take that is sure to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any test: nothing is closed for want of a watermark unless a test asks for it.
const NEVER_MS: u64 = 600_000;

/// Serves a service; ended abruptly when dropped.
pub(crate) struct Process {
    pub(crate) url: String,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts to serve on a free port.
    pub(crate) async fn start(service: Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = tokio::spawn(async move {
            service::serve(listener, vec![service], stopped)
                .await
                .expect("the service ends well");
        });
        Self {
            url,
            stop,
            serving: Some(serving),
        }
    }

    /// What `GET /projections/recorder` shows.
    pub(crate) async fn status(&self) -> Option<Value> {
        let response = reqwest::get(format!("{}/projections/recorder", self.url)).await.ok()?;
        response.json().await.ok()
    }

    /// Waits until the consumer is in a state, and gives the status.
    pub(crate) async fn reach_state(&self, state: &str) -> Value {
        let what = format!("a consumer that is {state}");
        eventually(&what, async || {
            self.status().await.filter(|status| status["state"] == state)
        })
        .await
    }

    /// How many ranges had to be read from the log.
    pub(crate) async fn healed_ranges(&self) -> u64 {
        self.status().await.expect("a status")["healed_ranges"]
            .as_u64()
            .expect("a number")
    }

    /// Asks to stop, and waits until everything has.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await.expect("the service ends well");
        }
    }

    /// Ends the process as a crash would: nothing is finished, nothing is said to the servers.
    pub(crate) async fn kill(mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _aborted = serving.await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Settings under which nothing is closed for want of a watermark, and retries are quick.
pub(crate) fn args() -> ConsumerArgs {
    ConsumerArgs {
        silence_ms: NEVER_MS,
        retry_delay_ms_max: 100,
        ..ConsumerArgs::default()
    }
}

/// Asks until there is an answer, and gives it.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
