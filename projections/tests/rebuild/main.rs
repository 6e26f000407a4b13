//! Rebuilds and rollbacks against the real broker and the real databases: the live model is never worse for them.

mod operating;
#[path = "../setup/process.rs"]
mod process;
mod rebuilding;
#[path = "../setup/recorder.rs"]
mod recorder;
mod shelf;
#[path = "../setup/stack.rs"]
mod stack;
