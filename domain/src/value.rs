//! Values of the business: parsed once at the edge, trusted inside.

mod age_rating;
mod genre;
mod invalid;
mod personal;
mod premiere_date;
mod role;
mod runtime;
mod text;
mod time_zone;

pub use age_rating::AgeRating;
pub(crate) use genre::GENRE_LENGTH_MAX;
pub use genre::{Genre, Genres};
pub use invalid::InvalidValue;
pub use personal::{Email, FullName};
pub use premiere_date::PremiereDate;
pub use role::Role;
pub use runtime::RuntimeMinutes;
pub use text::{Address, CinemaName, Synopsis, Title};
pub use time_zone::TimeZone;
