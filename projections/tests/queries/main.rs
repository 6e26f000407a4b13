//! The read models, each fed events in its own database and queried over HTTP.

mod catalog;
mod history;
mod movies;
mod plans;
mod read_model;
mod streams;
mod users;
