//! Which column of a list tells what of a movie.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{Country, Credit, ExternalId, Language, Rating};
use serde_json::Value;

/// What a column tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// The movie's own id.
    Id,
    Title,
    OriginalTitle,
    /// Title in a language.
    LocalTitle(String),
    Synopsis,
    Runtime,
    /// Rating of a scheme.
    Rating(String),
    Genres,
    Languages,
    Countries,
    /// Names in a role.
    Credit(String),
    /// Id of a scheme.
    ExternalId(String),
    Premiere,
    /// Year of the premiere, where nothing more is told.
    Year,
    /// Premiere in a country.
    CountryPremiere(String),
}

/// The fields as they are written, for messages.
pub(crate) const FIELDS: &str = "id, title, original_title, title.LANGUAGE, synopsis, runtime, rating.SCHEME, genres, languages, \
                                 countries, credit.ROLE, external_id.SCHEME, premiere, premiere.COUNTRY, year";

/// Columns that are understood without being told, by their names without case, blanks and signs.
const USUAL: &[(&str, &str)] = &[
    ("title", "title"),
    ("name", "title"),
    ("movietitle", "title"),
    ("filmtitle", "title"),
    ("primarytitle", "title"),
    ("film", "title"),
    ("originaltitle", "original_title"),
    ("synopsis", "synopsis"),
    ("overview", "synopsis"),
    ("plot", "synopsis"),
    ("runtime", "runtime"),
    ("runtimeminutes", "runtime"),
    ("runtimemin", "runtime"),
    ("runningtime", "runtime"),
    ("runningtimemin", "runtime"),
    ("runningtimeminutes", "runtime"),
    ("duration", "runtime"),
    ("mpaarating", "rating.mpa"),
    ("mpaa", "rating.mpa"),
    ("fsk", "rating.fsk"),
    ("bbfc", "rating.bbfc"),
    ("agerating", "rating.age"),
    ("genre", "genres"),
    ("genres", "genres"),
    ("majorgenre", "genres"),
    ("language", "languages"),
    ("languages", "languages"),
    ("spokenlanguages", "languages"),
    ("country", "countries"),
    ("countries", "countries"),
    ("productioncountries", "countries"),
    ("director", "credit.director"),
    ("directors", "credit.director"),
    ("directedby", "credit.director"),
    ("writer", "credit.writer"),
    ("writers", "credit.writer"),
    ("screenwriter", "credit.writer"),
    ("cast", "credit.actor"),
    ("actors", "credit.actor"),
    ("stars", "credit.actor"),
    ("starring", "credit.actor"),
    ("imdb", "external_id.imdb"),
    ("imdbid", "external_id.imdb"),
    ("tconst", "external_id.imdb"),
    ("tmdb", "external_id.tmdb"),
    ("tmdbid", "external_id.tmdb"),
    ("wikidata", "external_id.wikidata"),
    ("wikidataid", "external_id.wikidata"),
    ("released", "premiere"),
    ("releasedate", "premiere"),
    ("premiere", "premiere"),
    ("premieredate", "premiere"),
    ("year", "year"),
    ("releaseyear", "year"),
    ("startyear", "year"),
];

impl Field {
    /// Reads a field as it is written: `title`, `rating.mpa`, `credit.director`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (kind, of) = text.split_once('.').map_or((text, None), |(kind, of)| (kind, Some(of)));
        let wrong = |reason: &str| format!("{text} is no field: {reason}");
        match (kind, of) {
            ("id", None) => Ok(Self::Id),
            ("title", None) => Ok(Self::Title),
            ("original_title", None) => Ok(Self::OriginalTitle),
            ("title", Some(tag)) => Language::parse(tag)
                .map(|language| Self::LocalTitle(language.to_string()))
                .map_err(|error| wrong(&error.detail)),
            ("synopsis", None) => Ok(Self::Synopsis),
            ("runtime", None) => Ok(Self::Runtime),
            ("rating", Some(scheme)) => Rating::unrated(scheme)
                .map(|rating| Self::Rating(rating.scheme().to_owned()))
                .map_err(|error| wrong(&error.detail)),
            ("genres", None) => Ok(Self::Genres),
            ("languages", None) => Ok(Self::Languages),
            ("countries", None) => Ok(Self::Countries),
            ("credit", Some(role)) => Credit::parse("x", role, None)
                .map(|credit| Self::Credit(credit.role().to_owned()))
                .map_err(|error| wrong(&error.detail)),
            ("external_id", Some(scheme)) => scheme_of_id(scheme)
                .map(Self::ExternalId)
                .map_err(|reason| wrong(&reason)),
            ("premiere", None) => Ok(Self::Premiere),
            ("premiere", Some(code)) => Country::parse(code)
                .map(|country| Self::CountryPremiere(country.to_string()))
                .map_err(|error| wrong(&error.detail)),
            ("year", None) => Ok(Self::Year),
            _ => Err(format!("{text} is no field; fields are: {FIELDS}")),
        }
    }

    /// Whether columns are put together in it.
    fn takes_several(&self) -> bool {
        matches!(
            self,
            Self::Genres | Self::Languages | Self::Countries | Self::Credit(_) | Self::ExternalId(_)
        )
    }
}

/// Tells a scheme from what is none, by an id that every open scheme takes.
fn scheme_of_id(scheme: &str) -> Result<String, String> {
    let sample = match scheme.to_ascii_lowercase().as_str() {
        "imdb" => "tt0000001",
        "wikidata" => "Q1",
        _ => "1",
    };
    ExternalId::parse(scheme, sample)
        .map(|id| id.scheme().to_owned())
        .map_err(|error| error.detail)
}

/// Which columns tell which fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mapping {
    columns: BTreeMap<Field, Vec<String>>,
    /// Columns that tell nothing that is taken.
    pub(crate) left_alone: Vec<String>,
}

impl Mapping {
    /// Completes what was told with the usual names of columns. A field that was told of is as it was told, also without any
    /// column.
    ///
    /// # Errors
    /// A column that was told of and is not there; no column tells the title.
    pub(crate) fn complete(told: &BTreeMap<Field, Vec<String>>, columns: &[String]) -> Result<Self, String> {
        if let Some(missing) = told.values().flatten().find(|column| !columns.contains(column)) {
            return Err(format!(
                "there is no column {missing}; columns are: {}",
                columns.join(", ")
            ));
        }
        let mut mapping = told.clone();
        let is_told = |column: &String| told.values().flatten().any(|one| one == column);
        for column in columns.iter().filter(|column| !is_told(column)) {
            let Some(field) = usual(column).filter(|field| !told.contains_key(field)) else {
                continue;
            };
            let of_field = mapping.entry(field.clone()).or_default();
            if of_field.is_empty() || field.takes_several() {
                of_field.push(column.clone());
            }
        }
        if mapping.get(&Field::Title).is_none_or(Vec::is_empty) {
            return Err(format!(
                "no column tells the title; say which with --map title=COLUMN. Columns are: {}",
                columns.join(", ")
            ));
        }
        let is_used = |column: &&String| mapping.values().flatten().any(|one| one == *column);
        let left_alone = columns.iter().filter(|column| !is_used(column)).cloned().collect();
        Ok(Self {
            columns: mapping,
            left_alone,
        })
    }

    /// The fields with their columns.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&Field, &[String])> {
        self.columns.iter().map(|(field, columns)| (field, columns.as_slice()))
    }

    /// The columns of a field.
    pub(crate) fn of(&self, field: &Field) -> &[String] {
        self.columns.get(field).map_or(&[], Vec::as_slice)
    }
}

fn usual(column: &str) -> Option<Field> {
    let name: String = column
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let (_, field) = USUAL.iter().find(|(usual, _)| *usual == name)?;
    Field::parse(field).ok()
}

/// The columns that are understood, a line for each field with a line break before it.
pub(crate) fn usual_names() -> String {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, field) in USUAL {
        match fields.last_mut() {
            Some((last, names)) if last == field => names.push(name),
            _ => fields.push((field, vec![name])),
        }
    }
    let line = |(field, names): &(&str, Vec<&str>)| format!("\n  {field:<20} {}", names.join(", "));
    fields.iter().map(line).collect()
}

/// Reads `FIELD=COLUMN`; without a column the field has none.
pub(crate) fn told_by_flag(text: &str) -> Result<(Field, Option<String>), String> {
    let (field, column) = text
        .split_once('=')
        .ok_or_else(|| "it looks like title=COLUMN".to_owned())?;
    let column = (!column.is_empty()).then(|| column.to_owned());
    Ok((Field::parse(field)?, column))
}

/// Reads a file with one JSON object: fields with a column, a list of columns, or null.
///
/// # Errors
/// Why it cannot be read, in words.
pub(crate) fn told_by_file(path: &Path) -> Result<BTreeMap<Field, Vec<String>>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let told: BTreeMap<String, Value> = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no JSON object of fields: {error}", path.display()))?;
    let columns = |value: Value| match value {
        Value::Null => Ok(Vec::new()),
        Value::String(column) => Ok(vec![column]),
        Value::Array(columns) => columns
            .into_iter()
            .map(|column| column.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(()),
        _ => Err(()),
    };
    told.into_iter()
        .map(|(field, value)| {
            let of_field = columns(value)
                .map_err(|()| format!("{field} in {} must be a column or a list of them", path.display()))?;
            Ok((Field::parse(&field)?, of_field))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Field, Mapping, USUAL, told_by_flag};

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_usual_name_tells_a_field() {
        for (name, field) in USUAL {
            Field::parse(field).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn usual_columns_are_understood_and_the_others_left_alone() {
        let names = columns(&[
            "Title",
            "Release Date",
            "MPAA Rating",
            "IMDB Rating",
            "Running Time min",
            "imdbID",
        ]);
        let mapping = Mapping::complete(&BTreeMap::new(), &names).expect("a title");
        assert_eq!(mapping.of(&Field::Title), ["Title"]);
        assert_eq!(mapping.of(&Field::Premiere), ["Release Date"]);
        assert_eq!(mapping.of(&Field::Rating("mpa".into())), ["MPAA Rating"]);
        assert_eq!(mapping.of(&Field::ExternalId("imdb".into())), ["imdbID"]);
        assert_eq!(mapping.left_alone, ["IMDB Rating"]);
    }

    #[test]
    fn what_is_told_wins_over_what_is_usual() {
        let names = columns(&["title", "Titel", "year"]);
        let told = ["title=Titel", "year="].map(|flag| told_by_flag(flag).expect("a field"));
        let told = told
            .into_iter()
            .map(|(field, column)| (field, column.into_iter().collect()))
            .collect();
        let mapping = Mapping::complete(&told, &names).expect("a title");
        assert_eq!(mapping.of(&Field::Title), ["Titel"]);
        assert_eq!(mapping.left_alone, ["title", "year"]);
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(
            Mapping::complete(&BTreeMap::new(), &columns(&["a"])).is_err_and(|error| error.contains("--map title="))
        );
        let told = BTreeMap::from([(Field::Title, columns(&["b"]))]);
        assert!(Mapping::complete(&told, &columns(&["a"])).is_err_and(|error| error.contains("no column b")));
        for flag in [
            "title",
            "titel=a",
            "rating=a",
            "title.xx=a",
            "premiere.XX=a",
            "credit.=a",
        ] {
            assert!(told_by_flag(flag).is_err(), "{flag}");
        }
    }
}
