//! What a client tells of a movie.

use domain::AgeRating;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

// The fields of its details stand in it once more: those of a flattened struct could be neither refused when they are unknown
// nor told of at their place.
/// A movie to be announced. Only the title has to be told; null is as good as nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "title": "Nosferatu", "original_title": "Nosferatu, eine Symphonie des Grauens",
    "synopsis": "A young clerk brings a house buyer's contract to a castle, and its owner to his town.",
    "runtime_minutes": 94, "age_rating": "12", "genres": ["horror"], "languages": ["zxx"], "countries": ["DE"],
    "credits": [{"name": "F. W. Murnau", "role": "director"}, {"name": "Max Schreck", "role": "actor", "character": "Orlok"}],
    "external_ids": [{"scheme": "imdb", "value": "tt0013442"}],
    "premiere_date": "1922-03-04", "premieres": [{"country": "US", "date": "1929-06"}],
}))]
pub(super) struct NewMovie {
    /// 1 to 64 characters of A-Z, a-z, 0-9, _ and -, but not `premieres`; made if it is left out.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(super) id: Option<String>,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Metropolis")]
    pub(super) title: String,
    /// Title in the movie's own language, where it is another one: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) original_title: Option<String>,
    /// At most 100, one in each language.
    #[schema(max_items = 100)]
    pub(super) titles: Option<Vec<LocalTitleInput>>,
    /// At most 5000 characters; may be empty.
    #[schema(
        max_length = 5000,
        example = "In a city of the future, the son of its master falls in love with a prophet of the workers."
    )]
    pub(super) synopsis: Option<String>,
    /// 1 to 60000: the longest movies run for days.
    #[schema(minimum = 1, maximum = 60_000, example = 153)]
    pub(super) runtime_minutes: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = age_rating, required = false)]
    pub(super) age_rating: Option<String>,
    /// At most 50, one of each scheme.
    #[schema(max_items = 50)]
    pub(super) ratings: Option<Vec<RatingInput>>,
    /// At most 10, none twice.
    #[schema(max_items = 10, example = json!(["drama", "science-fiction"]))]
    pub(super) genres: Option<Vec<GenreInput>>,
    /// The languages that are spoken: at most 50 tags of BCP 47, none twice.
    #[schema(max_items = 50, example = json!(["de"]))]
    pub(super) languages: Option<Vec<String>>,
    /// The countries it is from: at most 50 codes of ISO 3166, none twice.
    #[schema(max_items = 50, example = json!(["DE"]))]
    pub(super) countries: Option<Vec<String>>,
    /// Who made it, at most 400, none twice.
    #[schema(max_items = 400)]
    pub(super) credits: Option<Vec<CreditInput>>,
    /// At most 20, none twice.
    #[schema(max_items = 20)]
    pub(super) external_ids: Option<Vec<ExternalIdInput>>,
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as far as it is known, from 1888 to 2200.
    #[schema(pattern = "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", example = "1927-01-10")]
    pub(super) premiere_date: Option<String>,
    /// At most 250, one in each country.
    #[schema(max_items = 250)]
    pub(super) premieres: Option<Vec<CountryPremiereInput>>,
    /// `true` brings back a movie that was withdrawn, with all that is told here. Without it, such a movie stays away.
    #[serde(default)]
    pub(super) new_release: bool,
}

/// A movie's details, all of them: what is left out is not known any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MovieDetailsInput {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Metropolis")]
    pub(super) title: String,
    /// Title in the movie's own language, where it is another one: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) original_title: Option<String>,
    /// At most 100, one in each language.
    #[schema(max_items = 100)]
    pub(super) titles: Option<Vec<LocalTitleInput>>,
    /// At most 5000 characters; may be empty.
    #[schema(
        max_length = 5000,
        example = "In a city of the future, the son of its master falls in love with a prophet of the workers."
    )]
    pub(super) synopsis: Option<String>,
    /// 1 to 60000: the longest movies run for days.
    #[schema(minimum = 1, maximum = 60_000, example = 153)]
    pub(super) runtime_minutes: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = age_rating, required = false)]
    pub(super) age_rating: Option<String>,
    /// At most 50, one of each scheme.
    #[schema(max_items = 50)]
    pub(super) ratings: Option<Vec<RatingInput>>,
    /// At most 10, none twice.
    #[schema(max_items = 10, example = json!(["drama", "science-fiction"]))]
    pub(super) genres: Option<Vec<GenreInput>>,
    /// The languages that are spoken: at most 50 tags of BCP 47, none twice.
    #[schema(max_items = 50, example = json!(["de"]))]
    pub(super) languages: Option<Vec<String>>,
    /// The countries it is from: at most 50 codes of ISO 3166, none twice.
    #[schema(max_items = 50, example = json!(["DE"]))]
    pub(super) countries: Option<Vec<String>>,
    /// Who made it, at most 400, none twice.
    #[schema(max_items = 400)]
    pub(super) credits: Option<Vec<CreditInput>>,
    /// At most 20, none twice.
    #[schema(max_items = 20)]
    pub(super) external_ids: Option<Vec<ExternalIdInput>>,
}

/// A movie's new premiere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPremiere {
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as far as it is known, from 1888 to 2200; null when it is not known any more.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(
        required = true,
        pattern = "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$",
        example = "1927-01-10"
    )]
    pub(super) premiere_date: Option<String>,
    /// At most 250, one in each country; what is left out is not known any more.
    #[schema(max_items = 250)]
    pub(super) premieres: Option<Vec<CountryPremiereInput>>,
}

/// A title in a language.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LocalTitleInput {
    /// Tag of BCP 47.
    #[schema(example = "zh-Hant", max_length = 35)]
    pub(super) language: String,
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "大都會")]
    pub(super) title: String,
}

/// A rating of one body.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RatingInput {
    /// The body: `fsk`, `mpa`, `bbfc`, `tv`, `eirin`, `cnc` or any other; `age` for what `age_rating` may be.
    #[schema(pattern = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length = 32, example = "mpa")]
    pub(super) scheme: String,
    /// As the body writes it, or `unrated`: 1 to 20 characters.
    #[schema(min_length = 1, max_length = 20, example = "PG-13")]
    pub(super) value: String,
}

/// A genre: its slug, or a label for people and, where the label makes none, a slug.
#[derive(Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum GenreInput {
    /// 1 to 40 characters: words of a-z and 0-9 joined by hyphens. Its words are the label.
    Slug(String),
    /// With a label.
    Labelled(LabelledGenre),
}

/// A genre with a label.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelledGenre {
    /// 1 to 60 characters.
    #[schema(min_length = 1, max_length = 60, example = "Science Fiction")]
    pub(super) label: String,
    /// 1 to 40 characters: words of a-z and 0-9 joined by hyphens; made of the label if it is left out.
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 40, example = "science-fiction")]
    pub(super) slug: Option<String>,
}

/// Who did what for the movie.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditInput {
    /// The person or company: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Fritz Lang")]
    pub(super) name: String,
    /// `director`, `actor`, `writer` or any other word.
    #[schema(pattern = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length = 32, example = "director")]
    pub(super) role: String,
    /// The character that was played: 1 to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub(super) character: Option<String>,
}

/// What others call the movie.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalIdInput {
    /// `imdb`, `tmdb`, `wikidata` or any other.
    #[schema(pattern = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length = 32, example = "imdb")]
    pub(super) scheme: String,
    /// The id there: 1 to 64 visible ASCII characters.
    #[schema(pattern = "^[!-~]{1,64}$", example = "tt0017136")]
    pub(super) value: String,
}

/// When the movie is first shown in a country.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CountryPremiereInput {
    /// Code of ISO 3166.
    #[schema(pattern = "^([A-Za-z]{2}|[A-Za-z]{4})$", example = "DE")]
    pub(super) country: String,
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, from 1888 to 2200.
    #[schema(pattern = "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", example = "1927-01-10")]
    pub(super) date: String,
}

/// A field that may be left out, but is not null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

fn age_rating() -> Object {
    let description = "The age from which it may be seen, whatever body says so; always a string.";
    service::one_of(description, AgeRating::VALUES.map(AgeRating::as_str))
}

/// By hand, so that what is wrong inside of an object is told at its place.
impl<'de> Deserialize<'de> for GenreInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SlugOrLabelled;

        impl<'de> Visitor<'de> for SlugOrLabelled {
            type Value = GenreInput;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a slug or an object with a label")
            }

            fn visit_str<E: Error>(self, slug: &str) -> Result<GenreInput, E> {
                Ok(GenreInput::Slug(slug.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<GenreInput, A::Error> {
                LabelledGenre::deserialize(MapAccessDeserializer::new(fields)).map(GenreInput::Labelled)
            }
        }

        // A text is hinted at: so the decoder knows what to put in the place of a wrong one, to look for others.
        deserializer.deserialize_string(SlugOrLabelled)
    }
}
