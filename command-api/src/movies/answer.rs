//! What a command to a movie has set, as it is answered: what was not told is left out.

use domain::{Genre, MovieDetails, Premiere};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::{CountryPremiereInput, CreditInput, ExternalIdInput, LocalTitleInput, RatingInput};

/// What a movie command set.
#[derive(Serialize, ToSchema)]
pub(super) struct MovieFields {
    #[schema(required = false)]
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_title: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    titles: Vec<LocalTitleInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    synopsis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_minutes: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_rating: Option<&'static str>,
    /// The ratings of other schemes than `age`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratings: Vec<RatingInput>,
    /// Slugs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    genres: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    languages: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    countries: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    credits: Vec<CreditInput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_ids: Vec<ExternalIdInput>,
    #[serde(flatten)]
    premiere: MoviePremiere,
}

/// The premiere a command set.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct MoviePremiere {
    #[serde(skip_serializing_if = "Option::is_none")]
    premiere_date: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    premieres: Vec<CountryPremiereInput>,
}

impl MovieFields {
    pub(super) fn of(details: &MovieDetails, premiere: Option<&Premiere>) -> Self {
        let age_rating = details.ratings.age();
        let is_told_apart =
            |rating: &&domain::Rating| age_rating.is_none_or(|age| **rating != domain::Rating::from(age));
        let local_title = |local: &domain::LocalTitle| LocalTitleInput {
            language: local.language.to_string(),
            title: local.title.to_string(),
        };
        let rating = |rating: &domain::Rating| RatingInput {
            scheme: rating.scheme().to_owned(),
            value: rating.value().to_owned(),
        };
        let credit = |credit: &domain::Credit| CreditInput {
            name: credit.name().to_owned(),
            role: credit.role().to_owned(),
            character: credit.character().map(str::to_owned),
        };
        let external_id = |id: &domain::ExternalId| ExternalIdInput {
            scheme: id.scheme().to_owned(),
            value: id.value().to_owned(),
        };
        let ratings = details.ratings.as_slice().iter();
        Self {
            title: details.title.to_string(),
            original_title: details.original_title.as_ref().map(ToString::to_string),
            titles: details.titles.as_slice().iter().map(local_title).collect(),
            synopsis: details.synopsis.as_ref().map(ToString::to_string),
            runtime_minutes: details.runtime_minutes.map(|runtime| runtime.minutes()),
            age_rating: age_rating.map(domain::AgeRating::as_str),
            ratings: ratings.filter(is_told_apart).map(rating).collect(),
            genres: details.genres.as_slice().iter().map(Genre::to_string).collect(),
            languages: details.languages.as_slice().iter().map(ToString::to_string).collect(),
            countries: details.countries.as_slice().iter().map(ToString::to_string).collect(),
            credits: details.credits.as_slice().iter().map(credit).collect(),
            external_ids: details.external_ids.as_slice().iter().map(external_id).collect(),
            premiere: premiere.map(MoviePremiere::of).unwrap_or_default(),
        }
    }
}

impl MoviePremiere {
    pub(super) fn of(premiere: &Premiere) -> Self {
        let in_country = |premiere: &domain::CountryPremiere| CountryPremiereInput {
            country: premiere.country.to_string(),
            date: premiere.date.to_string(),
        };
        Self {
            premiere_date: premiere.premiere_date.map(|date| date.to_string()),
            premieres: premiere.premieres.as_slice().iter().map(in_country).collect(),
        }
    }
}
