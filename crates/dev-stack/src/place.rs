//! Directories of servers: who may enter them, and the small files kept there.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::{Account, give_to};
use crate::error::StartError;
use crate::process::{SERVER_DIRECTORY, kill_carrying};

const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// Where one server lives.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The server's own directory.
    pub(crate) directory: PathBuf,
    /// The directory of the set of servers it belongs to.
    pub(crate) home: PathBuf,
    /// The account the server runs under, when that is not the caller's.
    pub(crate) account: Option<Account>,
}

impl Place {
    /// Makes the server's directory `name` in the home, closed to everybody else.
    pub(crate) fn make(home: &Path, name: &str, account: Option<Account>) -> Result<Self, StartError> {
        let place = Self {
            directory: home.join(name),
            home: home.to_owned(),
            account,
        };
        place.make_directory(&place.directory)?;
        Ok(place)
    }

    /// Makes a place of the same home and account below this one, for one of several servers. What runs there is ended, and what
    /// is there goes.
    pub(crate) fn make_below(&self, name: &str) -> Result<Self, StartError> {
        let directory = self.path(name);
        kill_carrying(SERVER_DIRECTORY, &directory, KILL_TIMEOUT);
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(StartError::file("removing", &directory))?;
        }
        let mut place = Self::make(&self.directory, name, self.account.clone())?;
        // For those who look for all servers of a home.
        place.home.clone_from(&self.home);
        Ok(place)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Makes a directory of the server's account, if it is not there yet.
    pub(crate) fn make_directory(&self, path: &Path) -> Result<(), StartError> {
        fs::create_dir_all(path).map_err(StartError::file("creating", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(StartError::file("closing", path))?;
        give_to(self.account.as_ref(), path).map_err(StartError::file("giving away", path))
    }

    /// Writes a file that only the server's account (and root) can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, StartError> {
        let path = self.path(name);
        write_private(&path, text).map_err(StartError::file("writing", &path))?;
        give_to(self.account.as_ref(), &path).map_err(StartError::file("giving away", &path))?;
        Ok(path)
    }

    /// Reads a file written before, without surrounding white space; none when it is missing or empty.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(name)).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether the server has a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.path(CERTIFICATE_FILE).exists()
    }

    /// Gives the server's password, made up at the first call.
    pub(crate) fn password(&self) -> Result<String, StartError> {
        if let Some(password) = self.read(PASSWORD_FILE) {
            return Ok(password);
        }
        let password = uuid::Uuid::new_v4().simple().to_string();
        self.write(PASSWORD_FILE, &password)?;
        Ok(password)
    }
}

/// The files in a server's directory with its certificate and its key: a server that has them also speaks TLS.
pub(crate) const CERTIFICATE_FILE: &str = "certificate.pem";
pub(crate) const KEY_FILE: &str = "key.pem";
/// Lines for the end of a node's `rabbitmq.conf`.
pub(crate) const EXTRA_FILE: &str = "extra.conf";

/// The file in a server's directory that holds the password of its administrator.
pub(crate) const PASSWORD_FILE: &str = "password";

/// Writes a file for the caller's eyes only; readers see the old text or the new one, never a part.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}
