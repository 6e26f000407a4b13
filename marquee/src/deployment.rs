//! `deployment.json` in the home of a running `marquee up`: where it answers, and how its databases are reached.
//!
//! The file is there for the other commands, so that they need no settings beside it. It holds passwords: only its owner
//! can read it. Its maker keeps it locked; a file that nobody keeps was left behind by a process that was killed, and
//! counts for nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use event_bus::AmqpUrl;
use projections::Name;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service::database::DatabaseUrl;

const FILE: &str = "deployment.json";

/// A deployment that runs in one process.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Deployment {
    /// Where it answers HTTP.
    pub(crate) url: String,
    pub(crate) pid: u32,
    /// The database server, as its superuser.
    #[serde(serialize_with = "database", deserialize_with = "parsed")]
    pub(crate) database_url: DatabaseUrl,
    pub(crate) database_prefix: String,
    /// The event store as the relay's role, which reads the log and the relay's row.
    #[serde(serialize_with = "database", deserialize_with = "parsed")]
    pub(crate) event_store_url: DatabaseUrl,
    projections: BTreeMap<String, ProjectionUrls>,
    #[serde(serialize_with = "broker", deserialize_with = "parsed")]
    pub(crate) amqp_url: AmqpUrl,
}

/// What a projection works with, as its own role.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ProjectionUrls {
    #[serde(serialize_with = "database", deserialize_with = "parsed")]
    pub(crate) database_url: DatabaseUrl,
    #[serde(serialize_with = "database", deserialize_with = "parsed")]
    pub(crate) event_store_url: DatabaseUrl,
}

/// Why the file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be {done}", path.display())]
pub(crate) struct DeploymentError {
    done: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Keeps the file while it lives; removes it at its end.
#[derive(Debug)]
pub(crate) struct Announced {
    path: PathBuf,
    pid: u32,
    /// Locked, which tells readers that the deployment runs.
    _file: File,
}

impl Deployment {
    pub(crate) fn new(
        url: &str,
        (database_url, database_prefix): (DatabaseUrl, &str),
        event_store_url: DatabaseUrl,
        projections: impl IntoIterator<Item = (Name, ProjectionUrls)>,
        amqp_url: AmqpUrl,
    ) -> Self {
        let named = |(name, urls): (Name, ProjectionUrls)| (name.as_str().to_owned(), urls);
        Self {
            url: url.to_owned(),
            pid: std::process::id(),
            database_url,
            database_prefix: database_prefix.to_owned(),
            event_store_url,
            projections: projections.into_iter().map(named).collect(),
            amqp_url,
        }
    }

    /// The deployment that runs in `home`, if one does.
    ///
    /// # Errors
    /// The file is there and cannot be read, or was written by a program that is not like this one.
    pub(crate) fn running(home: &Path) -> Result<Option<Self>, DeploymentError> {
        let path = home.join(FILE);
        read(&path).map_err(|source| DeploymentError {
            done: "read",
            path,
            source,
        })
    }

    /// The urls of a projection.
    pub(crate) fn projection(&self, name: Name) -> Option<&ProjectionUrls> {
        self.projections.get(name.as_str())
    }

    /// Writes the file to `home`, whole at any moment and readable by its owner alone.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn announce(&self, home: &Path) -> Result<Announced, DeploymentError> {
        let path = home.join(FILE);
        match self.write(&path) {
            Ok(file) => Ok(Announced {
                path,
                pid: self.pid,
                _file: file,
            }),
            Err(source) => Err(DeploymentError {
                done: "written",
                path,
                source,
            }),
        }
    }

    fn write(&self, path: &Path) -> io::Result<File> {
        // A process that was killed may have left its own unfinished.
        let unfinished = path.with_extension(format!("{}.unfinished", self.pid));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(&unfinished, path)?;
        Ok(file)
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // The home is given back by now: its next owner may have written its own since.
        let is_own = read(&self.path).is_ok_and(|found| found.is_some_and(|found| found.pid == self.pid));
        if is_own {
            // Left behind it would count for nothing.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Deployment>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(serde_json::from_reader(io::BufReader::new(file))?)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn database<S: Serializer>(url: &DatabaseUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.expose())
}

fn broker<S: Serializer>(url: &AmqpUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.expose())
}

/// A url that is not one is told without repeating it.
fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use projections::Name;

    use super::{Deployment, FILE, ProjectionUrls};

    fn deployment() -> Deployment {
        let database = |role: &str| format!("postgres://{role}:secret@db/x").parse().expect("a url");
        let urls = |name: Name| ProjectionUrls {
            database_url: database(name.role()),
            event_store_url: database(name.role()),
        };
        Deployment::new(
            "http://127.0.0.1:3000",
            (database("postgres"), "marquee"),
            database("marquee_event_relay"),
            Name::ALL.map(|name| (name, urls(name))),
            "amqp://me:secret@broker".parse().expect("a url"),
        )
    }

    #[test]
    fn a_running_deployment_is_found_with_all_its_urls_until_it_ends() {
        let home = tempfile::tempdir().expect("a directory");
        assert!(Deployment::running(home.path()).expect("readable").is_none());
        let announced = deployment().announce(home.path()).expect("written");
        let found = Deployment::running(home.path()).expect("readable").expect("running");
        assert_eq!(found.database_url.expose(), "postgres://postgres:secret@db/x");
        let catalog = found.projection(Name::Catalog).expect("it is one of them");
        assert_eq!(catalog.database_url.expose(), "postgres://marquee_catalog:secret@db/x");
        assert_eq!(found.amqp_url.expose(), "amqp://me:secret@broker");
        assert!(!format!("{found:?}").contains("secret"));
        drop(announced);
        assert_eq!(fs::read_dir(home.path()).expect("readable").count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_counts_for_nothing() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join(FILE);
        fs::write(&path, serde_json::to_vec(&deployment()).expect("JSON")).expect("written");
        assert!(Deployment::running(home.path()).expect("readable").is_none());
        deployment().announce(home.path()).map(drop).expect("written over it");
        assert!(!path.exists());
    }

    #[test]
    fn only_the_owner_reads_it_and_only_its_writer_removes_it() {
        let home = tempfile::tempdir().expect("a directory");
        let first = deployment().announce(home.path()).expect("written");
        let mut other = deployment();
        other.pid += 1;
        let second = other.announce(home.path()).expect("written");
        drop(first);
        let mode = fs::metadata(home.path().join(FILE))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(second);
        assert!(Deployment::running(home.path()).expect("readable").is_none());
    }
}
