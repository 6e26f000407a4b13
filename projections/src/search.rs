//! Searching names and texts: one way to read them, for what is stored and for what is asked.
//!
//! [`text::SearchText`] makes what a row is found by, [`query::SearchQuery`] reads what somebody types, and [`rank`] asks
//! the database, in tiers: a title as a whole, its beginning, words of titles, words of people, words of the rest. All cutting
//! and folding is done here and not by the database, whose idea of a letter depends on its locale and whose parser takes
//! `St.Clair` for the name of a host.

pub(crate) mod fold;
pub(crate) mod lexeme;
pub(crate) mod query;
pub(crate) mod rank;
pub(crate) mod text;
pub(crate) mod vector;
pub(crate) mod words;
