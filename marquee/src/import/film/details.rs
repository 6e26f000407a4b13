//! What a record tells of a movie besides title, ids and premieres.

use std::collections::BTreeSet;

use domain::{Countries, Credit, Credits, Genre, Genres, Languages, Rating, RuntimeMinutes, Synopsis, Title};
use serde_json::{Value, json};

use super::Reader;
use crate::import::mapping::Field;
use crate::import::rule::Rule;
use crate::import::{names, runtime, text, value};

/// What the MPA has given since there are ratings.
const OF_MPA: &[&str] = &[
    "G", "PG", "PG-13", "R", "NC-17", "X", "M", "GP", "M/PG", "SMA", "Approved", "Passed",
];

impl Reader<'_> {
    pub(super) fn details(&mut self) {
        self.original_title();
        self.titles();
        self.synopsis();
        self.runtime();
        self.ratings();
        self.genres();
        self.languages();
        self.countries();
        self.credits();
    }

    fn original_title(&mut self) {
        let column = self.column(&Field::OriginalTitle);
        if let Some(title) = self
            .value(&Field::OriginalTitle)
            .and_then(|raw| self.title_of(column, &raw))
        {
            self.body.insert("original_title".into(), json!(title));
        }
    }

    fn title_of(&mut self, column: &str, raw: &str) -> Option<String> {
        let line = self.line(column, raw)?;
        if Title::parse(&line).is_err() {
            self.changes.left_out(Rule::ValueUnusable, column, raw);
            return None;
        }
        Some(line)
    }

    fn titles(&mut self) {
        let mut titles = Vec::new();
        for (field, _) in self.mapping.fields() {
            let Field::LocalTitle(language) = field else { continue };
            let column = self.column(field);
            if let Some(title) = self.value(field).and_then(|raw| self.title_of(column, &raw)) {
                titles.push(json!({"language": language, "title": title}));
            }
        }
        self.put_list("titles", titles);
    }

    fn synopsis(&mut self) {
        let column = self.column(&Field::Synopsis);
        let Some(raw) = self.value(&Field::Synopsis) else {
            return;
        };
        let synopsis = text::paragraphs(&raw, self.evidence, column, &mut self.changes);
        if synopsis.contains(char::REPLACEMENT_CHARACTER) {
            self.changes.left_out(Rule::TextLost, column, &raw);
        } else if Synopsis::parse(&synopsis).is_err() {
            self.changes.left_out(Rule::ValueUnusable, column, &raw);
        } else if !synopsis.is_empty() {
            self.body.insert("synopsis".into(), json!(synopsis));
        }
    }

    fn runtime(&mut self) {
        let column = self.column(&Field::Runtime);
        let Some(raw) = self.value(&Field::Runtime) else { return };
        match runtime::minutes(&raw) {
            Some(0) => self.changes.left_out(Rule::RuntimeZero, column, &raw),
            Some(minutes) if RuntimeMinutes::parse(minutes).is_ok() => {
                let is_number = raw.trim().bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if !is_number {
                    self.changes
                        .repaired(Rule::RuntimeWords, column, &raw, &minutes.to_string());
                }
                self.body.insert("runtime_minutes".into(), json!(minutes));
            }
            _ => self.changes.left_out(Rule::RuntimeUnreadable, column, &raw),
        }
    }

    fn ratings(&mut self) {
        let mut ratings = Vec::new();
        for (field, _) in self.mapping.fields() {
            let Field::Rating(scheme) = field else { continue };
            let column = self.column(field);
            let Some(raw) = self.value(field) else { continue };
            let Some(line) = self.line(column, &raw) else { continue };
            let rating = if value::is_unrated(&line) {
                self.changes.repaired(Rule::Unrated, column, &raw, "unrated");
                Rating::unrated(scheme)
            } else {
                Rating::parse(scheme, &line)
            };
            let is_known =
                |rating: &Rating| scheme != "mpa" || rating.value() == "unrated" || OF_MPA.contains(&rating.value());
            match rating.ok().filter(is_known) {
                Some(rating) => ratings.push(json!({"scheme": rating.scheme(), "value": rating.value()})),
                None => self.changes.left_out(Rule::RatingUnknown, column, &raw),
            }
        }
        self.put_list("ratings", ratings);
    }

    fn genres(&mut self) {
        let columns = self.mapping.of(&Field::Genres);
        let mut slugs = BTreeSet::new();
        let mut genres = Vec::new();
        for (column, raw) in self.items(columns) {
            let Some(line) = self.line(&column, &raw) else { continue };
            match Genre::labelled(&line, None) {
                Err(_) => self.changes.left_out(Rule::ValueUnusable, &column, &raw),
                Ok(genre) if !slugs.insert(genre.to_string()) => {
                    self.changes.repaired(Rule::ItemTwice, &column, &raw, &line);
                }
                Ok(_) if genres.len() == Genres::MOST => self.changes.left_out(Rule::TooMany, &column, &raw),
                Ok(genre) => genres.push(json!({"slug": genre.as_str(), "label": genre.label()})),
            }
        }
        self.put_list("genres", genres);
    }

    fn languages(&mut self) {
        let columns = self.mapping.of(&Field::Languages);
        let named = |text: &str| names::language(text).map(|language| language.to_string());
        self.named(columns, "languages", Languages::MOST, Rule::LanguageUnknown, named);
    }

    fn countries(&mut self) {
        let columns = self.mapping.of(&Field::Countries);
        let named = |text: &str| names::country(text).map(|country| country.to_string());
        self.named(columns, "countries", Countries::MOST, Rule::CountryUnknown, named);
    }

    fn named(
        &mut self,
        columns: &[String],
        name: &str,
        most: usize,
        unknown: Rule,
        named: impl Fn(&str) -> Option<String>,
    ) {
        let mut codes: Vec<Value> = Vec::new();
        for (column, raw) in self.items_but(columns, &|text| named(text).is_some()) {
            let Some(line) = self.line(&column, &raw) else { continue };
            match named(&line).map(Value::from) {
                None => self.changes.left_out(unknown, &column, &raw),
                // Two names of one: nothing is lost and nothing to tell.
                Some(code) if codes.contains(&code) => {}
                Some(_) if codes.len() == most => self.changes.left_out(Rule::TooMany, &column, &raw),
                Some(code) => codes.push(code),
            }
        }
        self.put_list(name, codes);
    }

    fn credits(&mut self) {
        let mut seen = BTreeSet::new();
        let mut credits = Vec::new();
        for (field, columns) in self.mapping.fields() {
            let Field::Credit(role) = field else { continue };
            let items = self.items(columns);
            for (column, raw) in self.whole_names(items) {
                let Some(name) = self.line(&column, &raw) else { continue };
                if Credit::parse(&name, role, None).is_err() {
                    self.changes.left_out(Rule::ValueUnusable, &column, &raw);
                } else if !seen.insert((name.clone(), role.clone())) {
                    self.changes.repaired(Rule::ItemTwice, &column, &raw, &name);
                } else if credits.len() == Credits::MOST {
                    self.changes.left_out(Rule::TooMany, &column, &raw);
                } else {
                    credits.push(json!({"name": name, "role": role}));
                }
            }
        }
        self.put_list("credits", credits);
    }

    /// `Ed Begley, Jr.` was taken apart where it should not have been.
    fn whole_names(&mut self, items: Vec<(String, String)>) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = Vec::new();
        for (column, item) in items {
            match names.last_mut() {
                Some((_, name)) if value::is_name_suffix(&item) && !self.evidence.is_without(Rule::NameSuffix) => {
                    let whole = format!("{name}, {item}");
                    self.changes.repaired(Rule::NameSuffix, &column, &item, &whole);
                    *name = whole;
                }
                _ => names.push((column, item)),
            }
        }
        names
    }
}
