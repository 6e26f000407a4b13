//! The unprivileged account servers run under when the caller is root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// A user of the machine's own account file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Tells whether this process runs as root.
pub(crate) fn is_root() -> bool {
    // The owner of /proc/self is the effective user: the standard library has no other safe way to ask.
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

impl Account {
    /// Finds the account a server has to run under: none for an ordinary user, who runs it himself; for root the first
    /// of `preferred` that exists, else `nobody`.
    pub(crate) fn for_server(preferred: &str) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::find(&accounts, preferred).or_else(|| Self::find(&accounts, "nobody"))
    }

    fn find(accounts: &str, name: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self {
                name: name.to_owned(),
                uid,
                gid,
            })
        })
    }

    /// Tells whether this account may walk through every directory of an absolute path, as far as it exists.
    pub(crate) fn can_reach(&self, path: &Path) -> bool {
        path.ancestors().all(|directory| match fs::metadata(directory) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(metadata) => {
                let needed = match () {
                    () if metadata.uid() == self.uid => 0o100,
                    () if metadata.gid() == self.gid => 0o010,
                    () => 0o001,
                };
                metadata.permissions().mode() & needed != 0
            }
        })
    }
}

/// Makes a file or directory belong to the account, if there is one.
pub(crate) fn give_to(account: Option<&Account>, path: &Path) -> io::Result<()> {
    match account {
        Some(account) => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_its_line() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        let account = Account::find(accounts, "postgres").unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
        assert_eq!(Account::find(accounts, "post"), None);
    }

    #[test]
    fn a_directory_closed_to_others_is_out_of_reach() {
        let closed = tempfile::tempdir().unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account {
            name: "stranger".into(),
            uid: 54_321,
            gid: 54_321,
        };
        assert!(!stranger.can_reach(&closed.path().join("below")));
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(stranger.can_reach(&closed.path().join("below")));
    }
}
