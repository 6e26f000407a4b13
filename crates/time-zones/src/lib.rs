//! The IANA time zone database in use: the one in the binary, or the machine's if that is newer.
//!
//! A process chooses once, when it first needs a zone, and keeps what it has read: zones and the version it tells of them
//! always belong together.

mod database;
mod release;
mod zone;

pub use database::{TimeZones, in_use};
pub use release::Release;
pub use zone::{Zone, is_fixed_offset};
