//! The binary people run.
fn main() {}
