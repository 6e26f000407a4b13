//! The url of a database, whose password is never shown.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::addresses::around;
use super::certificates::InvalidCertificates;
use super::{options, parameters};
use crate::is_loopback;

/// What says, in a url as libpq has it, which of its servers is meant.
pub(super) const TARGET: &str = "target_session_attrs";

/// A parsed `postgres://` url, of one server or of several of which one is the primary. `Debug` and `Display` leave the
/// password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The same url for each of its addresses, in order.
    urls: Vec<Url>,
    /// Whether it says itself that the primary is meant.
    names_primary: bool,
    text: String,
}

/// A text that is not the url of a PostgreSQL database. The text itself is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// It is not a url.
    #[error("not a url ({0}); a database url looks like postgres://user:password@host:5432/database")]
    Url(#[from] url::ParseError),
    /// It is the url of something else.
    #[error("the url must begin with postgres://")]
    Scheme,
    /// An address is missing between two commas.
    #[error("the url has an empty address; several are written as one:5432,two:5432")]
    Address,
    /// It asks for a server that nothing can be written to.
    #[error("{TARGET} must be read-write or primary: standbys are not read from")]
    Target,
    /// A part of it cannot be used.
    #[error("the url has a part that PostgreSQL connections do not know")]
    Options(#[source] sqlx::Error),
    /// It has a parameter that would be passed over.
    #[error("the url has a parameter that is not known; known are {}", parameters::KNOWN.join(", "))]
    Parameter,
    /// It gives a setting in no known form.
    #[error(
        "options must be settings: options=-c name=value or options[name]=value, with = and spaces written as %3D and %20"
    )]
    Settings,
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
        self.map(|url| {
            let mut url = without_parameters(url, &["dbname"]);
            url.path_segments_mut()
                .expect("checked when the url was parsed")
                .clear()
                .push(name);
            url
        })
    }

    /// The same server and database, another user.
    #[must_use]
    pub fn with_credentials(&self, user: &str, password: &str) -> Self {
        self.map(|url| {
            let mut url = without_parameters(url, &["user", "password"]);
            // A url without a host (a socket's) has no place for a user but among its parameters.
            if url.set_username(user).is_err() || url.set_password(Some(password)).is_err() {
                url.query_pairs_mut()
                    .append_pair("user", user)
                    .append_pair("password", password);
            }
            url
        })
    }

    /// The name of the database, if the url has one.
    pub fn database(&self) -> Option<String> {
        self.options().first()?.get_database().map(str::to_owned)
    }

    /// The whole url, password included, for handing it to another process. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The user, and the password if the url has one; an empty one is none.
    pub(crate) fn credentials(&self) -> (String, Option<String>) {
        let first = &self.urls[0];
        let user = options(first).get_username().to_owned();
        let parameter = |wanted: &str| {
            let found = first.query_pairs().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        let password = parameter("password").or_else(|| first.password().map(str::to_owned));
        (user, password)
    }

    /// Whether the servers know the user by the account behind their socket or by a certificate.
    pub(crate) fn is_trusted_without_password(&self) -> bool {
        self.urls
            .iter()
            .all(|url| options(url).get_socket().is_some() || url.query_pairs().any(|(name, _)| name == "sslcert"))
    }

    /// Whether each server has to prove that it is the one that is meant, and nobody else can read what it is told.
    pub(crate) fn is_verified(&self) -> bool {
        let is_verified = |options: PgConnectOptions| matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        self.options().into_iter().all(is_verified)
    }

    /// Whether all servers are on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let is_local = |options: PgConnectOptions| options.get_socket().is_some() || is_loopback(options.get_host());
        self.options().into_iter().all(is_local)
    }

    /// How each of its addresses is connected to, in order.
    pub(super) fn options(&self) -> Vec<PgConnectOptions> {
        self.urls.iter().map(options).collect()
    }

    /// The settings that it gives to its sessions.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let settings = self.urls.first().and_then(options::settings);
        settings.expect("checked when the url was parsed")
    }

    /// Whether it has to be found out which server is the primary.
    pub(super) fn is_searched(&self) -> bool {
        self.names_primary || self.urls.len() > 1
    }

    fn map(&self, change: impl Fn(&Url) -> Url) -> Self {
        Self::new(self.urls.iter().map(change).collect(), self.names_primary)
    }

    fn new(urls: Vec<Url>, names_primary: bool) -> Self {
        let addresses: Vec<&str> = urls.iter().map(|url| around(url.as_str()).addresses).collect();
        let addresses = addresses.join(",");
        let mut text = urls
            .first()
            .map_or_else(String::new, |url| around(url.as_str()).with(&addresses));
        if names_primary {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(TARGET);
            text.push_str("=read-write");
        }
        Self {
            urls,
            names_primary,
            text,
        }
    }
}

/// Without what a pooler in between does not know: settings are given to the session afterwards.
fn options(url: &Url) -> PgConnectOptions {
    let given = url.query_pairs().map(|(name, _)| name.into_owned());
    let settings: Vec<String> = given.filter(|name| options::is_options(name)).collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let bare = if settings.is_empty() {
        url.clone()
    } else {
        without_parameters(url, &settings)
    };
    let options = PgConnectOptions::from_str(bare.as_str()).expect("checked when the url was parsed");
    options.extra_float_digits(None)
}

fn without_parameters(url: &Url, left_out: &[&str]) -> Url {
    let mut url = url.clone();
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

/// Parses the url with one of its addresses; tells too whether it names the primary.
fn parse_one(text: &str) -> Result<(Url, bool), InvalidDatabaseUrl> {
    let url = Url::parse(text)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
        return Err(InvalidDatabaseUrl::Scheme);
    }
    let target = url
        .query_pairs()
        .find(|(name, _)| name == TARGET)
        .map(|(_, value)| value);
    let names_primary = match target.as_deref() {
        None => false,
        Some("read-write" | "primary") => true,
        Some(_) => return Err(InvalidDatabaseUrl::Target),
    };
    let url = if names_primary {
        without_parameters(&url, &[TARGET])
    } else {
        url
    };
    parameters::check(&url)?;
    PgConnectOptions::from_str(url.as_str()).map_err(InvalidDatabaseUrl::Options)?;
    Ok((url, names_primary))
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let around = around(text);
        let addresses: Vec<&str> = around.addresses.split(',').collect();
        if addresses.len() > 1 && addresses.contains(&"") {
            return Err(InvalidDatabaseUrl::Address);
        }
        let parsed = addresses.iter().map(|address| parse_one(&around.with(address)));
        let (urls, names): (Vec<Url>, Vec<bool>) = parsed.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(Self::new(urls, names.contains(&true)))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.map(|url| {
            let mut shown = without_parameters(url, &["password"]);
            if shown.password().is_some() {
                // Only a url without a host refuses, and such a url has no password here.
                let _refused = shown.set_password(None);
            }
            shown
        });
        f.write_str(&shown.text)
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
    fn several_addresses_are_of_one_database_and_shown_together() {
        let text = "postgres://me:secret@one:5433,two,[::1]:5435/db?sslmode=disable";
        let several = url(text);
        assert_eq!(several.expose(), text);
        let places = several.options().into_iter().map(|options| {
            assert_eq!((options.get_username(), options.get_database()), ("me", Some("db")));
            (options.get_host().to_owned(), options.get_port())
        });
        let places: Vec<(String, u16)> = places.collect();
        assert_eq!(places[..2], [("one".to_owned(), 5433), ("two".to_owned(), 5432)]);
        assert_eq!(places[2].1, 5435);
        let other = several.with_database("other").with_credentials("you", "hidden");
        assert_eq!(
            other.expose(),
            "postgres://you:hidden@one:5433,two,[::1]:5435/other?sslmode=disable"
        );
        assert_eq!(
            other.to_string(),
            "postgres://you@one:5433,two,[::1]:5435/other?sslmode=disable"
        );
        assert_eq!(other.expose().parse::<DatabaseUrl>().unwrap(), other);
    }

    #[test]
    fn the_primary_is_looked_for_among_several_servers_or_where_the_url_says_so() {
        for (text, searched) in [
            ("postgres://one/db", false),
            ("postgres://one,two/db", true),
            ("postgres://one/db?target_session_attrs=read-write", true),
            (
                "postgres://one,two/db?sslmode=disable&target_session_attrs=primary",
                true,
            ),
        ] {
            let url = url(text);
            assert_eq!(url.is_searched(), searched, "{text}");
            assert_eq!(url.expose().parse::<DatabaseUrl>().unwrap(), url);
        }
        for refused in [
            "postgres://one,/db",
            "postgres://me:secret@,one/db",
            "postgres://one,two:secret/db",
            "postgres://one/db?target_session_attrs=standby",
        ] {
            let error = refused.parse::<DatabaseUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
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
            .options()
            .remove(0);
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
                (changed.options()[0].get_username(), changed.database().as_deref()),
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
}
