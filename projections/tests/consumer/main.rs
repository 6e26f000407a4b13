//! The consumer against the real broker and the real database: whatever happens, the read model ends equal to the log.

mod alone;
mod cluster;
mod faults;
mod held_for_long;
mod histories;
mod leaderless;
mod lifecycle;
#[path = "../setup/log.rs"]
mod log;
#[path = "../setup/log_lines.rs"]
mod log_lines;
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

/// Two processes, both at the end of the log, of which the first has the queue; with the recorder of the first.
async fn one_beside_another(stack: &mut Stack) -> (Recorder, [Process; 2], i64) {
    let recorder = Recorder::default();
    let first = stack.serve(recorder.clone()).await;
    first.reach_state("waiting").await;
    let head = stack.append_many(20).await;
    stack.relay(0, head).await;
    stack.expect_equal_to_log(head).await;
    let second = stack.serve(Recorder::default()).await;
    second.reach_state("waiting").await;
    (recorder, [first, second], head)
}
