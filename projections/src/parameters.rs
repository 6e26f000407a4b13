//! Checks the parameters of queries, so that one answer names everything that is wrong with them.

use chrono::{Datelike, NaiveDate};
use domain::InvalidValue;
use serde::{Deserialize, Serialize};
use service::{FieldError, Problem};
use utoipa::IntoParams;

use crate::Limit;

/// Longest text searched for, in characters.
const SEARCH_LENGTH_MAX: usize = 200;

/// The query parameters of a route that has none of its own.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NoParameters {
    /// Read and documented by [`crate::ReadWanted`].
    #[serde(rename = "min_position")]
    #[param(ignore)]
    _min_position: Option<String>,
}

/// Collects the faults of a request's parameters while they are parsed one by one.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Parses a parameter if it was given; `None` also when it is wrong, which [`Self::finish`] then tells.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(name, invalid.code, invalid.detail);
                None
            }
        }
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(format!("/{name}"), code, detail));
    }

    /// Parses a whole number within bounds, or takes the default.
    pub(crate) fn whole_number(&mut self, name: &str, text: Option<&str>, default: u16, min: u16, max: u16) -> u16 {
        let parse = |text: &str| {
            text.parse()
                .ok()
                .filter(|number| (min..=max).contains(number))
                .ok_or_else(|| InvalidValue {
                    code: "OUT_OF_RANGE",
                    detail: format!("must be a whole number from {min} to {max}"),
                })
        };
        self.optional(name, text, parse).unwrap_or(default)
    }

    /// Parses `limit`.
    pub(crate) fn limit(&mut self, text: Option<&str>) -> Limit {
        let checked = self.optional("limit", text, |text| {
            let limit = text.parse().ok().and_then(Limit::new);
            let detail = "must be a whole number from 1 to 100".into();
            limit.ok_or(InvalidValue {
                code: "OUT_OF_RANGE",
                detail,
            })
        });
        checked.unwrap_or_default()
    }

    /// Parses a text to search for: at most 200 characters. One that is empty, as an empty field of a form is, asks for
    /// nothing.
    pub(crate) fn search(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        self.optional(name, text, |text| {
            if text.chars().count() > SEARCH_LENGTH_MAX {
                let detail = format!("must be at most {SEARCH_LENGTH_MAX} characters");
                return Err(InvalidValue {
                    code: "TOO_LONG",
                    detail,
                });
            }
            if text.chars().any(char::is_control) {
                let detail = "must not contain control characters".into();
                return Err(InvalidValue {
                    code: "CONTROL_CHARACTER",
                    detail,
                });
            }
            Ok(text.to_owned())
        })
    }

    /// Tells whether everything was right.
    ///
    /// # Errors
    /// 400 `INVALID_QUERY` that names every wrong parameter.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid_query(self.errors))
    }
}

/// Checks the id in a path. One that cannot be an id is refused before it gets near the database.
///
/// # Errors
/// 400 `INVALID_PATH` that names the id.
pub(crate) fn path_id<T>(
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
) -> Result<T, Problem> {
    parse(text).map_err(|invalid| {
        let error = FieldError::new(format!("/{name}"), invalid.code, invalid.detail);
        Problem::invalid_path(vec![error])
    })
}

/// A text out of a cursor, which anybody may have written: one the database can take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CursorText(pub(crate) String);

impl TryFrom<String> for CursorText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('\0') {
            Err("NUL is no character of a text")
        } else {
            Ok(Self(text))
        }
    }
}

/// A day out of a cursor, which anybody may have written: one the database can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NaiveDate")]
pub(crate) struct CursorDate(pub(crate) NaiveDate);

impl TryFrom<NaiveDate> for CursorDate {
    type Error = &'static str;

    fn try_from(date: NaiveDate) -> Result<Self, Self::Error> {
        if (0..10_000).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err("the year does not have four digits")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_parameter_is_named() {
        let mut parameters = Parameters::default();
        parameters.limit(Some("0"));
        parameters.search("q", Some("a\0b"));
        parameters.whole_number("days", Some("-1"), 7, 0, 365);
        assert_eq!(
            parameters.search("q", Some("  ")),
            None,
            "an empty search is none, and not wrong"
        );
        let pointers: Vec<&str> = parameters.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/limit", "/q", "/days"]);
        assert!(parameters.finish().is_err());
    }

    #[test]
    fn a_forged_cursor_holds_nothing_the_database_would_refuse() {
        assert!(serde_json::from_str::<CursorText>(r#""a\u0000b""#).is_err());
        assert!(serde_json::from_str::<CursorDate>(r#""-9999-01-01""#).is_err());
        assert!(serde_json::from_str::<CursorDate>(r#""2026-01-01""#).is_ok());
    }
}
