//! `marquee`, deliberately broken: for the tests that show `marquee chaos` finding it.

use std::process::ExitCode;

fn main() -> ExitCode {
    marquee::main()
}
