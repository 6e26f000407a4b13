//! The passwords of the services' database roles.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use event_store::ROLES;
use service::{HoldsSecrets, Review, Secret};
use uuid::Uuid;

/// Passwords given by an operator; a role without one keeps what it has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RolePasswordArgs {
    /// Password for the role `marquee_command_api`
    #[arg(
        long,
        env = "MARQUEE_COMMAND_API_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    command_api_password: Option<Secret>,
    /// Password for the role `marquee_event_relay`
    #[arg(
        long,
        env = "MARQUEE_EVENT_RELAY_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    event_relay_password: Option<Secret>,
    /// Password for the role `marquee_users`
    #[arg(
        long,
        env = "MARQUEE_USERS_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    users_password: Option<Secret>,
    /// Password for the role `marquee_movies`
    #[arg(
        long,
        env = "MARQUEE_MOVIES_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    movies_password: Option<Secret>,
    /// Password for the role `marquee_catalog`
    #[arg(
        long,
        env = "MARQUEE_CATALOG_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    catalog_password: Option<Secret>,
}

impl RolePasswordArgs {
    /// Role, flag and password of those that are given.
    fn given(&self) -> impl Iterator<Item = (&'static str, &'static str, &Secret)> {
        let all = [
            (
                "marquee_command_api",
                "--command-api-password",
                &self.command_api_password,
            ),
            (
                "marquee_event_relay",
                "--event-relay-password",
                &self.event_relay_password,
            ),
            ("marquee_users", "--users-password", &self.users_password),
            ("marquee_movies", "--movies-password", &self.movies_password),
            ("marquee_catalog", "--catalog-password", &self.catalog_password),
        ];
        all.into_iter()
            .filter_map(|(role, flag, password)| Some((role, flag, password.as_ref()?)))
    }
}

impl HoldsSecrets for RolePasswordArgs {
    fn show_secrets(&self, review: &mut Review) {
        for (role, flag, password) in self.given() {
            review.password(flag, role, password.expose());
        }
    }
}

/// A password per role. Its debug output shows none.
#[derive(Clone, Default)]
pub(crate) struct RolePasswords(BTreeMap<String, String>);

/// Why the generated passwords could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("the passwords of the database roles could not be kept in {}", path.display())]
pub(crate) struct PasswordsError {
    path: PathBuf,
    source: io::Error,
}

impl RolePasswords {
    /// With those given in place of its own.
    pub(crate) fn overridden_by(mut self, args: &RolePasswordArgs) -> Self {
        for (role, _, password) in args.given() {
            self.0.insert(role.to_owned(), password.expose().to_owned());
        }
        self
    }

    /// Reads the passwords kept in `home`, or makes them there, readable by the owner alone.
    pub(crate) fn kept_in(home: &Path) -> Result<Self, PasswordsError> {
        let path = home.join("role-passwords.json");
        Self::read_or_make(home, &path).map_err(|source| PasswordsError { path, source })
    }

    fn read_or_make(home: &Path, path: &Path) -> io::Result<Self> {
        if let Some(kept) = Self::read(path)? {
            return Ok(kept);
        }
        fs::create_dir_all(home)?;
        // Held while a small file is written: of two processes at once, the second reads what the first made.
        let lock = File::create(home.join("role-passwords.lock"))?;
        lock.lock()?;
        match Self::read(path)? {
            Some(kept) => Ok(kept),
            None => Self::make(path),
        }
    }

    fn read(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self(serde_json::from_reader(io::BufReader::new(file))?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make(path: &Path) -> io::Result<Self> {
        let made = Self(
            ROLES
                .map(|role| (role.to_owned(), Uuid::new_v4().simple().to_string()))
                .into(),
        );
        let unfinished = path.with_extension("unfinished");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(&made.0)?)?;
        file.sync_all()?;
        // Whole or not there at all, whenever the process ends.
        fs::rename(&unfinished, path)?;
        Ok(made)
    }

    pub(crate) fn of(&self, role: &str) -> Option<&str> {
        self.0.get(role).map(String::as_str)
    }
}

impl std::fmt::Debug for RolePasswords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::RolePasswords;

    #[test]
    fn passwords_are_made_once_and_only_the_owner_reads_them() {
        let home = tempfile::tempdir().expect("directory");
        let made = RolePasswords::kept_in(home.path()).expect("made");
        let read = RolePasswords::kept_in(home.path()).expect("read");
        assert_eq!(made.0, read.0);
        assert_eq!(made.0.len(), event_store::ROLES.len());
        let mode = std::fs::metadata(home.path().join("role-passwords.json"))
            .expect("file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(made.of("marquee_users").expect("password")));
    }

    #[test]
    fn processes_that_make_them_at_the_same_time_have_the_same() {
        let home = tempfile::tempdir().expect("directory");
        let home = home.path();
        let made: Vec<_> = std::thread::scope(|scope| {
            let making: Vec<_> = (0..8).map(|_| scope.spawn(|| RolePasswords::kept_in(home))).collect();
            making
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let kept = RolePasswords::kept_in(home).expect("read");
        for made in made {
            assert_eq!(made.expect("made").0, kept.0);
        }
    }
}
