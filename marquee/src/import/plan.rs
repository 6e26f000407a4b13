//! What is to be sent of a list: one announcement per movie, and why of the others there is none.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use chrono::NaiveDate;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::encoding::has_mac_roman_sign;
use super::evidence::{Dates, Evidence};
use super::file::Record;
use super::film::{Film, film};
use super::mapping::{Field, Mapping};
use super::rule::{Changes, Refusal, Rule};
use super::{date, value};

/// Of the external ids, the first of these is the key of a movie; else the first there is.
const KEYS: [&str; 3] = ["imdb", "tmdb", "wikidata"];
const ID_LENGTH_MAX: usize = 64;
/// How much of a title an id shows.
const SHOWN_MAX: usize = 40;

/// A record with what becomes of it.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Its place in the file, from 1.
    pub(crate) number: usize,
    /// As it was read, written down as JSON: less than it takes in memory otherwise.
    pub(crate) record: String,
    pub(crate) changes: Changes,
    pub(crate) outcome: Result<Announcement, Refusal>,
}

/// A movie to be announced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) id: String,
    /// JSON, as it is sent.
    pub(crate) body: String,
}

/// How a list is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) mapping: Mapping,
    pub(crate) separator: Option<char>,
    /// When the list was made.
    pub(crate) as_of: NaiveDate,
    /// Rules that are not applied.
    pub(crate) without: BTreeSet<Rule>,
}

/// Plans a whole list.
pub(crate) fn plan(records: Vec<Record>, reading: &Reading) -> Vec<Planned> {
    let evidence = evidence(&records, reading);
    let mut known = Known::default();
    records
        .into_iter()
        .map(|record| planned(record, reading, &evidence, &mut known))
        .collect()
}

fn planned(record: Record, reading: &Reading, evidence: &Evidence, known: &mut Known) -> Planned {
    let number = record.number;
    match record.read {
        Err(reason) => Planned {
            number,
            record: "{}".to_owned(),
            changes: Changes::default(),
            outcome: Err(Refusal::new(Rule::NotARecord, reason)),
        },
        Ok(record) => {
            let (read, mut changes) = film(&record, &reading.mapping, evidence, reading.separator);
            let outcome = read.and_then(|film| known.announcement(number, film, &mut changes));
            Planned {
                number,
                record: Value::Object(record).to_string(),
                changes,
                outcome,
            }
        }
    }
}

/// Reads all records once for what they tell together.
fn evidence(records: &[Record], reading: &Reading) -> Evidence {
    let mut dates = Dates::default();
    let mut signs = 0;
    let of_premieres = [&Field::Premiere, &Field::Year]
        .into_iter()
        .map(|field| reading.mapping.of(field))
        .find(|columns| !columns.is_empty())
        .unwrap_or_default();
    let of_texts: Vec<&String> = reading
        .mapping
        .fields()
        .filter(|(field, _)| matches!(field, Field::Title | Field::OriginalTitle | Field::Credit(_)))
        .flat_map(|(_, columns)| columns)
        .collect();
    for fields in records.iter().filter_map(|record| record.read.as_ref().ok()) {
        let texts = |column: &String| fields.get(column).map(value::texts).unwrap_or_default();
        let told = of_premieres.iter().flat_map(texts).find_map(|text| date::told(&text));
        if let Some(told) = told.filter(|told| told.how != date::How::WithTwoDigits) {
            dates.count(told);
        }
        let has_sign = of_texts
            .iter()
            .flat_map(|column| texts(column))
            .any(|text| has_mac_roman_sign(&text));
        signs += usize::from(has_sign);
    }
    Evidence::of(&dates, signs, reading.as_of, reading.without.clone())
}

/// The movies of the records before.
#[derive(Default)]
struct Known {
    /// By external id: the record, and the title and year there.
    external: HashMap<String, (usize, String)>,
    /// By title and year, of those that have no external id.
    titles: HashMap<String, usize>,
    ids: HashMap<String, usize>,
}

impl Known {
    /// Finds out whether a movie is a new one, and by which key.
    fn announcement(&mut self, number: usize, mut film: Film, changes: &mut Changes) -> Result<Announcement, Refusal> {
        let title_and_year = title_and_year(&film);
        let mut kept = Vec::new();
        for id in std::mem::take(&mut film.external_ids) {
            match self.external.get(&id.to_string()) {
                Some((first, same)) if *same == title_and_year => {
                    return Err(duplicate(*first, &format!("the id {id}, the title and the year")));
                }
                Some(_) => changes.left_out(Rule::ExternalIdOfAnother, id.scheme(), id.value()),
                None => kept.push(id),
            }
        }
        film.external_ids = kept;
        if film.external_ids.is_empty() && film.id.is_none() {
            if let Some(first) = self.titles.get(&title_and_year) {
                return Err(duplicate(*first, "the title and the year, and no external id"));
            }
            self.titles.insert(title_and_year.clone(), number);
        }
        let id = id_of(&film, &title_and_year);
        if let Some(first) = self.ids.insert(id.clone(), number) {
            return Err(duplicate(first, &format!("the id {id}")));
        }
        for external in &film.external_ids {
            self.external
                .insert(external.to_string(), (number, title_and_year.clone()));
        }
        Ok(announcement(id, film))
    }
}

fn duplicate(first: usize, same: &str) -> Refusal {
    Refusal::new(Rule::Duplicate, format!("record {first} has the same: {same}"))
}

/// What makes two records tell of one movie, when no id does.
fn title_and_year(film: &Film) -> String {
    let year = film.year.as_deref().unwrap_or("undated");
    format!("{} ({year})", film.title.to_lowercase())
}

/// The same movie has the same id in every run and every list that tells the same of it.
fn id_of(film: &Film, title_and_year: &str) -> String {
    if let Some(id) = &film.id {
        return id.clone();
    }
    let by_key = |scheme: &&str| film.external_ids.iter().find(|id| id.scheme() == *scheme);
    let key = KEYS.iter().find_map(by_key).or_else(|| film.external_ids.first());
    if let Some(key) = key {
        let id = format!("{}-{}", key.scheme(), key.value());
        let is_safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if id.len() <= ID_LENGTH_MAX && id.bytes().all(is_safe) {
            return id;
        }
        return format!("{}-{}", key.scheme(), digest(&key.to_string(), 16));
    }
    let year = film.year.as_deref().unwrap_or("undated");
    let shown = words(&film.title);
    let parts = [shown.as_str(), year, &digest(title_and_year, 8)];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

fn words(title: &str) -> String {
    let mut words = String::new();
    for word in title
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if words.len() + word.len() >= SHOWN_MAX {
            break;
        }
        if !words.is_empty() {
            words.push('-');
        }
        words.push_str(word);
    }
    words
}

/// The first digits of a hash.
fn digest(text: &str, digits: usize) -> String {
    let mut hex = String::with_capacity(digits);
    for byte in Sha256::digest(text.as_bytes()).iter().take(digits / 2) {
        // A string takes all that is written to it.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn announcement(id: String, film: Film) -> Announcement {
    let mut body = film.body;
    body.insert("id".into(), json!(id));
    body.insert("title".into(), json!(film.title));
    if !film.external_ids.is_empty() {
        let ids = film.external_ids.iter();
        let ids: Vec<Value> = ids
            .map(|id| json!({"scheme": id.scheme(), "value": id.value()}))
            .collect();
        body.insert("external_ids".into(), Value::from(ids));
    }
    Announcement {
        id,
        body: Value::Object(body).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::{Planned, Reading, plan};
    use crate::import::file::Record;
    use crate::import::mapping::Mapping;
    use crate::import::rule::Rule;

    fn planned(records: Value) -> Vec<Planned> {
        let records = records.as_array().expect("a list").clone();
        let mut columns = BTreeSet::new();
        let records: Vec<Record> = records
            .into_iter()
            .enumerate()
            .map(|(index, record)| {
                let fields = record.as_object().expect("an object").clone();
                columns.extend(fields.keys().cloned());
                Record {
                    number: index + 1,
                    read: Ok(fields),
                }
            })
            .collect();
        let columns: Vec<String> = columns.into_iter().collect();
        let reading = Reading {
            mapping: Mapping::complete(&BTreeMap::new(), &columns).expect("a title"),
            separator: None,
            as_of: "2026-11-30".parse().expect("a day"),
            without: BTreeSet::new(),
        };
        plan(records, &reading)
    }

    fn outcome(planned: &Planned) -> Result<&str, Rule> {
        match &planned.outcome {
            Ok(announcement) => Ok(&announcement.id),
            Err(refusal) => Err(refusal.rule),
        }
    }

    fn body(planned: &Planned) -> Value {
        let body = &planned.outcome.as_ref().expect("accepted").body;
        serde_json::from_str(body).expect("JSON")
    }

    #[test]
    fn a_record_becomes_what_is_known_and_nothing_else() {
        let list = planned(json!([
            {"Title": 21, "MPAA Rating": "Not Rated", "Running Time min": null, "Major Genre": "Thriller/Suspense",
             "Release Date": "Jun 12 2008", "IMDB Rating": 6.8},
            {"Title": "M", "Cast": "Peter Lorre, Ed Begley, Jr.", "Director": "Fritz Lang", "Country": "Germany, Atlantis, Korea",
             "Language": "German", "Running Time min": "1h 57min", "Year": 1931},
        ]));
        assert_eq!(
            body(&list[0]),
            json!({
                "id": outcome(&list[0]).expect("accepted"), "title": "21",
                "ratings": [{"scheme": "mpa", "value": "unrated"}],
                "genres": [{"slug": "thriller-suspense", "label": "Thriller/Suspense"}], "premiere_date": "2008-06-12",
            })
        );
        assert_eq!(
            body(&list[1]),
            json!({
                "id": outcome(&list[1]).expect("accepted"), "title": "M", "runtime_minutes": 117,
                "countries": ["DE"], "languages": ["de"], "premiere_date": "1931",
                "credits": [
                    {"name": "Peter Lorre", "role": "actor"}, {"name": "Ed Begley, Jr.", "role": "actor"},
                    {"name": "Fritz Lang", "role": "director"},
                ],
            })
        );
        let rules: Vec<Rule> = list[1].changes.as_slice().iter().map(|change| change.rule).collect();
        for rule in [Rule::NameSuffix, Rule::CountryUnknown, Rule::RuntimeWords] {
            assert!(rules.contains(&rule), "{rule}: {rules:?}");
        }
    }

    #[test]
    fn a_movie_has_the_same_id_in_every_run_also_when_more_is_told_of_it() {
        let list = json!([{"title": "Face/Off", "year": 1997}, {"title": "M", "imdb": "tt0022100"}]);
        let (once, twice) = (planned(list.clone()), planned(list));
        for (one, other) in once.iter().zip(&twice) {
            assert_eq!(one.outcome, other.outcome);
        }
        assert_eq!(outcome(&once[1]), Ok("imdb-tt0022100"));
        assert!(outcome(&once[0]).is_ok_and(|id| id.starts_with("face-off-1997-")));
        let more = planned(json!([{"title": "M", "imdb": "tt0022100", "year": 1931}]));
        assert_eq!(outcome(&more[0]), Ok("imdb-tt0022100"));
    }

    #[test]
    fn of_records_about_one_movie_the_first_is_taken() {
        let list = planned(json!([
            {"title": "Apocalypse Now", "year": 1979, "imdb": "tt0078788"},
            {"title": "Apocalypse Now", "year": 1979, "imdb": "tt0078788"},
            {"title": "Apocalypse Now Redux", "year": 2001, "imdb": "tt0078788"},
            {"title": "Rage", "year": 2009, "imdb": "tt0000001"},
            {"title": "Rage", "year": 2009, "imdb": "tt0000002"},
            {"title": "M", "year": 1931},
            {"title": "m", "year": 1931},
            {"title": "M", "year": 1951},
        ]));
        let rules: Vec<Option<Rule>> = list.iter().map(|one| outcome(one).err()).collect();
        let twice = Some(Rule::Duplicate);
        assert_eq!(rules, [None, twice, None, None, None, None, twice, None]);
        assert!(body(&list[2]).get("external_ids").is_none());
        assert_eq!(list[2].changes.as_slice()[0].rule, Rule::ExternalIdOfAnother);
    }

    #[test]
    fn a_record_without_a_usable_title_is_refused() {
        let list = planned(json!([
            {"title": null}, {"title": "N/A"}, {"title": " "}, {"title": "Unknown"}, {"title": "x".repeat(201)},
            {"title": "Am\u{FFFD}lie"}, {"title": "Amélie", "director": "Jeun\u{FFFD}t"},
        ]));
        let rules: Vec<Option<Rule>> = list.iter().map(|one| outcome(one).err()).collect();
        let (missing, unusable) = (Some(Rule::TitleMissing), Some(Rule::TitleUnusable));
        assert_eq!(rules, [missing, missing, missing, None, unusable, unusable, None]);
        assert_eq!(list[6].changes.as_slice()[0].rule, Rule::TextLost);
    }

    #[test]
    fn a_year_in_the_title_is_that_of_the_premiere_when_nothing_else_is_said() {
        let list = planned(json!([
            {"title": "Toy Story (1995)"}, {"title": "American President, The (1995)"},
            {"title": "King Kong (1933)", "year": 1933}, {"title": "Blade Runner (2049)", "year": 2017}, {"title": "(2012)"},
        ]));
        let told: Vec<_> = list
            .iter()
            .map(|one| (body(one)["title"].clone(), body(one)["premiere_date"].clone()))
            .collect();
        assert_eq!(
            told,
            [
                (json!("Toy Story"), json!("1995")),
                (json!("The American President"), json!("1995")),
                (json!("King Kong"), json!("1933")),
                (json!("Blade Runner (2049)"), json!("2017")),
                (json!("(2012)"), json!(null)),
            ]
        );
    }
}
