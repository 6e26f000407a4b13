//! `marquee`.

use std::process::ExitCode;

fn main() -> ExitCode {
    marquee::main()
}
