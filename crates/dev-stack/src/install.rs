//! Installs missing servers on Debian and Ubuntu, without starting anything.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::account::is_root;
use crate::binaries::find_program;
use crate::process::{log_tail, poll};

const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);

/// Runs as root. It is one script so that what it changes for the time of the installation is put back by the same
/// process, whatever becomes of the caller: services stay off (policy-rc.d), and no database cluster is made.
const SCRIPT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
restore() {
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
    if [ -n "$kept_clusters" ]; then mv -f "$kept_clusters" "$clusters"; fi
}
trap restore EXIT
trap 'exit 1' HUP INT TERM
export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -o DPkg::Lock::Timeout=600 "$@"; }
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt_get update
for package in "$@"; do
    if [ "$package" = postgresql ]; then
        apt_get install -y --no-install-recommends postgresql-common
        cp -p "$clusters" "$clusters.marquee"
        kept_clusters=$clusters.marquee
        sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' "$clusters"
    fi
done
apt_get install -y --no-install-recommends "$@"
"#;

/// A Debian package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Package {
    PostgreSql,
    RabbitMq,
    FakeTime,
    PgBouncer,
}

impl Package {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::RabbitMq => "rabbitmq-server",
            Self::FakeTime => "libfaketime",
            Self::PgBouncer => "pgbouncer",
        }
    }
}

/// Says what a person has to type to get the packages.
pub(crate) fn command_line(packages: &[Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name()).collect();
    format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        names.join(" ")
    )
}

/// Installs what `missing` names. Of several processes that want to, one installs and the others wait for it: so
/// `missing` is asked again once it is this process's turn. The error says why it cannot be done.
pub(crate) fn install(missing: impl Fn() -> Vec<Package>, progress: &dyn Fn(&str)) -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() || find_program("apt-get").is_none() {
        return Err("this is no Debian or Ubuntu system".to_owned());
    }
    let root = is_root();
    if !root && !sudo_works() {
        return Err("installing needs root or a sudo that asks no password".to_owned());
    }
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(std::env::temp_dir().join("marquee-install.lock"))
        .map_err(|error| format!("the lock of the installation cannot be opened: {error}"))?;
    if poll(INSTALL_TIMEOUT, || lock.try_lock().ok()).is_none() {
        return Err("another process has been installing for too long".to_owned());
    }
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    progress(&format!(
        "Installing what is missing on this machine, once, without starting its services: {}",
        command_line(&packages)
    ));
    let started = Instant::now();
    run_script(root, &packages)?;
    progress(&format!("Installed in {} s.", started.elapsed().as_secs()));
    Ok(())
}

/// Finds the library that, preloaded, gives a process a clock of its own, and installs it where it is missing and that is
/// allowed.
///
/// # Errors
///
/// Why it is not to be had, in words.
pub fn fake_time_library(allow_install: bool, progress: &dyn Fn(&str)) -> Result<PathBuf, String> {
    if let Some(found) = find_fake_time() {
        return Ok(found);
    }
    if !allow_install {
        return Err("it is not installed, and nothing may be".to_owned());
    }
    install(
        || find_fake_time().map_or_else(|| vec![Package::FakeTime], |_| Vec::new()),
        progress,
    )?;
    find_fake_time().ok_or_else(|| "libfaketime is not where its package puts it".to_owned())
}

/// `/usr/lib/<triplet>/faketime/libfaketimeMT.so.1`: the one for programs with threads.
fn find_fake_time() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let libraries = directories.map(|directory| directory.path().join("faketime/libfaketimeMT.so.1"));
    libraries.into_iter().find(|library| library.is_file())
}

fn sudo_works() -> bool {
    Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn run_script(root: bool, packages: &[Package]) -> Result<(), String> {
    let log = tempfile::NamedTempFile::new().map_err(|error| format!("no log file for apt-get: {error}"))?;
    let mut command = if root { Command::new("sh") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "sh"]);
    }
    command
        .args(["-c", SCRIPT, "sh"])
        .args(packages.iter().map(|package| package.name()));
    let status = run(&mut command, log.path()).map_err(|error| format!("apt-get could not be run: {error}"))?;
    match status {
        Some(status) if status.success() => Ok(()),
        ended => {
            let kept = keep(log);
            let why = if ended.is_some() {
                "failed"
            } else {
                "took too long and was ended"
            };
            Err(format!(
                "apt-get {why}; the end of {}:\n{}",
                kept.display(),
                log_tail(&kept, 15)
            ))
        }
    }
}

fn run(command: &mut Command, log: &Path) -> io::Result<Option<ExitStatus>> {
    let log = OpenOptions::new().append(true).open(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log)
        .spawn()?;
    let ended = poll(INSTALL_TIMEOUT, || child.try_wait().transpose());
    match ended {
        Some(status) => status.map(Some),
        None => {
            if let Some(process) = crate::process::ProcessId::find(child.id()) {
                process.signal("TERM");
            }
            child.wait()?;
            Ok(None)
        }
    }
}

fn keep(log: tempfile::NamedTempFile) -> PathBuf {
    match log.keep() {
        Ok((_, path)) => path,
        Err(error) => error.file.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_run_when_nothing_is_missing_any_more() {
        let said = std::cell::RefCell::new(Vec::new());
        let installed = install(Vec::new, &|line| said.borrow_mut().push(line.to_owned()));
        if installed.is_ok() {
            assert!(said.borrow().is_empty());
        }
    }

    #[test]
    fn only_the_missing_package_is_named() {
        assert!(command_line(&[Package::RabbitMq]).ends_with("--no-install-recommends rabbitmq-server"));
    }
}
