//! Values of the business: parsed once at the edge, trusted inside.

mod age_rating;
mod country;
mod credit;
mod external_id;
mod genre;
mod invalid;
mod language;
mod list;
mod personal;
mod premiere_date;
mod rating;
mod role;
mod runtime;
mod text;
mod time_zone;
mod visible;

pub use age_rating::AgeRating;
pub use country::{Countries, Country, CountryPremiere, CountryPremieres};
pub use credit::{Credit, Credits};
pub use external_id::{ExternalId, ExternalIds};
pub(crate) use genre::{GENRE_LENGTH_MAX, label_of};
pub use genre::{Genre, Genres};
pub use invalid::InvalidValue;
pub use language::{Language, Languages, LocalTitle, LocalTitles};
pub use personal::{Email, FullName};
pub use premiere_date::PremiereDate;
pub use rating::{Rating, Ratings};
pub use role::Role;
pub use runtime::RuntimeMinutes;
pub use text::{Address, CinemaName, Synopsis, Title};
pub use time_zone::TimeZone;
pub use visible::shows_something;
