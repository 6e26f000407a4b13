//! Reading what somebody types: words, `"a phrase"`, `-without`, `this or that`. Any text is a query.
//!
//! All words must be there. The last one may be typed in part, unless a quote closes it. What is without a meaning here, such as
//! a lone `-` or a quote that is never closed, does no harm.

mod manner;
#[cfg(test)]
mod tests;

use super::fold::fold;
use super::lexeme::{self, Place};
use super::vector::quoted;
use super::words::{Token, tokens};
use manner::Manner;

/// Which words may be typed in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completed {
    /// The last one.
    Last,
    /// Each.
    Every,
}

/// The columns that are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// `search_names`
    Names,
    /// `search_words`
    Words,
}

impl Column {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Names => "search_names",
            Self::Words => "search_words",
        }
    }
}

/// A question to one of the columns, in the syntax of `tsquery`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) column: Column,
    pub(crate) text: String,
}

/// Between the words of a phrase stands ` <1> `, their distance; no word has such a character.
const DISTANCE: (&str, &str) = (" <", "> ");

impl Question {
    /// Whether words must stand at a distance from each other.
    pub(crate) fn has_phrase(&self) -> bool {
        self.text.contains(DISTANCE.0)
    }

    /// The question for the same words wherever they stand, which the index answers without a look at the rows.
    pub(crate) fn anywhere(&self) -> String {
        let words = self
            .text
            .split(DISTANCE.0)
            .map(|part| part.split_once(DISTANCE.1).map_or(part, |(_, words)| words));
        words.collect::<Vec<_>>().join(" & ")
    }
}

/// What a search looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery {
    /// All that is looked for, as a title is compared from its beginning; empty where nothing is.
    pub(crate) key: String,
    /// Whether the last word may be typed in part.
    pub(crate) is_open: bool,
    /// What finds the words, the best places first.
    pub(crate) words: Vec<Question>,
    /// What must not be there.
    pub(crate) excluded: Option<Question>,
}

impl SearchQuery {
    /// Reads a query of rows that have titles, people and a text.
    pub(crate) fn of_texts(text: &str) -> Self {
        let parsed = Parsed::of(text, Completed::Last);
        let places = [Place::Title, Place::Name, Place::Text];
        parsed.query(&places, Place::Text, true)
    }

    /// Reads a query of rows that have one name each and nothing else; each word may be typed in part.
    pub(crate) fn of_names(text: &str) -> Self {
        Parsed::of(text, Completed::Every).query(&[Place::Title], Place::Name, false)
    }

    /// The question for titles that are what is looked for, apart from spaces, articles and spelling.
    pub(crate) fn whole(&self) -> String {
        quoted(&lexeme::whole(&self.key))
    }

    /// The question for titles that begin with what is looked for.
    pub(crate) fn beginning(&self) -> String {
        let key = lexeme::beginning(&self.key);
        if self.is_open {
            format!("{}:*", quoted(&key))
        } else {
            format!("{} | {}:*", quoted(&key), quoted(&format!("{key} ")))
        }
    }
}

/// Words or a phrase, all of which are looked for together.
struct Item {
    tokens: Vec<Token>,
    is_phrase: bool,
    is_open: bool,
}

#[derive(Default)]
struct Parsed {
    /// One of these groups must be found whole.
    groups: Vec<Vec<Item>>,
    excluded: Vec<Item>,
    /// What is looked for, in the order it was typed.
    key: String,
    is_open: bool,
}

/// A stretch of the text.
struct Stretch {
    text: String,
    is_excluded: bool,
    is_quoted: bool,
    is_open: bool,
}

impl Parsed {
    fn of(text: &str, completed: Completed) -> Self {
        let stretches = stretches(text);
        let mut parsed = Self::default();
        let mut sought = Vec::new();
        let mut group = Vec::new();
        for (nth, stretch) in stretches.iter().enumerate() {
            let followed = stretches
                .get(nth + 1)
                .is_some_and(|next| !next.is_excluded && !next.is_or());
            if stretch.is_or() && followed && !group.is_empty() {
                parsed.groups.push(std::mem::take(&mut group));
                sought.extend(tokens("or"));
                continue;
            }
            let is_last = nth + 1 == stretches.len();
            let mut found = tokens(&fold(&stretch.text));
            if stretch.is_excluded {
                parsed.excluded.extend(item(found, stretch.is_quoted, false));
                continue;
            }
            sought.extend(found.iter().cloned());
            if !stretch.is_quoted {
                found.retain(|token| *token != Token::And);
            }
            let is_open = stretch.is_open && (is_last || completed == Completed::Every);
            parsed.is_open = is_open && is_last;
            group.extend(item(found, stretch.is_quoted, is_open));
        }
        parsed.groups.extend((!group.is_empty()).then_some(group));
        parsed.key = match sought.as_slice() {
            [] if parsed.excluded.is_empty() => lexeme::signs(&fold(&text.replace(is_quote, " "))),
            sought => lexeme::key(sought),
        };
        parsed
    }

    fn query(self, places: &[Place], excluded: Place, has_stems: bool) -> SearchQuery {
        let mut words = Vec::new();
        if !self.groups.is_empty() {
            for place in places {
                for is_loose in [false, true] {
                    let manner = Manner {
                        place: *place,
                        is_loose,
                        has_stems,
                    };
                    let question = manner.question(&self.groups);
                    if words.last() != Some(&question) {
                        words.push(question);
                    }
                }
            }
        }
        let manner = Manner {
            place: excluded,
            is_loose: false,
            has_stems,
        };
        let none_of: Vec<String> = self.excluded.iter().map(|item| manner.item(item)).collect();
        SearchQuery {
            key: self.key,
            is_open: self.is_open,
            words,
            excluded: (!none_of.is_empty()).then(|| Question {
                column: manner.column(),
                text: none_of.join(" | "),
            }),
        }
    }
}

fn item(tokens: Vec<Token>, is_phrase: bool, is_open: bool) -> Option<Item> {
    (!tokens.is_empty()).then_some(Item {
        tokens,
        is_phrase,
        is_open,
    })
}

impl Stretch {
    fn is_or(&self) -> bool {
        !self.is_quoted && !self.is_excluded && self.text.eq_ignore_ascii_case("or")
    }
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\u{201C}'..='\u{201F}' | '\u{AB}' | '\u{BB}' | '\u{2033}' | '\u{FF02}'
    )
}

/// Cuts a text at spaces and quotes.
fn stretches(text: &str) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut chars = rest.chars();
        let is_minus = matches!(chars.next(), Some('-' | '\u{2212}'));
        let is_excluded = is_minus && chars.next().is_some_and(|next| !next.is_whitespace() && next != '-');
        if is_excluded {
            rest = behind_first(rest);
        }
        let is_quoted = rest.starts_with(is_quote);
        if is_quoted {
            rest = behind_first(rest);
        }
        let end = if is_quoted {
            rest.find(is_quote)
        } else {
            rest.find(|c: char| c.is_whitespace() || is_quote(c))
        };
        let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
        stretches.push(Stretch {
            text: text.to_owned(),
            is_excluded,
            is_quoted,
            is_open: !is_quoted || end.is_none(),
        });
        rest = if is_quoted { behind_first(behind) } else { behind }.trim_start();
    }
    // What has no word is nothing to look for, and nothing to end on.
    stretches.retain(|stretch| !tokens(&fold(&stretch.text)).is_empty());
    stretches
}

fn behind_first(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}
