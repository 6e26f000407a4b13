//! The consumer against the real broker and the real database: whatever happens, the read model ends equal to the log.

mod alone;
mod faults;
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
