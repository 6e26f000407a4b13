//! Time zones of cinemas.

use domain::TimeZone;

use crate::code;

#[test]
fn a_time_zone_is_one_of_the_iana_database() {
    for text in [
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "Asia/Kolkata",
        "Asia/Calcutta",
        "Japan",
        "CET",
        "America/Coyhaique",
    ] {
        assert_eq!(TimeZone::parse(text).unwrap().as_str(), text);
    }
    for text in [
        "",
        "Europe/Atlantis",
        "europe/berlin",
        "CEST",
        "+02:00",
        " UTC",
        "UTC\0",
    ] {
        assert_eq!(code(TimeZone::parse(text)), "UNKNOWN_TIME_ZONE", "{text:?}");
    }
}

#[test]
fn a_name_of_an_offset_is_no_time_zone_of_a_cinema() {
    for text in [
        "UTC",
        "UCT",
        "GMT",
        "GMT0",
        "GMT+0",
        "Greenwich",
        "Universal",
        "Zulu",
        "Etc/UTC",
        "Etc/GMT",
        "Etc/GMT+3",
        "Etc/GMT-14",
        "EST",
        "MST",
        "HST",
        "Factory",
    ] {
        let refused = TimeZone::parse(text).unwrap_err();
        assert_eq!(refused.code, "UNKNOWN_TIME_ZONE", "{text}");
        assert!(refused.detail.contains("offset"), "{text}: {refused}");
    }
}

#[test]
fn a_time_zone_that_was_accepted_once_is_read_for_ever() {
    for text in ["UTC", "Etc/GMT+3", "US/Pacific-New"] {
        let zone: TimeZone = serde_json::from_value(text.into()).unwrap();
        assert_eq!(zone.as_str(), text);
    }
}
