//! Runs the servers alone, for work on one service at a time: `cargo run -p dev-stack`, ended by Ctrl-C.

use std::env;
use std::process::ExitCode;

use dev_stack::{DevStack, Options};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "progress and errors are for the person at the terminal"
)]
async fn main() -> ExitCode {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        eprintln!("signals cannot be listened to");
        return ExitCode::FAILURE;
    };
    let given = |variable| env::var(variable).ok().filter(|value: &String| !value.is_empty());
    let options = Options {
        home: given("MARQUEE_HOME").map(Into::into),
        database_url: given("MARQUEE_DATABASE_URL"),
        amqp_url: given("MARQUEE_AMQP_URL"),
        replicated: false,
        allow_install: true,
        progress: &|line| eprintln!("{line}"),
    };
    let stack = match DevStack::start(options).await {
        Ok(stack) => stack,
        Err(error) => {
            eprintln!("{}", dev_stack::with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    println!("{}\nCtrl-C stops them.", stack.describe());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stack.stop().await;
    ExitCode::SUCCESS
}
