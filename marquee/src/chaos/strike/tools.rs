//! The tools of the private servers, as an operator runs them.

use std::process::Stdio;
use std::time::Duration;

use service::BoxError;
use tokio::process::Command;
use tokio::time::timeout;

use crate::chaos::world::World;

/// How long a tool may take: `rabbitmqctl` starts a virtual machine of its own (seen on a busy machine: more than 20 s).
const TOOL_PATIENCE: Duration = Duration::from_secs(300);

/// Runs a tool of the home to its end, with the given input and output.
///
/// # Errors
/// It is not there, takes too long, or fails: with what it complained of.
pub(super) async fn run(
    world: &World,
    name: &str,
    arguments: &[&str],
    (input, output): (Stdio, Stdio),
) -> Result<(), BoxError> {
    let home = world.home().ok_or("the servers are not private ones")?;
    let mut command = Command::new(home.join("bin").join(name));
    command.args(arguments).stdin(input).stdout(output);
    finish(name, command).await
}

/// Waits for the end of a command, in good order.
///
/// # Errors
/// As [`run`].
pub(super) async fn finish(name: &str, mut command: Command) -> Result<(), BoxError> {
    let running = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let ended = timeout(TOOL_PATIENCE, running.wait_with_output()).await??;
    if ended.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
    Err(format!("{name}: {reason}").into())
}
