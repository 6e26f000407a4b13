//! What is answered about a movie.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::facts::{LocalTitle, MovieCountryPremiere, MovieCredit, MovieExternalId, MovieGenre, MovieRating};
use super::row::MovieRow;

/// A movie.
#[derive(Serialize, ToSchema)]
pub(super) struct Movie {
    /// The movie's id.
    id: String,
    /// Title as shown.
    #[schema(example = "Alien")]
    title: String,
    /// Title in the movie's own language, where it is another one; else null.
    #[schema(required = true)]
    original_title: Option<String>,
    /// Titles in languages.
    titles: Vec<LocalTitle>,
    /// What it is about; null when it is not told.
    #[schema(required = true)]
    synopsis: Option<String>,
    /// Length; null when it is not known.
    #[schema(required = true)]
    runtime_minutes: Option<i32>,
    /// The age from which it may be seen: `all`, `6`, `12`, `16`, `18`; null when it is not rated so.
    #[schema(example = "16", required = true)]
    age_rating: Option<String>,
    /// Its ratings, by body: an `age_rating` is one of the scheme `age`.
    ratings: Vec<MovieRating>,
    /// Its genres by their slugs, the first one first.
    genres: Vec<String>,
    /// The same with what people read.
    genre_labels: Vec<MovieGenre>,
    /// The languages that are spoken in it, as tags of BCP 47.
    #[schema(example = json!(["de"]))]
    languages: Vec<String>,
    /// The countries it is from, as codes of ISO 3166.
    #[schema(example = json!(["DE"]))]
    countries: Vec<String>,
    /// Who made it, in order; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credits: Option<Vec<MovieCredit>>,
    /// What others call it. Another movie may have the same ids: `GET /movies?external_id=` finds the one that had it first.
    external_ids: Vec<MovieExternalId>,
    /// When it is first shown: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as far as it is known; else null.
    #[schema(example = "1979-05-25", required = true)]
    premiere_date: Option<String>,
    /// When it is first shown in countries: `GET /movies/premieres?country=` lists by it.
    premieres: Vec<MovieCountryPremiere>,
    /// When it was announced, for the last time if it was withdrawn in between.
    announced_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// Sequence of the movie's last event.
    sequence: i64,
}

impl From<MovieRow> for Movie {
    fn from(row: MovieRow) -> Self {
        let facts = row.facts;
        Self {
            id: row.id,
            title: row.title,
            original_title: facts.original_title,
            titles: facts.titles,
            synopsis: row.synopsis,
            runtime_minutes: row.runtime_minutes,
            age_rating: row.age_rating,
            ratings: facts.ratings,
            genres: row.genres,
            genre_labels: facts.genre_labels,
            languages: facts.languages,
            countries: facts.countries,
            credits: Some(facts.credits),
            external_ids: facts.external_ids,
            premiere_date: row.premiere_date,
            premieres: facts.premieres,
            announced_at: row.announced_at,
            updated_at: row.updated_at,
            sequence: row.sequence,
        }
    }
}

impl Movie {
    /// In a list, where hundreds of names would be too much.
    pub(super) fn listed(row: MovieRow) -> Self {
        Self {
            credits: None,
            ..Self::from(row)
        }
    }
}
