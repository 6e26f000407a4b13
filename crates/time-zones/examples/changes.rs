//! Writes every zone of the database in the binary with its changes, for `e2e/time-zones` to compare.
//!
//! One line each: the name, the offset from UTC in seconds at the beginning, and `moment=offset` for each change until the
//! end. The first line is the release.

use std::fmt::Write;

use chrono::DateTime;
use time_zones::TimeZones;

fn main() -> Result<(), &'static str> {
    let moment = |number: usize| {
        let text = std::env::args().nth(number).unwrap_or_default();
        text.parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
    };
    let (Some(from), Some(to)) = (moment(1), moment(2)) else {
        return Err("usage: changes FROM TO, in seconds since 1970");
    };
    let zones = TimeZones::bundled();
    let mut lines = format!("{}\n", zones.release());
    for name in zones.names() {
        if let Some(zone) = zones.get(name) {
            let _ = write!(lines, "{name} {}", zone.offset_s(from));
            for (at, offset_s) in zone.changes(from, to) {
                let _ = write!(lines, " {}={offset_s}", at.timestamp());
            }
            lines.push('\n');
        }
    }
    print!("{lines}");
    Ok(())
}
