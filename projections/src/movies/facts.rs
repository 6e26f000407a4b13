//! What is told of a movie besides what lists are made by: kept in its row as one value, and answered as it is.

use domain::{Announcement, MovieDetails, Premiere};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of `1981-09` in `1981-09-17`.
const MONTH_LENGTH: usize = 7;

/// A title in a language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct LocalTitle {
    /// Tag of BCP 47.
    #[schema(example = "zh-Hant")]
    pub(super) language: String,
    /// The title in it.
    pub(super) title: String,
}

/// A rating of one body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MovieRating {
    /// The body: `fsk`, `mpa`, `bbfc`, `tv`, `eirin`, `cnc` ...; `age` where no body is named.
    #[schema(example = "mpa")]
    pub(crate) scheme: String,
    /// The rating as the body writes it, or `unrated`.
    #[schema(example = "PG-13")]
    pub(crate) value: String,
}

/// A genre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct MovieGenre {
    /// By which programs know it.
    #[schema(example = "science-fiction")]
    pub(super) slug: String,
    /// What people read.
    #[schema(example = "Science Fiction")]
    pub(super) label: String,
}

/// Who did what for the movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct MovieCredit {
    /// The person or company.
    pub(super) name: String,
    /// `director`, `actor`, `writer` ...
    #[schema(example = "director")]
    pub(super) role: String,
    /// The character that was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) character: Option<String>,
}

/// What others call the movie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct MovieExternalId {
    /// `imdb`, `tmdb`, `wikidata` ...
    #[schema(example = "imdb")]
    pub(super) scheme: String,
    /// The id there.
    #[schema(example = "tt0017136")]
    pub(super) value: String,
}

/// When the movie is first shown in a country.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct MovieCountryPremiere {
    /// Code of ISO 3166.
    #[schema(example = "DE")]
    pub(super) country: String,
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.
    #[schema(example = "1927-01-10")]
    pub(super) date: String,
}

impl MovieCountryPremiere {
    fn facet(&self) -> String {
        let known = self.date.get(..MONTH_LENGTH).unwrap_or(&self.date);
        facet_of_premiere(&self.country, known)
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) original_title: Option<String>,
    pub(super) titles: Vec<LocalTitle>,
    pub(super) ratings: Vec<MovieRating>,
    pub(super) genre_labels: Vec<MovieGenre>,
    pub(super) languages: Vec<String>,
    pub(super) countries: Vec<String>,
    pub(super) credits: Vec<MovieCredit>,
    pub(super) external_ids: Vec<MovieExternalId>,
    pub(super) premieres: Vec<MovieCountryPremiere>,
}

impl Facts {
    pub(super) fn of(announcement: &Announcement) -> Self {
        let mut facts = Self::default();
        facts.set_details(&announcement.details);
        facts.set_premiere(&announcement.premiere);
        facts
    }

    /// Replaces all but the premieres.
    pub(super) fn set_details(&mut self, details: &MovieDetails) {
        let local_title = |local: &domain::LocalTitle| LocalTitle {
            language: local.language.to_string(),
            title: local.title.to_string(),
        };
        let genre = |genre: &domain::Genre| MovieGenre {
            slug: genre.as_str().to_owned(),
            label: genre.label().to_owned(),
        };
        let credit = |credit: &domain::Credit| MovieCredit {
            name: credit.name().to_owned(),
            role: credit.role().to_owned(),
            character: credit.character().map(str::to_owned),
        };
        let external_id = |id: &domain::ExternalId| MovieExternalId {
            scheme: id.scheme().to_owned(),
            value: id.value().to_owned(),
        };
        *self = Self {
            original_title: details.original_title.as_ref().map(ToString::to_string),
            titles: details.titles.as_slice().iter().map(local_title).collect(),
            ratings: ratings(&details.ratings),
            genre_labels: details.genres.as_slice().iter().map(genre).collect(),
            languages: details.languages.as_slice().iter().map(ToString::to_string).collect(),
            countries: details.countries.as_slice().iter().map(ToString::to_string).collect(),
            credits: details.credits.as_slice().iter().map(credit).collect(),
            external_ids: details.external_ids.as_slice().iter().map(external_id).collect(),
            premieres: std::mem::take(&mut self.premieres),
        };
    }

    /// Replaces the premieres.
    pub(super) fn set_premiere(&mut self, premiere: &Premiere) {
        let in_country = |premiere: &domain::CountryPremiere| MovieCountryPremiere {
            country: premiere.country.to_string(),
            date: premiere.date.to_string(),
        };
        self.premieres = premiere.premieres.as_slice().iter().map(in_country).collect();
    }

    /// Words by which lists are narrowed, one index for all of them: `rating:mpa:pg-13`, `language:de`, `country:DE`,
    /// `id:imdb:tt0017136`, `premiere:DE:1981-09`. A language with a region is also one without it; a premiere is in its
    /// month, or, where only the year is known, in its year.
    pub(super) fn facets(&self) -> Vec<String> {
        let mut facets: Vec<String> = Vec::new();
        facets.extend(
            self.ratings
                .iter()
                .map(|rating| facet_of_rating(&rating.scheme, &rating.value)),
        );
        for language in &self.languages {
            let primary = language.split('-').next().unwrap_or_default();
            facets.extend([primary, language.as_str()].map(facet_of_language));
        }
        facets.extend(self.countries.iter().map(|country| facet_of_country(country)));
        facets.extend(
            self.external_ids
                .iter()
                .map(|id| facet_of_external_id(&format!("{}:{}", id.scheme, id.value))),
        );
        facets.extend(self.premieres.iter().map(MovieCountryPremiere::facet));
        facets.sort_unstable();
        facets.dedup();
        facets
    }
}

/// What is shown of ratings.
pub(crate) fn ratings(ratings: &domain::Ratings) -> Vec<MovieRating> {
    let shown = |rating: &domain::Rating| MovieRating {
        scheme: rating.scheme().to_owned(),
        value: rating.value().to_owned(),
    };
    ratings.as_slice().iter().map(shown).collect()
}

/// The same for `PG-13` and `pg-13`: lists write ratings as they like.
pub(super) fn facet_of_rating(scheme: &str, value: &str) -> String {
    format!("rating:{scheme}:{}", value.to_lowercase())
}

pub(super) fn facet_of_language(language: &str) -> String {
    format!("language:{language}")
}

pub(super) fn facet_of_country(country: &str) -> String {
    format!("country:{country}")
}

/// Of a premiere in a country that is known to be in this month, `1981-09`, or year, `1981`.
pub(super) fn facet_of_premiere(country: &str, known: &str) -> String {
    format!("premiere:{country}:{known}")
}

pub(super) fn facet_of_external_id(id: &str) -> String {
    format!("id:{id}")
}
