//! Which day it is where a cinema stands.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::InvalidValue;
use service::Problem;
use time_zones::Zone;

/// How far behind UTC the last place is that a day reaches, in hours.
const LAST_HOURS: i64 = 12;

/// A cinema's zone is not in the time zone database in use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time zone {time_zone} of the cinema {cinema} is not in the time zone database in use, {database}")]
pub(crate) struct UnknownZone {
    cinema: String,
    time_zone: String,
    database: String,
}

/// Gives the day it is in a cinema's time zone.
///
/// # Errors
/// [`UnknownZone`]: no other day would do.
pub(crate) fn today(now: DateTime<Utc>, cinema: &str, time_zone: &str) -> Result<NaiveDate, UnknownZone> {
    let zones = time_zones::in_use();
    let zone = zones.get(time_zone).ok_or_else(|| UnknownZone {
        cinema: cinema.to_owned(),
        time_zone: time_zone.to_owned(),
        database: zones.to_string(),
    })?;
    Ok(zone.day(now))
}

/// Gives the earliest day that it is anywhere.
pub(crate) fn earliest_today(now: DateTime<Utc>) -> NaiveDate {
    (now - TimeDelta::hours(LAST_HOURS)).date_naive()
}

/// Parses the zone that a reader counts days in: any of the database, offsets too.
///
/// # Errors
/// `UNKNOWN_TIME_ZONE` for anything else.
pub(crate) fn parse_zone(text: &str) -> Result<&'static Zone, InvalidValue> {
    time_zones::in_use().get(text).ok_or_else(|| InvalidValue {
        code: "UNKNOWN_TIME_ZONE",
        detail: "must be the name of a zone in the IANA time zone database, such as Europe/Berlin".into(),
    })
}

/// 500: the read model is right, and this process lacks what it takes to tell the day.
impl From<UnknownZone> for Problem {
    fn from(unknown: UnknownZone) -> Self {
        tracing::error!(
            error = &unknown as &dyn std::error::Error,
            "the day at a cinema cannot be told"
        );
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN_TIME_ZONE",
            unknown.to_string(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn every_cinema_has_its_own_today() {
        let now = at("2026-03-10T23:30:00Z");
        assert_eq!(today(now, "babylon", "Europe/Berlin"), Ok(day("2026-03-11")));
        assert_eq!(today(now, "roxy", "America/New_York"), Ok(day("2026-03-10")));
        assert_eq!(today(now, "old", "Etc/GMT-3"), Ok(day("2026-03-11")), "accepted once");
    }

    #[test]
    fn an_unknown_time_zone_is_an_error_that_names_cinema_zone_and_database() {
        let error = today(at("2026-03-10T23:30:00Z"), "olympus", "Mars/Olympus_Mons").expect_err("no such zone");
        let text = error.to_string();
        for told in ["olympus", "Mars/Olympus_Mons", time_zones::in_use().release().as_str()] {
            assert!(text.contains(told), "{text}");
        }
    }

    #[test]
    fn no_place_has_an_earlier_day_than_the_earliest_one() {
        for now in ["2026-03-10T11:59:59Z", "2026-03-10T12:00:00Z", "2026-12-31T23:59:59Z"].map(at) {
            let days = || {
                time_zones::in_use()
                    .names()
                    .filter_map(|name| time_zones::in_use().get(name))
            };
            assert_eq!(
                days().map(|zone| zone.day(now)).min(),
                Some(earliest_today(now)),
                "{now}"
            );
        }
    }
}
