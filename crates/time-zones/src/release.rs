//! A release of the database, such as 2026f.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is read to find the release it tells: its first line is shorter.
const HEAD_BYTES_MAX: u64 = 64;

/// A release of the database: the year, and a letter or two that count through it. A later one is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(String);

impl Release {
    /// Parses four digits and one or two small letters: after `z` comes `za`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, letters) = text.split_at_checked(4)?;
        let is_release = year.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=2).contains(&letters.len())
            && letters.bytes().all(|byte| byte.is_ascii_lowercase());
        is_release.then(|| Self(text.to_owned()))
    }

    /// Reads which release is in a directory of compiled zones: its `tzdata.zi` begins with it, its `+VERSION` is it.
    pub(crate) fn of_directory(directory: &Path) -> Option<Self> {
        let told = |name: &str, prefix: &str| {
            let head = head(&directory.join(name))?;
            Self::parse(head.lines().next()?.strip_prefix(prefix)?.trim())
        };
        told("tzdata.zi", "# version ").or_else(|| told("+VERSION", ""))
    }

    /// Gives the release as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn head(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(file)
        .ok()?
        .take(HEAD_BYTES_MAX)
        .read_to_end(&mut head)
        .ok()?;
    Some(String::from_utf8_lossy(&head).into_owned())
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn releases_are_in_the_order_in_which_they_came() {
        let releases =
            ["2025b", "2026a", "2026f", "2026z", "2026za", "2027a"].map(|text| Release::parse(text).unwrap());
        assert!(releases.is_sorted());
    }

    #[test]
    fn what_is_no_release_is_none() {
        for text in [
            "",
            "2026",
            "2026F",
            "2026f-dirty",
            "26f",
            "2026abc",
            "202\u{e4}a",
            "unknown",
        ] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
    }
}
