//! `movie.announced`: version 1 had one `genre` in free words, version 2 has `genres` as slugs.

use serde_json::{Value, json};

use crate::value::GENRE_LENGTH_MAX;

/// The genre of a movie whose words leave no slug.
const OTHER: &str = "other";

/// Turns `"genre": "Science Fiction"` into `"genres": ["science-fiction"]`.
pub(super) fn from_1_to_2(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut()
        && let Some(genre) = fields.get("genre").and_then(Value::as_str).map(slug)
    {
        fields.remove("genre");
        fields.insert("genres".to_owned(), json!([genre]));
    }
    payload
}

/// Makes words of `[a-z0-9]` joined by single hyphens; every other character separates.
fn slug(words: &str) -> String {
    let mut slug = String::with_capacity(words.len());
    for word in words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    // Only ASCII is left, so any byte is a place to cut at.
    slug.truncate(GENRE_LENGTH_MAX);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        OTHER.to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{from_1_to_2, slug};
    use crate::Genre;

    #[test]
    fn the_one_genre_becomes_the_list_and_nothing_else_changes() {
        let version_1 = json!({"type": "movie.announced", "title": "Solaris", "genre": "Drama"});
        let version_2 = json!({"type": "movie.announced", "title": "Solaris", "genres": ["drama"]});
        assert_eq!(from_1_to_2(version_1), version_2);
    }

    #[test]
    fn a_payload_without_a_readable_genre_stays_as_it_is() {
        for payload in [
            json!({"title": "Solaris"}),
            json!({"genre": 1}),
            json!(["Drama"]),
            json!(null),
        ] {
            assert_eq!(from_1_to_2(payload.clone()), payload);
        }
    }

    #[test]
    fn free_words_become_a_genre_that_would_be_accepted_today() {
        let long = "very ".repeat(20);
        for (words, expected) in [
            ("Drama", "drama"),
            ("Science Fiction", "science-fiction"),
            ("  Action & Adventure! ", "action-adventure"),
            ("Sci-Fi", "sci-fi"),
            ("Anime 2", "anime-2"),
            ("", "other"),
            ("ドラマ", "other"),
            (long.as_str(), "very-very-very-very-very-very-very-very"),
        ] {
            assert_eq!(slug(words), expected);
            Genre::parse(expected).expect("a genre by today's rule");
        }
    }
}
