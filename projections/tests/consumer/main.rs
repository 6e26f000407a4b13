//! The consumer against the real broker and the real database: whatever happens, the read model ends equal to the log.

mod alone;
mod cluster;
mod faults;
mod leaderless;
mod lifecycle;
mod operators;
mod ownership;
mod parking;
#[path = "../setup/process.rs"]
mod process;
mod reading;
#[path = "../setup/recorder.rs"]
mod recorder;
mod relaying;
#[path = "../setup/stack.rs"]
mod stack;
mod strangers;

use process::Process;
use recorder::Recorder;
use stack::Stack;

/// The recorder's queue.
const QUEUE: &str = "recorder.v1";

/// A stack with a process that records what it applies, and waits for its first delivery.
async fn stack_with_a_recorder() -> (Stack, Process) {
    let stack = Stack::start().await;
    let process = stack.serve(Recorder::default()).await;
    process.reach_state("waiting").await;
    (stack, process)
}
