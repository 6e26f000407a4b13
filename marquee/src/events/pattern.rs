//! Which event types are asked for: a topic pattern, as in the bindings of a queue.

use std::str::FromStr;

use event_bus::topic_matches;

/// Words separated by dots; `*` stands for one word, `#` for any number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn matches(&self, event_type: &str) -> bool {
        topic_matches(&self.0, event_type)
    }
}

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of_a_type = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_';
        let is_word = |word: &str| matches!(word, "*" | "#") || !word.is_empty() && word.chars().all(of_a_type);
        if text.split('.').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "must be words of a-z, 0-9 and _ separated by dots, such as user.profile.updated; * stands for one word, # for any number",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_is_words_and_what_stands_for_words() {
        for (text, matching, other) in [
            ("user.*", "user.created", "user.profile.updated"),
            ("movie.#", "movie.details.updated", "user.created"),
            ("#.updated", "movie.details.updated", "user.created"),
        ] {
            let pattern: Pattern = text.parse().expect("a pattern");
            assert!(pattern.matches(matching) && !pattern.matches(other), "{text}");
        }
        for text in ["", "user*", "user.", "User.created", "user/1"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
