//! Which characters show something, by the properties that Unicode gives them.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed};

const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::<GeneralCategory>::new();
const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// Symbols by their category whose picture is empty: a Braille cell without dots, what stands for an object that is not there, a
/// note without a head.
const EMPTY: [char; 3] = ['\u{2800}', '\u{FFFC}', '\u{1D159}'];

/// Tells whether any character of a text can be seen by itself.
#[must_use]
pub fn shows_something(text: &str) -> bool {
    text.chars().any(is_seen)
}

/// A letter, a number, a punctuation mark, a symbol or a spacing mark, but for fillers and what is blank; no mark that needs a
/// letter to sit on.
fn is_seen(c: char) -> bool {
    use GeneralCategory as Category;
    match CATEGORIES.get(c) {
        Category::Unassigned
        | Category::PrivateUse
        | Category::Surrogate
        | Category::Control
        | Category::Format
        | Category::SpaceSeparator
        | Category::LineSeparator
        | Category::ParagraphSeparator
        | Category::NonspacingMark
        | Category::EnclosingMark => false,
        _ => !IGNORABLE.contains(c) && !EMPTY.contains(&c),
    }
}

/// Tells characters that take part in a text without being seen: joiners, fillers, hyphens that are not there, blanks. Marks
/// are seen, on their letters.
pub(super) fn is_hidden(c: char) -> bool {
    let is_mark = matches!(
        CATEGORIES.get(c),
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
    );
    IGNORABLE.contains(c) || !(is_mark || is_seen(c))
}

#[cfg(test)]
mod tests {
    use super::{is_hidden, shows_something};

    #[test]
    fn letters_numbers_marks_and_symbols_show_something() {
        for text in [
            "a",
            "ß",
            "映",
            "ก",
            "م",
            "ｱ",
            "7",
            "½",
            "-",
            "…",
            "¿",
            "€",
            "+",
            "❤\u{FE0F}",
            "🎬",
            "e\u{301}",
            "\u{AD}a",
            "ः",
        ] {
            assert!(shows_something(text), "{text:?}");
        }
    }

    #[test]
    fn fillers_joiners_blanks_and_lone_marks_show_nothing() {
        let hidden = [
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{115F}",
            "\u{1160}",
            "\u{17B4}",
            "\u{180B}",
            "\u{180E}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{200E}",
            "\u{200F}",
            "\u{202A}",
            "\u{2060}",
            "\u{2061}",
            "\u{2064}",
            "\u{2066}",
            "\u{206F}",
            "\u{2800}",
            "\u{3164}",
            "\u{FE0F}",
            "\u{FEFF}",
            "\u{FFA0}",
            "\u{FFF9}",
            "\u{FFFC}",
            "\u{1BCA0}",
            "\u{1D159}",
            "\u{1D173}",
            "\u{E0001}",
            "\u{E0041}",
            "\u{E0100}",
            "\u{E000}",
            "\u{378}",
            "\u{10FFFF}",
            " ",
            "\u{A0}",
            "\u{1680}",
            "\u{2003}",
            "\u{202F}",
            "\u{205F}",
            "\u{3000}",
            "\0",
            "\n",
        ];
        for text in hidden {
            assert!(!shows_something(text), "{text:?}");
            assert!(text.chars().all(is_hidden), "{text:?}");
        }
        for text in ["\u{301}", "\u{20DD}", "\u{16FE4}"] {
            assert!(!shows_something(text) && !text.chars().any(is_hidden), "{text:?}");
        }
        assert!(!shows_something(&hidden.concat()));
    }
}
