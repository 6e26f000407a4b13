//! Where a process runs, and what production does not put up with: a secret that is none.

use std::fmt::Display;

use crate::database::DatabaseUrl;
use crate::refuse_arguments;
use crate::secret::weakness;

/// The kinds of places a process runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Environment {
    /// A developer's machine, a test: any secret will do
    #[default]
    Development,
    /// Secrets must be set, and not be ones that everybody knows; a connection that others can read is warned of
    Production,
}

/// Settings that hold secrets.
pub trait HoldsSecrets {
    /// Shows each of them to the review.
    fn show_secrets(&self, review: &mut Review);
}

/// What a look at a process's secrets has found. Holds none of them.
#[derive(Debug, Default)]
pub struct Review {
    refused: Vec<String>,
    warnings: Vec<String>,
}

impl Environment {
    /// Looks at the secrets of a process that is about to start; logs must be set up.
    ///
    /// In production one that is missing, empty or known to everybody ends the process with 64 and a message that names
    /// the setting, and a connection that others can read or answer is warned of.
    pub fn check(self, settings: &impl HoldsSecrets) {
        if self == Self::Development {
            return;
        }
        let review = Review::of(settings);
        if !review.refused.is_empty() {
            refuse_arguments(&format!("MARQUEE_ENV is production, and {}", review.refused.join("; ")));
        }
        for warning in review.warnings {
            tracing::warn!("{warning}");
        }
    }
}

impl Review {
    fn of(settings: &impl HoldsSecrets) -> Self {
        let mut review = Self::default();
        settings.show_secrets(&mut review);
        review
    }

    /// A secret that is no password; `setting` is the flag, here and below.
    pub fn secret(&mut self, setting: &str, secret: &str) {
        if let Some(weakness) = weakness(Some(secret), None) {
            self.refused.push(format!("{} {weakness}", named(setting)));
        }
    }

    /// The password of a user.
    pub fn password(&mut self, setting: &str, user: &str, password: &str) {
        self.refuse_weak(setting, user, Some(password));
    }

    /// The url of a database. One that the server trusts for another reason needs no password: a client's certificate, or
    /// the account behind a socket.
    pub fn database(&mut self, setting: &str, url: &DatabaseUrl) {
        let (user, password) = url.credentials();
        if password.is_some() || !url.is_trusted_without_password() {
            self.refuse_weak(setting, &user, password.as_deref());
        }
        if !url.is_verified() && !url.is_local() {
            let advice = "sslmode=verify-full, with sslrootcert=FILE for a certificate authority of your own";
            self.warn_of_network(setting, url, advice);
        }
    }

    /// The url of a broker, which must not show its password, and who logs in there.
    pub fn broker(&mut self, setting: &str, url: &impl Display, (user, password): (&str, &str), is_exposed: bool) {
        self.refuse_weak(setting, user, Some(password));
        if is_exposed {
            let advice = "amqps://, with ?cacertfile=FILE for a certificate authority of your own";
            self.warn_of_network(setting, url, advice);
        }
    }

    /// The url of a server that is asked by plain HTTP, as [`Self::broker`].
    pub fn management(&mut self, setting: &str, url: &impl Display, (user, password): (&str, &str), is_exposed: bool) {
        self.refuse_weak(setting, user, Some(password));
        if is_exposed {
            self.warn_of_network(setting, url, "a network that nobody else is in");
        }
    }

    fn refuse_weak(&mut self, setting: &str, user: &str, password: Option<&str>) {
        if let Some(weakness) = weakness(password, Some(user)) {
            self.refused
                .push(format!("the password of {user} in {} {weakness}", named(setting)));
        }
    }

    fn warn_of_network(&mut self, setting: &str, url: &impl Display, advice: &str) {
        self.warnings.push(format!(
            "who is in the network can read what goes to {url} and answer in its place; {} needs {advice}",
            named(setting)
        ));
    }
}

/// `--amqp-url` with its variable.
fn named(flag: &str) -> String {
    let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    format!("{flag} (MARQUEE_{variable})")
}

/// Tells whether a host is this machine: what goes there is in no network.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{HoldsSecrets, Review, is_loopback};

    struct Database(&'static str);

    impl HoldsSecrets for Database {
        fn show_secrets(&self, review: &mut Review) {
            review.database("--event-store-url", &self.0.parse().expect("a url"));
        }
    }

    fn refused(url: &'static str) -> Option<String> {
        let mut refused = Review::of(&Database(url)).refused;
        refused.pop()
    }

    #[test]
    fn a_password_that_is_none_is_refused_with_user_and_setting() {
        let of_the_password = "the password of me in --event-store-url (MARQUEE_EVENT_STORE_URL)";
        for (password, weakness) in [
            ("", "is missing"),
            (":", "is missing"),
            (":postgres", "is one that everybody knows"),
            (":ME", "is the user's name"),
        ] {
            let url: &'static str = format!("postgres://me{password}@db/x").leak();
            assert_eq!(refused(url), Some(format!("{of_the_password} {weakness}")));
        }
        assert_eq!(refused("postgres://me:hunter2@db/x"), None);
    }

    #[test]
    fn a_socket_needs_no_password() {
        assert_eq!(refused("postgres:///x?host=/run/postgresql&user=me"), None);
        assert!(refused("postgres:///x?host=/run/postgresql&user=me&password=test").is_some());
    }

    #[test]
    fn a_connection_over_a_network_that_is_not_verified_is_warned_of_without_its_password() {
        let warnings = |url| Review::of(&Database(url)).warnings;
        for url in [
            "postgres://me:hunter2@db/x",
            "postgres://me:hunter2@db/x?sslmode=require",
        ] {
            let told = warnings(url);
            assert_eq!(told.len(), 1);
            assert!(
                told[0].contains("MARQUEE_EVENT_STORE_URL") && !told[0].contains("hunter2"),
                "{told:?}"
            );
        }
        for url in [
            "postgres://me:hunter2@db/x?sslmode=verify-full",
            "postgres://me:hunter2@localhost/x",
            "postgres:///x?host=/run/postgresql&user=me",
        ] {
            assert!(warnings(url).is_empty(), "{url}");
        }
    }

    #[test]
    fn this_machine_is_known_by_name_and_by_address() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["db", "10.0.0.1", "localhost.example"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
