//! The items of a movie's lists, each wrong field named within its item.

use domain::{
    Country, CountryPremiere, Credit, ExternalId, Genre, InvalidValue, Language, LocalTitle, PremiereDate, Rating,
    Title,
};

use super::input::{CountryPremiereInput, CreditInput, ExternalIdInput, GenreInput, LocalTitleInput, RatingInput};
use crate::validation::Validation;

/// Parses a title in a language at this place.
pub(super) fn local_title(input: LocalTitleInput, at: &str, fields: &mut Validation) -> Option<LocalTitle> {
    let language = fields.field(format!("{at}/language"), Language::parse(&input.language));
    let title = fields.field(format!("{at}/title"), Title::parse(&input.title));
    Some(LocalTitle {
        language: language?,
        title: title?,
    })
}

/// Parses a rating at this place.
pub(super) fn rating(input: RatingInput, at: &str, fields: &mut Validation) -> Option<Rating> {
    let parsed = Rating::parse(&input.scheme, &input.value);
    fields.field(in_scheme(at, &parsed), parsed)
}

/// Parses a genre at this place.
pub(super) fn genre(input: GenreInput, at: &str, fields: &mut Validation) -> Option<Genre> {
    match input {
        GenreInput::Slug(slug) => fields.field(at, Genre::parse(&slug)),
        GenreInput::Labelled(genre) => {
            let parsed = Genre::labelled(&genre.label, genre.slug.as_deref());
            let field = wrong(&parsed, "INVALID_GENRE", "slug", "label");
            fields.field(format!("{at}/{field}"), parsed)
        }
    }
}

/// Parses a language at this place.
pub(super) fn language(tag: String, at: &str, fields: &mut Validation) -> Option<Language> {
    fields.field(at, Language::parse(&tag))
}

/// Parses a country at this place.
pub(super) fn country(code: String, at: &str, fields: &mut Validation) -> Option<Country> {
    fields.field(at, Country::parse(&code))
}

/// Parses a credit at this place.
pub(super) fn credit(input: CreditInput, at: &str, fields: &mut Validation) -> Option<Credit> {
    let CreditInput { name, role, character } = input;
    // Each with others that are right, so that every wrong one is told.
    let (some_name, some_role) = ("?", "actor");
    let named = fields.field(format!("{at}/name"), Credit::parse(&name, some_role, None));
    let in_role = fields.field(format!("{at}/role"), Credit::parse(some_name, &role, None));
    let as_character = Credit::parse(some_name, some_role, character.as_deref());
    let as_character = fields.field(format!("{at}/character"), as_character);
    named.and(in_role).and(as_character)?;
    fields.field(at, Credit::parse(&name, &role, character.as_deref()))
}

/// Parses an external id at this place.
pub(super) fn external_id(input: ExternalIdInput, at: &str, fields: &mut Validation) -> Option<ExternalId> {
    let parsed = ExternalId::parse(&input.scheme, &input.value);
    fields.field(in_scheme(at, &parsed), parsed)
}

/// Parses a premiere in a country at this place.
pub(super) fn country_premiere(
    input: CountryPremiereInput,
    at: &str,
    fields: &mut Validation,
) -> Option<CountryPremiere> {
    let country = fields.field(format!("{at}/country"), Country::parse(&input.country));
    let date = fields.field(format!("{at}/date"), PremiereDate::parse(&input.date));
    Some(CountryPremiere {
        country: country?,
        date: date?,
    })
}

/// The field that is wrong of a value with a scheme.
fn in_scheme<T>(at: &str, parsed: &Result<T, InvalidValue>) -> String {
    format!("{at}/{}", wrong(parsed, "INVALID_SCHEME", "scheme", "value"))
}

/// The field that is wrong: the one with a code of its own, or the other.
fn wrong<T>(
    parsed: &Result<T, InvalidValue>,
    code: &str,
    field_of_code: &'static str,
    other: &'static str,
) -> &'static str {
    match parsed {
        Err(invalid) if invalid.code == code => field_of_code,
        _ => other,
    }
}
