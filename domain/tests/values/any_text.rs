//! Any text at all: what is accepted keeps its rule, and what is refused is refused without a panic.

use domain::{AgeRating, Email, Genre, Genres, PremiereDate, Role, RuntimeMinutes, Synopsis, TimeZone};
use proptest::prelude::{any, prop_oneof, proptest};
use proptest::strategy::Strategy;

use crate::{IDS, LINES};

/// Any text, and text that comes near what is accepted.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~ü\u{0}-\u{20}]{0,210}",
        "[a-z0-9@.]{1,12}@[a-z0-9.@]{1,12}",
        "[A-Za-z0-9_-]{0,70}",
        "[a-z0-9-]{0,45}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "[0-9]{4}(-[0-9]{2})?",
    ]
}

proptest! {
    #[test]
    fn an_accepted_line_keeps_its_rule(text in text()) {
        for (_, parse, most) in LINES {
            if let Ok(value) = parse(&text) {
                assert!((1..=most).contains(&value.chars().count()));
                assert!(!value.chars().any(char::is_control));
                assert_eq!(value.trim(), value);
                assert_eq!(parse(&value).as_deref(), Ok(value.as_str()), "parsing again changes nothing");
            }
        }
    }

    #[test]
    fn an_accepted_synopsis_keeps_its_rule(text in text()) {
        if let Ok(value) = Synopsis::parse(&text) {
            assert!(value.as_str().chars().count() <= 5000);
            assert!(!value.as_str().chars().any(|c| c.is_control() && !"\r\n\t".contains(c)));
            assert_eq!(Synopsis::parse(value.as_str()), Ok(value));
        }
    }

    #[test]
    fn an_accepted_email_address_keeps_its_rule(text in text()) {
        if let Ok(value) = Email::parse(&text) {
            let parts: Vec<&str> = value.as_str().split('@').collect();
            assert_eq!(parts.len(), 2);
            assert!(!parts[0].is_empty() && parts[1].contains('.') && !parts[1].split('.').any(str::is_empty));
            assert!(value.as_str().chars().count() <= 254);
            assert!(!value.as_str().chars().any(|c| c.is_whitespace() || c.is_control()));
        }
    }

    #[test]
    fn an_accepted_id_keeps_its_rule_and_is_what_was_given(text in text()) {
        for parse in IDS {
            if let Ok(id) = parse(&text) {
                assert_eq!(id, text);
                assert!((1..=64).contains(&id.len()));
                assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)));
            }
        }
    }

    #[test]
    fn accepted_genres_keep_their_rule(texts in proptest::collection::vec(text(), 0..12)) {
        if let Ok(genres) = Genres::parse(texts.clone()) {
            assert!(genres.as_slice().len() <= 10);
            assert!(genres.as_slice().iter().map(Genre::as_str).eq(texts.iter().map(String::as_str)));
            assert!(texts.iter().all(|text| text.chars().all(|c| "abcdefghijklmnopqrstuvwxyz0123456789-".contains(c))));
        }
    }

    #[test]
    fn an_accepted_premiere_date_is_what_was_given(text in text()) {
        if let Ok(date) = PremiereDate::parse(&text) {
            assert_eq!(date.to_string(), text);
            assert!(("1888"..="2200-12-31").contains(&text.as_str()));
        }
    }

    #[test]
    fn any_other_text_is_refused_without_a_panic(text in text(), minutes in any::<i64>()) {
        assert_eq!(Role::parse(&text).is_ok(), Role::VALUES.iter().any(|role| role.as_str() == text));
        assert_eq!(AgeRating::parse(&text).is_ok(), AgeRating::VALUES.iter().any(|rating| rating.as_str() == text));
        assert_eq!(TimeZone::parse(&text).map(|zone| zone.to_string()).unwrap_or(text.clone()), text);
        assert_eq!(RuntimeMinutes::parse(minutes).is_ok(), (1..=60_000).contains(&minutes));
    }
}
