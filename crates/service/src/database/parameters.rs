//! What may stand behind the `?` of a database's url, and what it must not be.

use std::path::Path;

use sqlx::postgres::PgSslMode;
use url::Url;

use super::url::{InvalidDatabaseUrl, TARGET};
use super::{certificates, options};

/// The parameters a url may have. Any other is refused: the library passes over those it does not know, and a mistyped
/// `sslmode` would be a connection without protection.
pub(super) const KNOWN: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    TARGET,
    "user",
];

/// Refuses what the library would pass over, or find out at each connection only.
pub(super) fn check(url: &Url) -> Result<(), InvalidDatabaseUrl> {
    let known = |name: &str| KNOWN.contains(&name) || options::is_options(name);
    if !url.query_pairs().all(|(name, _)| known(&name)) {
        return Err(InvalidDatabaseUrl::Parameter);
    }
    if options::settings(url).is_none() {
        return Err(InvalidDatabaseUrl::Settings);
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

#[cfg(test)]
mod tests {
    use crate::database::DatabaseUrl;

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
