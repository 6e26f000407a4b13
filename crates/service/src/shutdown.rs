//! The process's wish to stop, from the operating system's signals.

use tokio_util::sync::CancellationToken;

/// The exit code of a process that was told to stop a second time while it was stopping.
const EXIT_IMPATIENT: i32 = 130;

/// Gives the token that SIGINT and SIGTERM cancel; a second signal ends the process at once.
///
/// Must be called inside a tokio runtime.
///
/// # Panics
/// When the operating system refuses to register a signal handler, which it does for no valid signal.
pub fn shutdown_on_signal() -> CancellationToken {
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    let mut signals = Signals::register();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal ends the process at once");
        told.cancel();
        signals.next().await;
        std::process::exit(EXIT_IMPATIENT);
    });
    shutdown
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn register() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let register = |kind| signal(kind).expect("SIGINT and SIGTERM can be handled");
        Self {
            interrupt: register(SignalKind::interrupt()),
            terminate: register(SignalKind::terminate()),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn register() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
