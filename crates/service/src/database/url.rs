//! The url of a database, whose password is never shown.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::certificates::{self, InvalidCertificates};
use crate::is_loopback;

/// The parameters a url may have. Any other is refused: the library passes over those it does not know, and a mistyped
/// `sslmode` would be a connection without protection.
const PARAMETERS: [&str; 10] = [
    "application_name",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// A parsed `postgres://` url. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Url);

/// A text that is not the url of a PostgreSQL database. The text itself is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It is not a url.
    #[error("not a url ({0}); a database url looks like postgres://user:password@host:5432/database")]
    Url(#[from] url::ParseError),
    /// It is the url of something else.
    #[error("the url must begin with postgres://")]
    Scheme,
    /// A part of it cannot be used.
    #[error("the url has a part that PostgreSQL connections do not know")]
    Options(#[source] sqlx::Error),
    /// It has a parameter that would be passed over.
    #[error("the url has a parameter that is not known; known are {}", PARAMETERS.join(", "))]
    Parameter,
    /// The mode has no meaning.
    #[error("sslmode must be one of disable, prefer, require, verify-ca, verify-full")]
    Mode,
    /// A certificate authority is named and would not be asked.
    #[error("sslrootcert is used with sslmode=verify-full (or verify-ca) only, and the url has another")]
    Unverified,
    /// A file that it names cannot be used.
    #[error("{parameter}: {source}")]
    File {
        /// The parameter.
        parameter: &'static str,
        /// What is wrong with the file.
        source: InvalidCertificates,
    },
}

impl DatabaseUrl {
    /// The same server and user, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut url = self.without_parameters(&["dbname"]);
        url.path_segments_mut()
            .expect("checked when the url was parsed")
            .clear()
            .push(name);
        Self(url)
    }

    /// The same server and database, another user.
    #[must_use]
    pub fn with_credentials(&self, user: &str, password: &str) -> Self {
        let mut url = self.without_parameters(&["user", "password"]);
        // A url without a host (a socket's) has no place for a user but among its parameters.
        if url.set_username(user).is_err() || url.set_password(Some(password)).is_err() {
            url.query_pairs_mut()
                .append_pair("user", user)
                .append_pair("password", password);
        }
        Self(url)
    }

    /// The name of the database, if the url has one.
    pub fn database(&self) -> Option<String> {
        self.options().get_database().map(str::to_owned)
    }

    /// The whole url, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// The user, and the password if the url has one; an empty one is none.
    pub(crate) fn credentials(&self) -> (String, Option<String>) {
        let user = self.options().get_username().to_owned();
        let parameter = |wanted: &str| {
            let found = self.0.query_pairs().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        let password = parameter("password").or_else(|| self.0.password().map(str::to_owned));
        (user, password)
    }

    /// Whether the server knows the user by the account behind its socket or by a certificate.
    pub(crate) fn is_trusted_without_password(&self) -> bool {
        self.options().get_socket().is_some() || self.0.query_pairs().any(|(name, _)| name == "sslcert")
    }

    /// Whether the server has to prove that it is the one that is meant, and nobody else can read what it is told.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(self.options().get_ssl_mode(), PgSslMode::VerifyFull)
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let options = self.options();
        options.get_socket().is_some() || is_loopback(options.get_host())
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(self.0.as_str()).expect("checked when the url was parsed")
    }

    fn without_parameters(&self, left_out: &[&str]) -> Url {
        let mut url = self.0.clone();
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !left_out.contains(&name.as_ref()))
            .map(|(n, v)| (n.into(), v.into()))
            .collect();
        if kept.is_empty() {
            url.set_query(None);
        } else {
            url.query_pairs_mut().clear().extend_pairs(kept);
        }
        url
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
            return Err(InvalidDatabaseUrl::Scheme);
        }
        check_parameters(&url)?;
        PgConnectOptions::from_str(url.as_str()).map_err(InvalidDatabaseUrl::Options)?;
        Ok(Self(url))
    }
}

/// Refuses what the library would pass over, or find out at each connection only.
fn check_parameters(url: &Url) -> Result<(), InvalidDatabaseUrl> {
    let known = |name: &str| PARAMETERS.contains(&name) || name == "options" || name.starts_with("options[");
    if !url.query_pairs().all(|(name, _)| known(&name)) {
        return Err(InvalidDatabaseUrl::Parameter);
    }
    let value = |wanted: &str| {
        url.query_pairs()
            .filter(|(name, _)| name == wanted)
            .last()
            .map(|(_, value)| value)
    };
    let mode = value("sslmode");
    if mode.as_ref().is_some_and(|mode| mode.parse::<PgSslMode>().is_err()) {
        return Err(InvalidDatabaseUrl::Mode);
    }
    for parameter in ["sslrootcert", "sslcert"] {
        if let Some(file) = value(parameter) {
            certificates::check(Path::new(&*file)).map_err(|source| InvalidDatabaseUrl::File { parameter, source })?;
        }
    }
    if value("sslrootcert").is_some() && !matches!(mode.as_deref(), Some("verify-full" | "verify-ca")) {
        return Err(InvalidDatabaseUrl::Unverified);
    }
    Ok(())
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.without_parameters(&["password"]);
        if shown.password().is_some() {
            // Only a url without a host refuses, and such a url has no password here.
            let _refused = shown.set_password(None);
        }
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_password_is_never_shown() {
        for text in [
            "postgres://me:secret@host:5432/db?sslmode=disable",
            "postgres:///db?host=/run&user=me&password=secret",
        ] {
            let shown = format!("{} {:?}", url(text), url(text));
            assert!(!shown.contains("secret") && shown.contains("db"), "{shown}");
        }
    }

    #[test]
    fn another_database_keeps_server_and_user() {
        let options = url("postgres://me:secret@host:5433/db?sslmode=disable")
            .with_database("other")
            .options();
        assert_eq!((options.get_host(), options.get_port()), ("host", 5433));
        assert_eq!((options.get_username(), options.get_database()), ("me", Some("other")));
        assert_eq!(
            url("postgres:///?host=/run&dbname=db")
                .with_database("other")
                .database()
                .as_deref(),
            Some("other")
        );
    }

    #[test]
    fn another_user_keeps_server_and_database() {
        for text in [
            "postgres://me:secret@host/db",
            "postgres:///db?host=/run&user=me&password=secret",
        ] {
            let changed = url(text).with_credentials("you", "p@ss/word");
            assert_eq!(
                (changed.options().get_username(), changed.database().as_deref()),
                ("you", Some("db"))
            );
            assert!(!changed.expose().contains("secret"));
        }
    }

    #[test]
    fn what_is_no_database_url_is_refused_without_repeating_it() {
        for text in [
            "",
            "host=secret",
            "mysql://me:secret@host/db",
            "postgres://me:secret@host:notaport/db",
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_parameter_that_would_be_passed_over_is_refused_without_repeating_it() {
        for (text, words) in [
            ("postgres://h/d?sslmod=verify-full", "sslmode"),
            ("postgres://h/d?pasword=secret", "known are"),
            ("postgres://h/d?sslmode=secret", "verify-full"),
            ("postgres://h/d?sslrootcert=/secret", "cannot be read"),
            (
                "postgres://h/d?sslrootcert=/dev/null&sslmode=verify-full",
                "no certificate",
            ),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("pasword") && !error.contains("=secret"), "{error}");
        }
    }

    #[test]
    fn a_certificate_authority_that_would_not_be_asked_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let with = |mode: &str| format!("postgres://h/d?sslrootcert={}{mode}", file.display()).parse::<DatabaseUrl>();
        for mode in ["", "&sslmode=require", "&sslmode=prefer"] {
            let error = with(mode).unwrap_err().to_string();
            assert!(error.contains("sslmode=verify-full"), "{mode}: {error}");
        }
        assert!(with("&sslmode=verify-full").unwrap().is_verified());
        assert!(!with("&sslmode=verify-ca").unwrap().is_verified());
    }
}
