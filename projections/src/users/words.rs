//! How names are cut into words for searching: the same way for the name and for what is searched for.

/// Longest word kept, in characters; a longer one is found by its beginning.
const WORD_LENGTH_MAX: usize = 64;
/// Words kept of one text.
const WORDS_MAX: usize = 64;

/// Cuts a text into its words: runs of letters and digits of any script, in lower case, in order, none twice.
///
/// Done here and not by the database, whose idea of a letter depends on its locale and whose parser takes `St.Clair`
/// for the name of a host.
pub(super) fn name_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let lower = text.to_lowercase();
    for word in lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let word: String = word.chars().take(WORD_LENGTH_MAX).collect();
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words
}

/// Writes the `tsquery` that finds names with, for every word of `text`, a word that begins with it; `None` when
/// `text` has no word.
///
/// Words hold only letters and digits, so nothing of the query language can come in with them.
pub(super) fn name_query(text: &str) -> Option<String> {
    let words: Vec<String> = name_words(text).iter().map(|word| format!("'{word}':*")).collect();
    (!words.is_empty()).then(|| words.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_everything_that_is_no_letter_or_digit() {
        assert_eq!(
            name_words("Jean-Luc  O'Brien St.Clair"),
            ["jean", "luc", "o", "brien", "st", "clair"]
        );
        assert_eq!(name_words("Åsa 王 李 Åsa"), ["åsa", "王", "李"]);
    }

    #[test]
    fn a_text_without_words_makes_no_query() {
        assert_eq!(name_query(" -- '&|!() "), None);
    }

    #[test]
    fn operators_of_the_query_language_are_only_separators() {
        assert_eq!(name_query("a' | !b:*\\").as_deref(), Some("'a':* & 'b':*"));
    }

    #[test]
    fn long_words_and_long_texts_are_bounded() {
        assert_eq!(name_words(&"x".repeat(5000)), ["x".repeat(WORD_LENGTH_MAX)]);
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(name_words(&many.join(" ")).len(), WORDS_MAX);
    }
}
