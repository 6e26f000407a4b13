//! Which events this code can read.

/// Every event type with every version of it that can be read, oldest version first; the last one is written today.
///
/// A type or version outside this list was written by newer code: hold and say so, never guess.
pub const KNOWN_EVENTS: [(&str, &str); 19] = [
    ("user.created", "1"),
    ("user.profile.updated", "1"),
    ("user.roles.granted", "1"),
    ("user.roles.revoked", "1"),
    ("user.logged_in", "1"),
    ("user.deleted", "1"),
    ("movie.announced", "1"),
    ("movie.announced", "2"),
    ("movie.announced", "3"),
    ("movie.details.updated", "1"),
    ("movie.details.updated", "2"),
    ("movie.premiere.rescheduled", "1"),
    ("movie.premiere.rescheduled", "2"),
    ("movie.withdrawn", "1"),
    ("cinema.opened", "1"),
    ("cinema.details.updated", "1"),
    ("cinema.programme.movie_added", "1"),
    ("cinema.programme.movie_removed", "1"),
    ("cinema.closed", "1"),
];

/// Tells whether this code can read this version of this event type.
#[must_use]
pub fn is_known(event_type: &str, event_version: &str) -> bool {
    KNOWN_EVENTS.contains(&(event_type, event_version))
}
