//! The event store: append with group commit, load, and read the log. Owns all SQL on it.
