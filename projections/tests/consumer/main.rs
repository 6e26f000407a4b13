//! The consumer against the real broker and the real database: whatever happens, the read model ends equal to the log.

mod faults;
mod lifecycle;
mod ownership;
mod parking;
mod reading;
#[path = "../setup/recorder.rs"]
mod recorder;
#[path = "../setup/stack.rs"]
mod stack;
