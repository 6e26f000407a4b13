//! Questions to the index: what finds words and phrases, in the syntax of `tsquery`.

use super::{Column, Item, Question};
use crate::search::lexeme::{self, Place};
use crate::search::text::{length, next_dense};
use crate::search::vector::quoted;
use crate::search::words::{Compound, Token};

/// Shortest beginning of a word that completes to words of a text. Shorter ones complete to names only: too many words begin
/// with them.
const BEGINNING_LENGTH_MIN: usize = 3;

/// Numbers as people write them in titles. Letters that are words themselves stand for no number.
const NUMBERS: [(&str, &str, &str); 14] = [
    ("1", "", "one"),
    ("2", "ii", "two"),
    ("3", "iii", "three"),
    ("4", "iv", "four"),
    ("5", "v", "five"),
    ("6", "vi", "six"),
    ("7", "vii", "seven"),
    ("8", "viii", "eight"),
    ("9", "ix", "nine"),
    ("10", "x", "ten"),
    ("11", "xi", "eleven"),
    ("12", "xii", "twelve"),
    ("13", "xiii", "thirteen"),
    ("20", "xx", "twenty"),
];

/// How words are looked for.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) place: Place,
    /// Also what begins so, numbers written otherwise, and words of the same stem.
    pub(super) is_loose: bool,
    /// Whether rows have stems: names of people have none.
    pub(super) has_stems: bool,
}

impl Manner {
    pub(super) fn column(self) -> Column {
        match self.place {
            Place::Title | Place::Name => Column::Names,
            Place::Text => Column::Words,
        }
    }

    pub(super) fn question(self, groups: &[Vec<Item>]) -> Question {
        let all = |group: &Vec<Item>| {
            let items: Vec<String> = group.iter().map(|item| self.item(item)).collect();
            items.join(" & ")
        };
        let groups: Vec<String> = groups.iter().map(all).collect();
        Question {
            column: self.column(),
            text: match groups.as_slice() {
                [only] => only.clone(),
                several => format!("({})", several.join(") | (")),
            },
        }
    }

    pub(super) fn item(self, item: &Item) -> String {
        if item.is_phrase {
            return self.phrase(&item.tokens, item.is_open);
        }
        let last = item.tokens.len() - 1;
        let token = |(nth, token)| self.token(token, item.is_open && nth == last);
        let tokens: Vec<String> = item.tokens.iter().enumerate().map(token).collect();
        tokens.join(" & ")
    }

    fn token(self, token: &Token, is_open: bool) -> String {
        match token {
            Token::And => quoted(&self.place.lexeme("and")),
            Token::Dense(run) => chained(&self.dense(run, None, is_open)),
            Token::Spaced(compound) => self.compound(compound, is_open),
        }
    }

    /// Several words that stand together are found as one word too.
    fn compound(self, compound: &Compound, is_open: bool) -> String {
        let Some(joined) = &compound.joined else {
            return match compound.units.as_slice() {
                [unit] => self.word(&unit.word, is_open),
                units => chained(&self.units(units.iter().map(|unit| unit.word.as_str()), is_open)),
            };
        };
        let units = self.units(compound.units.iter().map(|unit| unit.word.as_str()), is_open);
        format!("({} | {})", self.word(joined, is_open), chained(&units))
    }

    fn units<'a>(self, words: impl ExactSizeIterator<Item = &'a str>, is_open: bool) -> Vec<(usize, String)> {
        let last = words.len() - 1;
        let unit = |(nth, word)| (nth, self.exactly(word, is_open && nth == last));
        words.enumerate().map(unit).collect()
    }

    fn word(self, word: &str, is_open: bool) -> String {
        let mut alike = vec![self.exactly(word, is_open)];
        if self.is_loose {
            alike.extend(same_number(word).map(|number| quoted(&self.place.lexeme(number))));
            if self.has_stems {
                let stem = lexeme::stem(word).unwrap_or_else(|| word.to_owned());
                alike.push(quoted(&self.place.stem_lexeme(&stem)));
                if stem != word {
                    alike.push(quoted(&self.place.lexeme(&stem)));
                }
            }
        }
        match alike.as_slice() {
            [only] => only.clone(),
            several => format!("({})", several.join(" | ")),
        }
    }

    /// The word itself, or what begins with it: a phrase has nothing that is alike.
    fn exactly(self, word: &str, is_open: bool) -> String {
        let is_long = self.place != Place::Text || word.chars().count() >= BEGINNING_LENGTH_MIN;
        let completes = if self.is_loose && is_open && is_long { ":*" } else { "" };
        format!("{}{completes}", quoted(&self.place.lexeme(word)))
    }

    /// Every two neighbours of a run, each at its place. One character alone is what begins with it.
    fn dense(self, run: &[char], next: Option<char>, is_open: bool) -> Vec<(usize, String)> {
        let mut pairs: Vec<(usize, String)> = run
            .windows(2)
            .enumerate()
            .map(|(nth, pair)| (nth, quoted(&self.place.lexeme(&lexeme::dense(pair)))))
            .collect();
        let last = run.len() - 1;
        if let Some(next) = next {
            pairs.push((last, quoted(&self.place.lexeme(&lexeme::dense(&[run[last], next])))));
        } else if let [only] = run {
            pairs.push((0, format!("{}:*", quoted(&self.place.lexeme(&lexeme::dense(&[*only]))))));
        } else if let Some((_, pair)) = pairs.last_mut().filter(|_| is_open) {
            pair.push_str(":*");
        }
        pairs
    }

    /// Words that stand one behind the other.
    fn phrase(self, tokens: &[Token], is_open: bool) -> String {
        let mut operands = Vec::new();
        let mut at = 0;
        for (nth, token) in tokens.iter().enumerate() {
            let is_open = is_open && nth + 1 == tokens.len();
            let found = match token {
                Token::And => vec![(0, self.token(token, false))],
                Token::Dense(run) => self.dense(run, next_dense(tokens, nth), is_open),
                Token::Spaced(compound) => self.units(compound.words().into_iter(), is_open),
            };
            operands.extend(found.into_iter().map(|(place, operand)| (at + place, operand)));
            at += length(token);
        }
        chained(&operands)
    }
}

/// Joins operands by the distance from each to the next.
fn chained(operands: &[(usize, String)]) -> String {
    let mut text = String::new();
    let mut before = 0;
    for (nth, (place, operand)) in operands.iter().enumerate() {
        if nth > 0 {
            text.push_str(&format!(" <{}> ", place - before));
        }
        text.push_str(operand);
        before = *place;
    }
    if operands.len() > 1 { format!("({text})") } else { text }
}

/// The other ways to write a number.
fn same_number(word: &str) -> impl Iterator<Item = &'static str> {
    let is_it = |(digits, roman, name): &(&'static str, &'static str, &'static str)| {
        word == *digits || word == *name || (word == *roman && roman.len() > 1)
    };
    let number = NUMBERS.into_iter().find(is_it);
    let written = number
        .into_iter()
        .flat_map(|(digits, roman, name)| [digits, roman, name]);
    let word = word.to_owned();
    written.filter(move |written| !written.is_empty() && *written != word)
}
