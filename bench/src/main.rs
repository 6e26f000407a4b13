//! Measures Marquee against its peers and its limits: what runs, in which order, and what is done with the figures.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]

mod args;
mod client;
mod closed_loop;
mod cpu;
mod figure;
mod films;
mod history;
mod machine;
mod marquee;
mod open_loop;
mod part;
mod peer;
mod report;
mod sample;
mod stand;

use std::process::ExitCode;

use args::{Args, Role};
use service::telemetry;
use service::{BoxError, exit_code, shutdown_on_signal};

fn main() -> ExitCode {
    let args: Args = service::arguments();
    // Metrics too are recorded as they are in life.
    telemetry::init(&args.telemetry, "warn");
    let runtime = match &args.role {
        // The load shares the machine with what it loads: one thread is enough, and leaves the rest.
        Some(Role::Client(_)) => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
    };
    exit_code(
        runtime
            .map_err(BoxError::from)
            .and_then(|runtime| runtime.block_on(run(args))),
    )
}

async fn run(args: Args) -> Result<(), BoxError> {
    match &args.role {
        Some(Role::Client(load)) => client::run(load).await,
        Some(Role::EmptyHandler { listen }) => peer::empty_handler::serve(*listen).await,
        None => measure(args).await,
    }
}

/// Measures the parts asked for, prints the figures, and writes them down.
async fn measure(args: Args) -> Result<(), BoxError> {
    let stop = shutdown_on_signal();
    let machine = machine::Machine::look();
    let Some(mut stand) = stop.run_until_cancelled(stand::Stand::start(&args)).await.transpose()? else {
        return Ok(());
    };
    let measured = stop.run_until_cancelled(part::measure_all(&mut stand, &args)).await;
    let versions = stand.versions().await;
    stand.stop().await;
    let figures = match measured {
        None => return Err("stopped before it was done".into()),
        Some(figures) => figures?,
    };
    if args.json {
        println!("{}", report::json::text(&figures)?);
    } else {
        println!("{}", report::table::text(&figures));
    }
    report::write(&figures, &machine, &versions?, &args)?;
    Ok(())
}
