//! How a movie stands, as far as a cinema has to know.

/// How a movie stands at the moment a cinema wants to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MovieStanding {
    /// It was never announced.
    Unknown,
    /// It may be shown.
    Announced,
    /// It was withdrawn.
    Withdrawn,
}
