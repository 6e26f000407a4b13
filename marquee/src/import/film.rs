//! From a record of a list to the movie it tells of, by the rules.

mod details;

use domain::{ExternalId, ExternalIds, MovieId, Title};
use serde_json::{Map, Value, json};

use super::date::{How, Told};
use super::evidence::Evidence;
use super::mapping::{Field, Mapping};
use super::rule::{Changes, Refusal, Rule};
use super::{text, value};

/// A movie as a record tells of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Film {
    /// The id that the list itself gives.
    pub(crate) id: Option<String>,
    pub(crate) title: String,
    pub(crate) year: Option<String>,
    pub(crate) external_ids: Vec<ExternalId>,
    /// Everything else, as the API takes it.
    pub(crate) body: Map<String, Value>,
}

/// Takes a record apart.
struct Reader<'a> {
    mapping: &'a Mapping,
    evidence: &'a Evidence,
    record: &'a Map<String, Value>,
    separator: Option<char>,
    changes: Changes,
    body: Map<String, Value>,
}

/// Reads the movie of a record, and what the rules did to it.
pub(crate) fn film(
    record: &Map<String, Value>,
    mapping: &Mapping,
    evidence: &Evidence,
    separator: Option<char>,
) -> (Result<Film, Refusal>, Changes) {
    let mut reader = Reader {
        mapping,
        evidence,
        record,
        separator,
        changes: Changes::default(),
        body: Map::new(),
    };
    let film = reader.film();
    (film, reader.changes)
}

impl<'a> Reader<'a> {
    fn film(&mut self) -> Result<Film, Refusal> {
        let title = self.title()?;
        let id = self.own_id()?;
        let premiere = self.premiere();
        let (title, year) = self.year_in_title(title, premiere.as_deref().map(|date| &date[..4]));
        let premiere = premiere.or(year);
        let external_ids = self.external_ids();
        self.details();
        if let Some(premiere) = &premiere {
            self.body.insert("premiere_date".into(), json!(premiere));
        }
        self.country_premieres();
        Ok(Film {
            id,
            title,
            year: premiere.map(|date| date[..4].to_owned()),
            external_ids,
            body: std::mem::take(&mut self.body),
        })
    }

    /// The first value of a field that is one.
    fn value(&mut self, field: &Field) -> Option<String> {
        let (columns, record) = (self.mapping.of(field), self.record);
        let given = columns.iter().filter_map(|column| Some((column, record.get(column)?)));
        given
            .flat_map(|(column, value)| value::texts(value).into_iter().map(move |text| (column, text)))
            .find_map(|(column, text)| self.told(column, text))
    }

    /// What stands for no value is none.
    fn told(&mut self, column: &str, text: String) -> Option<String> {
        let bare = text.trim();
        if bare.is_empty() {
            return None;
        }
        if value::is_no_value(bare) {
            self.changes.left_out(Rule::NoValue, column, &text);
            return None;
        }
        Some(text)
    }

    /// A line with its text repaired; `None` when a character of it is lost.
    fn line(&mut self, column: &str, raw: &str) -> Option<String> {
        let line = text::line(raw, self.evidence, column, &mut self.changes);
        if line.contains(char::REPLACEMENT_CHARACTER) {
            self.changes.left_out(Rule::TextLost, column, raw);
            return None;
        }
        (!line.is_empty()).then_some(line)
    }

    fn title(&mut self) -> Result<String, Refusal> {
        let missing = || Refusal::new(Rule::TitleMissing, "no column with a title has one");
        for column in self.mapping.of(&Field::Title) {
            let Some(given) = self.record.get(column) else {
                continue;
            };
            let Some(raw) = value::texts(given).into_iter().next() else {
                continue;
            };
            if raw.trim().is_empty() || value::is_no_title(raw.trim()) {
                continue;
            }
            if given.is_number() {
                self.changes
                    .repaired(Rule::NumberAsTitle, column, &given.to_string(), &raw);
            }
            let line = text::line(&raw, self.evidence, column, &mut self.changes);
            let line = text::article_first(&line, column, &mut self.changes, self.evidence);
            if line.contains(char::REPLACEMENT_CHARACTER) {
                let detail = format!("a character of it is lost: {line}");
                return Err(Refusal::new(Rule::TitleUnusable, detail));
            }
            return match Title::parse(&line) {
                Ok(title) => Ok(title.to_string()),
                Err(error) if error.code == "TOO_SHORT" => Err(missing()),
                Err(error) => Err(Refusal::new(Rule::TitleUnusable, error.detail)),
            };
        }
        Err(missing())
    }

    fn own_id(&mut self) -> Result<Option<String>, Refusal> {
        let Some(id) = self.value(&Field::Id) else {
            return Ok(None);
        };
        match MovieId::parse(id.trim()) {
            Ok(id) => Ok(Some(id.to_string())),
            Err(error) => Err(Refusal::new(Rule::IdUnusable, format!("{id} {}", error.detail))),
        }
    }

    /// The premiere as it is told, or the year that is told apart from it.
    fn premiere(&mut self) -> Option<String> {
        let year = self.value(&Field::Year).and_then(|raw| self.year(&raw));
        match self.value(&Field::Premiere) {
            Some(raw) => {
                let column = self.column(&Field::Premiere);
                self.date(column, &raw, year).or(year.map(|year| year.to_string()))
            }
            None => year.map(|year| year.to_string()),
        }
    }

    fn column(&self, field: &Field) -> &'a str {
        self.mapping.of(field).first().map_or("", String::as_str)
    }

    fn year(&mut self, raw: &str) -> Option<i32> {
        let column = self.column(&Field::Year);
        let told = super::date::told(raw).filter(|told| told.how != How::WithTwoDigits);
        let year = told.map(|told| self.evidence.in_its_century(told, None).0.year);
        match year.filter(|year| (1888..=2200).contains(year)) {
            Some(year) => {
                if told.is_some_and(|told| told.year != year) {
                    self.changes
                        .repaired(Rule::TwoDigitYear, column, raw, &year.to_string());
                }
                Some(year)
            }
            None => {
                self.changes.left_out(Rule::DateUnreadable, column, raw);
                None
            }
        }
    }

    fn date(&mut self, column: &str, raw: &str, year: Option<i32>) -> Option<String> {
        let is_told = |told: &Told| told.how != How::WithTwoDigits || !self.evidence.is_without(Rule::TwoDigitYear);
        let Some(told) = super::date::told(raw).filter(is_told) else {
            self.changes.left_out(Rule::DateUnreadable, column, raw);
            return None;
        };
        let (told, century) = self.evidence.in_its_century(told, year);
        let (known, less) = self.evidence.as_far_as_known(told);
        if !(1888..=2200).contains(&known.year) {
            self.changes.left_out(Rule::DateUnreadable, column, raw);
            return None;
        }
        let text = known.text();
        let how = match told.how {
            How::Plainly | How::WithTwoDigits => None,
            How::InWords => Some(Rule::DateWords),
            How::WithoutOrder => Some(Rule::AmbiguousDay),
        };
        for rule in [how, century, less].into_iter().flatten() {
            self.changes.repaired(rule, column, raw, &text);
        }
        Some(text)
    }

    /// `King Kong (1933)` is King Kong, of 1933, when nothing else is said of the year.
    fn year_in_title(&mut self, title: String, year: Option<&str>) -> (String, Option<String>) {
        let told = title.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
        let Some((bare, in_title)) = told.filter(|(bare, _)| !bare.trim().is_empty()) else {
            return (title, None);
        };
        let is_year = in_title.len() == 4 && in_title.parse::<i32>().is_ok_and(|year| (1888..=2100).contains(&year));
        if !is_year || year.is_some_and(|year| year != in_title) || self.evidence.is_without(Rule::YearInTitle) {
            return (title, None);
        }
        let column = self.column(&Field::Title);
        let bare = bare.trim().to_owned();
        self.changes.repaired(Rule::YearInTitle, column, &title, &bare);
        (bare, Some(in_title.to_owned()))
    }

    fn external_ids(&mut self) -> Vec<ExternalId> {
        let mut ids: Vec<ExternalId> = Vec::new();
        for (field, columns) in self.mapping.fields() {
            let Field::ExternalId(scheme) = field else { continue };
            for (column, raw) in self.items(columns) {
                match ExternalId::parse(scheme, raw.trim()) {
                    Ok(id) if ids.contains(&id) => {}
                    Ok(_) if ids.len() == ExternalIds::MOST => self.changes.left_out(Rule::TooMany, &column, &raw),
                    Ok(id) => ids.push(id),
                    Err(_) => self.changes.left_out(Rule::ExternalIdMalformed, &column, &raw),
                }
            }
        }
        ids
    }

    /// The values of columns, lists taken apart.
    fn items(&mut self, columns: &[String]) -> Vec<(String, String)> {
        self.items_but(columns, &|_| false)
    }

    /// The same, but for texts that are one item as they are: `Korea, South`.
    fn items_but(&mut self, columns: &[String], is_one: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut items = Vec::new();
        for column in columns {
            let Some(given) = self.record.get(column) else { continue };
            let parts = match given {
                Value::String(text) if is_one(text.trim()) => vec![text.clone()],
                _ => value::items(given, self.separator),
            };
            for item in parts {
                items.extend(self.told(column, item).map(|item| (column.clone(), item)));
            }
        }
        items
    }

    fn country_premieres(&mut self) {
        let mut premieres = Vec::new();
        for (field, _) in self.mapping.fields() {
            let Field::CountryPremiere(country) = field else {
                continue;
            };
            let column = self.column(field);
            if let Some(date) = self.value(field).and_then(|raw| self.date(column, &raw, None)) {
                premieres.push(json!({"country": country, "date": date}));
            }
        }
        self.put_list("premieres", premieres);
    }

    fn put_list(&mut self, name: &str, items: Vec<Value>) {
        if !items.is_empty() {
            self.body.insert(name.to_owned(), Value::from(items));
        }
    }
}
