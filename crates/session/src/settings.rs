//! What is set in a session, whatever its server, its database and its role say.
//!
//! It is set after connecting and not by the startup message: a pooler in between refuses what it does not know there, or passes
//! over it in silence. That it was set is read back, by a mark that tells too whether the session is shared; see [`crate::Mark`].

use std::fmt::{Display, Write};

/// What Marquee's statements rest on. A database or a role may say otherwise (`ALTER DATABASE ... SET`, `ALTER ROLE ... SET`).
///
/// Left to who runs the server: what decides how something is planned or stored, how durable a commit is (what must be durable says
/// so itself), and `default_transaction_read_only`, by which a server that is full or was replaced keeps its data from harm.
const OF_EVERY_SESSION: [(&str, &str); 18] = [
    // Statements name their tables without a schema, or with that of a generation.
    ("search_path", "public"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // Each wait is bounded by who waits. A session that is idle serves the next request, or holds a lock.
    ("statement_timeout", "0"),
    ("transaction_timeout", "0"),
    ("idle_session_timeout", "0"),
    // An error that is answered must not end the session.
    ("exit_on_error", "off"),
    // What literals and NULL mean.
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("array_nulls", "on"),
    // How values become text, which rows are compared by.
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("xmlbinary", "base64"),
    // Where an index of words is asked, all that it finds.
    ("gin_fuzzy_search_limit", "0"),
    ("row_security", "on"),
];

/// The settings of a session; one that is set again replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings(Vec<Setting>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    value: String,
    /// Whether a server without such a setting is to refuse the session.
    is_required: bool,
}

impl Default for Settings {
    /// Those of every session. A server that is too old to have one of them goes without.
    fn default() -> Self {
        let setting = |(name, value): (&str, &str)| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            is_required: false,
        };
        Self(OF_EVERY_SESSION.map(setting).into())
    }
}

impl Settings {
    /// Sets one more.
    pub fn set(&mut self, name: impl Display, value: impl Display) {
        let name = name.to_string();
        self.0.retain(|setting| !setting.name.eq_ignore_ascii_case(&name));
        self.0.push(Setting {
            name,
            value: value.to_string(),
            is_required: true,
        });
    }

    /// The statement that sets all of them, for the simple protocol.
    pub(crate) fn statement(&self) -> String {
        let mut values = String::new();
        for setting in &self.0 {
            let comma = if values.is_empty() { "" } else { ", " };
            let (name, value) = (literal(&setting.name), literal(&setting.value));
            write!(values, "{comma}({name}, {value}, {})", setting.is_required).expect("a text takes text");
        }
        format!(
            "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES {values}) AS setting (name, value, is_required)
             WHERE is_required OR pg_catalog.current_setting(name, true) IS NOT NULL"
        )
    }
}

/// A text as a literal that means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::{Settings, literal};

    #[test]
    fn what_is_set_again_replaces_what_was_set_before() {
        let mut settings = Settings::default();
        settings.set("statement_timeout", 5_000);
        settings.set("datestyle", "German");
        let statement = settings.statement();
        assert!(!statement.contains("E'statement_timeout', E'0'"), "{statement}");
        assert!(
            statement.contains("(E'statement_timeout', E'5000', true)"),
            "{statement}"
        );
        assert!(!statement.contains("E'ISO, MDY'"), "{statement}");
    }

    #[test]
    fn no_text_ends_its_literal() {
        assert_eq!(literal(r"it's a \"), r"E'it\'s a \\'");
    }
}
