//! Cutting: a folded text into its words, as people write and as they type them.
//!
//! What stands between spaces is cut at everything that is no letter, digit or mark, and is also one word without that:
//! `Face/Off` is `face`, `off` and `faceoff`. An apostrophe cuts no word in two (`ocean's` is `oceans`, beside `ocean`), and
//! letters with dots are one word (`S.W.A.T.` is `swat`, beside its letters). Scripts that have no spaces are kept whole here.

use icu_properties::props::Script;

use super::fold::{is_mark, script};

/// Longest word, in characters; what is longer is found by its beginning.
const WORD_LENGTH_MAX: usize = 64;
/// Units that are also written as one.
const UNITS_JOINED_MAX: usize = 8;

/// A word, or some that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// What stood between spaces.
    Spaced(Compound),
    /// A run of a script that is written without spaces between words, or with some that people set as they like.
    Dense(Vec<char>),
    /// The sign for "and", standing alone.
    And,
}

/// Words that stand together without a space: one, mostly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compound {
    /// In their order; never none.
    pub(crate) units: Vec<Unit>,
    /// All of them as one word, where there are several.
    pub(crate) joined: Option<String>,
    /// Whether they are single letters, so that the joined word is what is meant.
    pub(crate) is_acronym: bool,
}

/// A word, without its apostrophes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) word: String,
    /// What stands between its apostrophes; nothing where it has none.
    pub(crate) parts: Vec<String>,
}

impl Compound {
    /// The words as they are mostly written: an acronym as one, others apart.
    pub(crate) fn words(&self) -> Vec<&str> {
        match &self.joined {
            Some(joined) if self.is_acronym => vec![joined],
            _ => self.units.iter().map(|unit| unit.word.as_str()).collect(),
        }
    }

    /// The words as one.
    pub(crate) fn as_one(&self) -> &str {
        self.joined.as_deref().unwrap_or(&self.units[0].word)
    }
}

/// Cuts a folded text into its words.
pub(crate) fn tokens(folded: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for chunk in folded.split_whitespace() {
        if chunk == "&" {
            tokens.push(Token::And);
            continue;
        }
        let mut stretch = Vec::new();
        for piece in pieces(chunk) {
            match piece {
                Piece::Dense(run) => {
                    tokens.extend(compound(std::mem::take(&mut stretch)));
                    tokens.push(Token::Dense(run));
                }
                spaced => stretch.push(spaced),
            }
        }
        tokens.extend(compound(stretch));
    }
    tokens
}

enum Piece {
    Spaced(String),
    Dense(Vec<char>),
    Apostrophe,
    Cut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spaced,
    Dense,
    Apostrophe,
    Cut,
}

/// Tells whether words of a script are searched by any part: it has no spaces between words, or compounds without end.
fn is_dense(c: char) -> bool {
    matches!(
        script(c),
        Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Bopomofo
            | Script::Hangul
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar
    )
}

fn kind(c: char) -> Kind {
    match c {
        '\'' => Kind::Apostrophe,
        // The long vowel and the voicing of kana belong to no script.
        'ー' | '\u{3099}' | '\u{309A}' => Kind::Dense,
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Kind::Cut,
        _ if c.is_alphanumeric() || is_mark(c) => {
            if !c.is_ascii() && is_dense(c) {
                Kind::Dense
            } else {
                Kind::Spaced
            }
        }
        _ => Kind::Cut,
    }
}

fn pieces(chunk: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let chars: Vec<char> = chunk.chars().collect();
    for run in chars.chunk_by(|one, other| kind(*one) == kind(*other)) {
        pieces.push(match kind(run[0]) {
            Kind::Spaced => Piece::Spaced(run.iter().take(WORD_LENGTH_MAX).collect()),
            Kind::Dense => Piece::Dense(run.to_vec()),
            Kind::Apostrophe => Piece::Apostrophe,
            Kind::Cut => Piece::Cut,
        });
    }
    pieces
}

/// Puts together what stood between spaces: words and what cuts them.
fn compound(stretch: Vec<Piece>) -> Option<Token> {
    let mut units: Vec<Unit> = Vec::new();
    let mut after_apostrophe = false;
    for piece in stretch {
        match piece {
            Piece::Apostrophe => after_apostrophe = true,
            Piece::Cut | Piece::Dense(_) => after_apostrophe = false,
            Piece::Spaced(word) => {
                match units.last_mut().filter(|_| after_apostrophe) {
                    Some(unit) => unit.extend(word),
                    None => units.push(Unit { word, parts: vec![] }),
                }
                after_apostrophe = false;
            }
        }
    }
    if units.is_empty() {
        return None;
    }
    let is_letter = |unit: &Unit| unit.word.chars().count() == 1 && unit.word.chars().all(char::is_alphabetic);
    let is_acronym = units.len() > 1 && units.len() <= UNITS_JOINED_MAX && units.iter().all(is_letter);
    let joined = (units.len() > 1 && units.len() <= UNITS_JOINED_MAX)
        .then(|| bounded(units.iter().map(|unit| unit.word.as_str()).collect()));
    Some(Token::Spaced(Compound {
        units,
        joined,
        is_acronym,
    }))
}

impl Unit {
    fn extend(&mut self, part: String) {
        if self.parts.is_empty() {
            self.parts.push(self.word.clone());
        }
        self.word = bounded(format!("{}{part}", self.word));
        self.parts.push(part);
    }
}

fn bounded(word: String) -> String {
    match word.char_indices().nth(WORD_LENGTH_MAX) {
        Some((end, _)) => word[..end].to_owned(),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fold::fold;
    use super::*;

    /// Words apart by spaces, the joined word behind `=`, the parts of an apostrophe in brackets, dense runs in angles.
    fn shown(text: &str) -> String {
        let shown = |token: Token| match token {
            Token::And => "&".to_owned(),
            Token::Dense(run) => format!("<{}>", run.into_iter().collect::<String>()),
            Token::Spaced(compound) => {
                let units: Vec<String> = compound
                    .units
                    .iter()
                    .map(|unit| match unit.parts.as_slice() {
                        [] => unit.word.clone(),
                        parts => format!("{}({})", unit.word, parts.join(" ")),
                    })
                    .collect();
                let joined = compound.joined.map(|joined| format!("={joined}")).unwrap_or_default();
                let acronym = if compound.is_acronym { "!" } else { "" };
                format!("{}{joined}{acronym}", units.join("+"))
            }
        };
        tokens(&fold(text)).into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_text_is_cut_as_people_cut_it() {
        let table = [
            ("Face/Off", "face+off=faceoff"),
            ("Catch-22", "catch+22=catch22"),
            ("Startup.com", "startup+com=startupcom"),
            ("Ocean's Eleven", "oceans(ocean s) eleven"),
            ("L’Avventura", "lavventura(l avventura)"),
            ("WALL·E", "wall+e=walle"),
            ("S.W.A.T.", "s+w+a+t=swat!"),
            ("M*A*S*H", "m+a+s+h=mash!"),
            ("Rock 'n' Roll", "rock n roll"),
            ("Fast & Furious", "fast & furious"),
            ("10,000 BC", "10+000=10000 bc"),
            ("3:10 to Yuma", "3+10=310 to yuma"),
            ("8½", "8+1+2=812"),
            ("(500) Days", "500 days"),
            ("劇場版NARUTO", "<劇場版> naruto"),
            ("スター・ウォーズ", "<すたー> <うぉーず>"),
            ("हिन्दी मीडियम", "हिन्दी मीडियम"),
            ("ผีเสื้อ", "<ผีเสื้อ>"),
            (" -- !? ", ""),
            ("Jean-Luc  St.Clair", "jean+luc=jeanluc st+clair=stclair"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn long_words_are_bounded() {
        assert_eq!(shown(&"x".repeat(5000)), "x".repeat(WORD_LENGTH_MAX));
        let long = "y".repeat(60);
        let joined = format!("{long}+{long}={}{}", long, "y".repeat(4));
        assert_eq!(shown(&format!("{long}-{long}")), joined);
        assert!(!shown(&"a-".repeat(500)).contains('='), "a whole line is no word");
    }
}
