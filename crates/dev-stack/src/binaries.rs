//! Where the machine keeps the programs of PostgreSQL and RabbitMQ.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";
const DEBIAN_RABBIT_SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// The directory with `postgres` and `initdb` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresBinaries {
    pub(crate) directory: PathBuf,
    pub(crate) major: u32,
}

impl PostgresBinaries {
    /// Finds all versions on the machine, the newest first.
    pub(crate) fn find_all() -> Vec<Self> {
        let versions = fs::read_dir(DEBIAN_POSTGRES)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin"));
        let mut found: Vec<Self> = versions
            .chain(search_path())
            .filter_map(|directory| Self::at(&directory))
            .collect();
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found.dedup_by(|one, other| one.directory == other.directory);
        found
    }

    fn at(directory: &Path) -> Option<Self> {
        // Debian links the client programs into /usr/bin, so `initdb` beside `postgres` is asked for, not `psql`.
        if !directory.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(directory.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self {
            directory: directory.to_owned(),
            major,
        })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)` -> 15.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split(' ').nth(2)?;
    number
        .trim_end()
        .split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The directory with RabbitMQ's own scripts, and Erlang's port mapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RabbitBinaries {
    pub(crate) scripts: PathBuf,
    pub(crate) epmd: PathBuf,
}

impl RabbitBinaries {
    /// Finds RabbitMQ's scripts and an Erlang that goes with them.
    pub(crate) fn find() -> Option<Self> {
        let scripts = std::iter::once(PathBuf::from(DEBIAN_RABBIT_SCRIPTS))
            .chain(search_path())
            .find_map(real_scripts)?;
        Some(Self {
            scripts,
            epmd: find_epmd()?,
        })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.scripts.join(name)
    }
}

/// Debian's `/usr/sbin/rabbitmq-server` switches to another account and to the system's node: only a directory that
/// has `rabbitmq-env` beside the (resolved) server script holds the real scripts.
fn real_scripts(directory: PathBuf) -> Option<PathBuf> {
    let server = fs::canonicalize(directory.join("rabbitmq-server")).ok()?;
    let scripts = server.parent()?;
    scripts.join("rabbitmq-env").is_file().then(|| scripts.to_owned())
}

fn find_epmd() -> Option<PathBuf> {
    let erl = find_program("erl")?;
    let beside = fs::canonicalize(&erl).ok()?.with_file_name("epmd");
    find_program("epmd").or_else(|| beside.is_file().then_some(beside))
}

/// Finds a program on the search path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    search_path()
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_known_form() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1\n"), Some(17));
        assert_eq!(parse_major("postgres (PostgreSQL) 16.4\n"), Some(16));
        assert_eq!(parse_major("something else"), None);
    }

    #[test]
    fn a_directory_without_the_real_scripts_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rabbitmq-server"), "#!/bin/sh\nsu rabbitmq\n").unwrap();
        assert_eq!(real_scripts(directory.path().to_owned()), None);
        fs::write(directory.path().join("rabbitmq-env"), "").unwrap();
        assert!(real_scripts(directory.path().to_owned()).is_some());
    }
}
