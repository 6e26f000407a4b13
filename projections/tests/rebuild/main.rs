//! Rebuilds and rollbacks against the real broker and the real databases: the live model is never worse for them.

mod auditing;
mod beginning;
mod events;
mod interruption;
mod live;
#[path = "../setup/log.rs"]
mod log;
mod operating;
#[path = "../setup/process.rs"]
mod process;
mod rebuilding;
mod shelf;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../setup/stack.rs"]
mod stack;
mod versions;
