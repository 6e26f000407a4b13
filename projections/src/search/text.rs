//! What a row is found by: its titles, its people, its text.

use super::fold::{Umlauts, fold, fold_with};
use super::lexeme::{self, Place};
use super::vector::Vector;
use super::words::{Compound, Token, tokens};

/// Words left free between two texts, so that no phrase reaches from one into the other.
const GAP: usize = 8;
/// Words taken from one text.
const TOKENS_MAX: usize = 4_000;
/// Words that a title is also looked up without, where it begins with one.
const ARTICLES: [&str; 36] = [
    "the", "a", "an", "der", "die", "das", "ein", "eine", "le", "la", "les", "un", "une", "el", "los", "las", "una",
    "il", "lo", "gli", "i", "uno", "o", "os", "as", "um", "uma", "de", "het", "een", "en", "ett", "den", "det", "et",
    "az",
];
/// What stands for an article before an apostrophe.
const ELIDED: [&str; 2] = ["l", "un"];

/// Collects what a row is found by. The first title is the one its key is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchText {
    key: Option<String>,
    names: Vector,
    words: Vector,
    end: usize,
}

/// What a row is found by, as it stands in the columns `search_key`, `search_names` and `search_words`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Searched {
    /// The first title as it is compared from its beginning, and the order of what is found; never longer than a kilobyte.
    pub(crate) key: String,
    /// Titles as a whole, and the words of titles and people.
    pub(crate) names: Vector,
    /// All words, and their stems.
    pub(crate) words: Vector,
}

impl SearchText {
    /// Adds a title, or the name of what the row is about.
    pub(crate) fn title(mut self, title: &str) -> Self {
        let folded = fold(title);
        let plain = tokens(&folded);
        let spelled = tokens(&fold_with(title, Umlauts::Spelled));
        self.key.get_or_insert_with(|| match plain.as_slice() {
            [] => lexeme::signs(&folded),
            plain => lexeme::key(plain),
        });
        if plain.is_empty() {
            let signs = lexeme::signs(&folded);
            if !signs.is_empty() {
                self.names.add(lexeme::whole(&signs));
                self.names.add(lexeme::beginning(&signs));
            }
        }
        for form in [&plain, &spelled] {
            self.add_titles(form);
            if let Some(rest) = without_article(form) {
                self.add_titles(&rest);
            }
        }
        self.add_tokens(&plain, &spelled, &[Place::Title, Place::Name, Place::Text]);
        self
    }

    /// Adds the name of a person who took part.
    pub(crate) fn person(mut self, name: &str) -> Self {
        let plain = tokens(&fold(name));
        let spelled = tokens(&fold_with(name, Umlauts::Spelled));
        self.add_tokens(&plain, &spelled, &[Place::Name, Place::Text]);
        self
    }

    /// Adds a text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        let plain = tokens(&fold(text));
        let spelled = tokens(&fold_with(text, Umlauts::Spelled));
        self.add_tokens(&plain, &spelled, &[Place::Text]);
        self
    }

    /// Gives what was collected.
    pub(crate) fn finish(self) -> Searched {
        Searched {
            key: self.key.unwrap_or_default(),
            names: self.names,
            words: self.words,
        }
    }

    /// Adds a title as a whole and from its beginning.
    fn add_titles(&mut self, tokens: &[Token]) {
        for key in [lexeme::key(tokens), lexeme::joined_key(tokens)] {
            if !key.is_empty() {
                self.names.add(lexeme::whole(&key));
                self.names.add(lexeme::beginning(&key));
            }
        }
    }

    /// Adds words, each at the next place; `spelled` are the same words with spelled umlauts.
    fn add_tokens(&mut self, plain: &[Token], spelled: &[Token], places: &[Place]) {
        let same_cut = plain.len() == spelled.len();
        let mut at = self.end + GAP;
        for (nth, token) in plain.iter().enumerate().take(TOKENS_MAX) {
            match token {
                Token::And => self.add_word("and", at, places),
                Token::Dense(run) => self.add_dense(run, next_dense(plain, nth), at, places),
                Token::Spaced(compound) => {
                    self.add_compound(compound, at, places);
                    let other = spelled.get(nth).filter(|other| same_cut && *other != token);
                    if let Some(Token::Spaced(other)) = other {
                        self.add_compound(other, at, places);
                    }
                }
            }
            at += length(token);
        }
        self.end = at;
    }

    fn add_compound(&mut self, compound: &Compound, at: usize, places: &[Place]) {
        if let Some(joined) = &compound.joined {
            self.add_word(joined, at, places);
        }
        for (nth, unit) in compound.units.iter().enumerate() {
            let at = if compound.is_acronym { at } else { at + nth };
            self.add_word(&unit.word, at, places);
            for part in &unit.parts {
                self.add_word(part, at, places);
            }
        }
    }

    /// Adds every two neighbours, and the last character alone: any part of the run is a phrase of these.
    fn add_dense(&mut self, run: &[char], next: Option<char>, at: usize, places: &[Place]) {
        for (nth, pair) in run.windows(2).enumerate() {
            self.add_at(&lexeme::dense(pair), at + nth, places);
        }
        if let Some(last) = run.last() {
            let at = at + run.len() - 1;
            self.add_at(&lexeme::dense(&[*last]), at, places);
            if let Some(next) = next {
                self.add_at(&lexeme::dense(&[*last, next]), at, places);
            }
        }
    }

    /// Adds a word with its stem, but of people no stems.
    fn add_word(&mut self, word: &str, at: usize, places: &[Place]) {
        self.add_at(word, at, places);
        let Some(stem) = lexeme::stem(word) else {
            return;
        };
        match places {
            [Place::Title, ..] => {
                self.names.add(Place::Title.stem_lexeme(&stem));
                self.words.add(Place::Text.stem_lexeme(&stem));
            }
            [Place::Text] => self.words.add(Place::Text.stem_lexeme(&stem)),
            _ => {}
        }
    }

    fn add_at(&mut self, word: &str, at: usize, places: &[Place]) {
        for place in places {
            let vector = match place {
                Place::Title | Place::Name => &mut self.names,
                Place::Text => &mut self.words,
            };
            vector.add_at(place.lexeme(word), at);
        }
    }
}

/// How many places a token takes.
pub(crate) fn length(token: &Token) -> usize {
    match token {
        Token::Spaced(compound) if compound.is_acronym => 1,
        Token::Spaced(compound) => compound.units.len(),
        Token::Dense(run) => run.len(),
        Token::And => 1,
    }
}

/// The character that the run after this one begins with: people set spaces and dots between such runs as they like.
pub(crate) fn next_dense(tokens: &[Token], nth: usize) -> Option<char> {
    match tokens.get(nth + 1) {
        Some(Token::Dense(next)) => next.first().copied(),
        _ => None,
    }
}

/// Gives a title without the article it begins with.
fn without_article(tokens: &[Token]) -> Option<Vec<Token>> {
    let Some(Token::Spaced(first)) = tokens.first() else {
        return None;
    };
    let [unit, others @ ..] = first.units.as_slice() else {
        return None;
    };
    match unit.parts.as_slice() {
        [] if others.is_empty() && tokens.len() > 1 && ARTICLES.contains(&unit.word.as_str()) => {
            Some(tokens[1..].to_vec())
        }
        [article, word] if others.is_empty() && ELIDED.contains(&article.as_str()) => {
            let mut rest = tokens.to_vec();
            rest[0] = Token::Spaced(Compound {
                units: vec![super::words::Unit {
                    word: word.clone(),
                    parts: vec![],
                }],
                joined: None,
                is_acronym: false,
            });
            Some(rest)
        }
        _ => None,
    }
}
