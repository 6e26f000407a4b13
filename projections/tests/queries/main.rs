//! The read models, each fed events in its own database and queried over HTTP.

mod catalog;
mod film_lists;
mod history;
#[path = "../setup/log.rs"]
mod log;
mod movies;
mod plans;
mod read_model;
mod search;
mod streams;
mod users;
