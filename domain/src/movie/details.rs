//! What is told of a movie, apart from when it starts.

use serde::{Deserialize, Serialize};

use crate::{
    Countries, CountryPremieres, Credits, ExternalIds, Genres, Languages, LocalTitles, PremiereDate, Ratings,
    RuntimeMinutes, Synopsis, Title,
};

/// The details of a movie: everything but its premiere. Only the title is always known; in a payload what is not known is
/// absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovieDetails {
    /// Title as shown.
    pub title: Title,
    /// Title in the movie's own language, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_title: Option<Title>,
    /// Titles in languages.
    #[serde(default, skip_serializing_if = "LocalTitles::is_empty")]
    pub titles: LocalTitles,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synopsis: Option<Synopsis>,
    /// Length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_minutes: Option<RuntimeMinutes>,
    /// Who may see it, by scheme.
    #[serde(default, skip_serializing_if = "Ratings::is_empty")]
    pub ratings: Ratings,
    /// Its genres, in the order given.
    #[serde(default, skip_serializing_if = "Genres::is_empty")]
    pub genres: Genres,
    /// The languages that are spoken in it.
    #[serde(default, skip_serializing_if = "Languages::is_empty")]
    pub languages: Languages,
    /// The countries it is from.
    #[serde(default, skip_serializing_if = "Countries::is_empty")]
    pub countries: Countries,
    /// Who made it, in the order given.
    #[serde(default, skip_serializing_if = "Credits::is_empty")]
    pub credits: Credits,
    /// What others call it.
    #[serde(default, skip_serializing_if = "ExternalIds::is_empty")]
    pub external_ids: ExternalIds,
}

impl MovieDetails {
    /// Begins with a title and nothing else known.
    #[must_use]
    pub fn of(title: Title) -> Self {
        Self {
            title,
            original_title: None,
            titles: LocalTitles::default(),
            synopsis: None,
            runtime_minutes: None,
            ratings: Ratings::default(),
            genres: Genres::default(),
            languages: Languages::default(),
            countries: Countries::default(),
            credits: Credits::default(),
            external_ids: ExternalIds::default(),
        }
    }
}

/// When a movie is first shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Premiere {
    /// The day, month or year, anywhere; none when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premiere_date: Option<PremiereDate>,
    /// The premieres in countries, as far as they are known.
    #[serde(default, skip_serializing_if = "CountryPremieres::is_empty")]
    pub premieres: CountryPremieres,
}

impl From<PremiereDate> for Premiere {
    fn from(premiere_date: PremiereDate) -> Self {
        Self {
            premiere_date: Some(premiere_date),
            premieres: CountryPremieres::default(),
        }
    }
}

/// All that is told of a movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Everything but its premiere.
    #[serde(flatten)]
    pub details: MovieDetails,
    /// Its premiere.
    #[serde(flatten)]
    pub premiere: Premiere,
}
