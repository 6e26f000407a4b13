//! Where servers keep their data.

use std::env;
use std::path::{Path, PathBuf};

use crate::account::Account;

/// Where root's servers live when their account may not enter the wanted directory.
const REACHABLE: &str = "/var/lib/marquee";

/// Finds cargo's target directory from the running program: `target` for `target/release/marquee`.
pub(crate) fn target_directory() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let profile = program
        .ancestors()
        .skip(1)
        .find(|directory| directory.join("deps").is_dir())?;
    profile.parent().map(Path::to_owned)
}

/// Where a developer's servers live when nothing else is said: `target/marquee` of the workspace; for a program that was
/// installed elsewhere, `target/marquee` of the present directory.
pub fn default_home() -> PathBuf {
    target_directory()
        .unwrap_or_else(|| PathBuf::from("target"))
        .join("marquee")
}

/// Gives the wanted directory, or one below `/var/lib/marquee` when a server's account may not enter it, as in a clone
/// under `/root`.
pub(crate) fn reachable(wanted: &Path) -> PathBuf {
    let accounts = [Account::for_server("postgres"), Account::for_server("rabbitmq")];
    if accounts.iter().flatten().all(|account| account.can_reach(wanted)) {
        return wanted.to_owned();
    }
    Path::new(REACHABLE).join(format!("{:016x}", fingerprint(wanted)))
}

/// FNV-1a: the same for ever, unlike the standard library's hasher.
pub(crate) fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_found_from_a_test() {
        assert!(target_directory().unwrap().join("debug").is_dir());
    }

    #[test]
    fn a_fingerprint_never_changes() {
        assert_eq!(fingerprint(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
