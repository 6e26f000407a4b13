//! From what a client tells of a movie to values of the business, every wrong field named.

use domain::{
    AgeRating, Announcement, Countries, CountryPremieres, Credits, ExternalIds, Genres, InvalidValue, Languages,
    LocalTitles, MovieDetails, MovieId, Premiere, PremiereDate, Rating, Ratings, RuntimeMinutes, Synopsis, Title,
};

use super::input::{CountryPremiereInput, MovieDetailsInput, NewMovie};
use super::items;
use crate::validation::Validation;

/// A movie with this id could not be read: its path is that of the list of premieres.
const ID_OF_NO_MOVIE: &str = "premieres";
/// After so many wrong items of one list the others are not looked at.
const WRONG_ITEMS_MAX: usize = 20;

/// Parses a movie to be announced, and whether it may be a new release; `None` when a field is wrong, which is noted then.
pub(super) fn new_movie(input: NewMovie, fields: &mut Validation) -> Option<(MovieId, Announcement, bool)> {
    let id = fields.new_id(input.id.as_deref(), MovieId::parse);
    let is_reserved = id.as_ref().is_some_and(|id| id.as_str() == ID_OF_NO_MOVIE);
    if is_reserved {
        fields.refuse("/id", "RESERVED_ID", "is the name of a list: GET /movies/premieres");
    }
    let told = MovieDetailsInput {
        title: input.title,
        original_title: input.original_title,
        titles: input.titles,
        synopsis: input.synopsis,
        runtime_minutes: input.runtime_minutes,
        age_rating: input.age_rating,
        ratings: input.ratings,
        genres: input.genres,
        languages: input.languages,
        countries: input.countries,
        credits: input.credits,
        external_ids: input.external_ids,
    };
    let details = details(told, fields);
    let premiere = premiere(input.premiere_date.as_deref(), input.premieres, fields);
    let announcement = Announcement {
        details: details?,
        premiere: premiere?,
    };
    (!is_reserved).then_some((id?, announcement, input.new_release))
}

/// Parses details; `None` when a field is wrong, which is noted then.
pub(super) fn details(input: MovieDetailsInput, fields: &mut Validation) -> Option<MovieDetails> {
    let title = fields.field("/title", Title::parse(&input.title));
    let original_title = fields.optional("/original_title", input.original_title.as_deref(), Title::parse);
    let titles = list(
        fields,
        ("/titles", LocalTitles::MOST),
        input.titles,
        items::local_title,
        LocalTitles::parse,
    );
    let synopsis = fields.optional("/synopsis", input.synopsis.as_deref(), Synopsis::parse);
    let runtime_minutes = match input.runtime_minutes {
        Some(minutes) => fields
            .field("/runtime_minutes", RuntimeMinutes::parse(minutes))
            .map(Some),
        None => Some(None),
    };
    let age_rating = fields.optional("/age_rating", input.age_rating.as_deref(), AgeRating::parse);
    let ratings = list(
        fields,
        ("/ratings", Ratings::MOST),
        input.ratings,
        items::rating,
        |ratings| with_age(ratings, age_rating.flatten()),
    );
    let genres = list(
        fields,
        ("/genres", Genres::MOST),
        input.genres,
        items::genre,
        Genres::of,
    );
    let languages = list(
        fields,
        ("/languages", Languages::MOST),
        input.languages,
        items::language,
        Languages::parse,
    );
    let countries = list(
        fields,
        ("/countries", Countries::MOST),
        input.countries,
        items::country,
        Countries::parse,
    );
    let credits = list(
        fields,
        ("/credits", Credits::MOST),
        input.credits,
        items::credit,
        Credits::parse,
    );
    let external_ids = list(
        fields,
        ("/external_ids", ExternalIds::MOST),
        input.external_ids,
        items::external_id,
        ExternalIds::parse,
    );
    age_rating?;
    Some(MovieDetails {
        title: title?,
        original_title: original_title?,
        titles: titles?,
        synopsis: synopsis?,
        runtime_minutes: runtime_minutes?,
        ratings: ratings?,
        genres: genres?,
        languages: languages?,
        countries: countries?,
        credits: credits?,
        external_ids: external_ids?,
    })
}

/// Parses a premiere; `None` when a field is wrong, which is noted then.
pub(super) fn premiere(
    premiere_date: Option<&str>,
    premieres: Option<Vec<CountryPremiereInput>>,
    fields: &mut Validation,
) -> Option<Premiere> {
    let premiere_date = fields.optional("/premiere_date", premiere_date, PremiereDate::parse);
    let premieres = list(
        fields,
        ("/premieres", CountryPremieres::MOST),
        premieres,
        items::country_premiere,
        CountryPremieres::parse,
    );
    Some(Premiere {
        premiere_date: premiere_date?,
        premieres: premieres?,
    })
}

/// Parses a list that may be left out. What is wrong with an item is told within it, what is wrong with the list at the list.
fn list<I, T, L>(
    fields: &mut Validation,
    (pointer, most): (&'static str, usize),
    items: Option<Vec<I>>,
    item: impl Fn(I, &str, &mut Validation) -> Option<T>,
    list: impl FnOnce(Vec<T>) -> Result<L, InvalidValue>,
) -> Option<L> {
    let items = items.unwrap_or_default();
    if items.len() > most {
        let (code, detail) = ("TOO_LONG", format!("must name at most {most}"));
        return fields.field(pointer, Err(InvalidValue { code, detail }));
    }
    let mut parsed = Vec::new();
    let mut wrong = 0;
    for (index, one) in items.into_iter().enumerate() {
        match item(one, &format!("{pointer}/{index}"), fields) {
            Some(one) => parsed.push(one),
            None => wrong += 1,
        }
        if wrong == WRONG_ITEMS_MAX {
            break;
        }
    }
    if wrong > 0 {
        return None;
    }
    fields.field(pointer, list(parsed))
}

/// `age_rating` is the rating of the scheme `age`; said both ways, it is said once.
fn with_age(mut ratings: Vec<Rating>, age: Option<AgeRating>) -> Result<Ratings, InvalidValue> {
    let age = age.map(Rating::from).filter(|age| !ratings.contains(age));
    if let Some(age) = age {
        ratings.insert(0, age);
    }
    Ratings::parse(ratings)
}
