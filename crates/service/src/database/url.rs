//! The url of a database, whose password is never shown.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use url::Url;

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
        PgConnectOptions::from_str(url.as_str()).map_err(InvalidDatabaseUrl::Options)?;
        Ok(Self(url))
    }
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
}
