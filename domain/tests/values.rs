//! The rules of values, at their edges and for any text at all.

use domain::{
    Address, AgeRating, CinemaId, CinemaName, CityId, Email, FullName, Genre, Genres, InvalidValue, MovieId,
    PremiereDate, Role, RuntimeMinutes, Synopsis, TimeZone, Title, UserId,
};
use proptest::prelude::{any, prop_oneof, proptest};
use proptest::strategy::Strategy;

type Parse = fn(&str) -> Result<String, InvalidValue>;

/// The values of one visible line, with the most characters each may have.
const LINES: [(&str, Parse, usize); 4] = [
    (
        "full name",
        |text| FullName::parse(text).map(|value| value.to_string()),
        200,
    ),
    ("title", |text| Title::parse(text).map(|value| value.to_string()), 200),
    (
        "cinema name",
        |text| CinemaName::parse(text).map(|value| value.to_string()),
        200,
    ),
    (
        "address",
        |text| Address::parse(text).map(|value| value.to_string()),
        500,
    ),
];

const IDS: [Parse; 4] = [
    |text| UserId::parse(text).map(|id| id.to_string()),
    |text| MovieId::parse(text).map(|id| id.to_string()),
    |text| CinemaId::parse(text).map(|id| id.to_string()),
    |text| CityId::parse(text).map(|id| id.to_string()),
];

fn code<T>(result: Result<T, InvalidValue>) -> &'static str {
    result.map_or_else(|error| error.code, |_| "accepted")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn a_line_has_1_to_its_most_characters_counted_as_characters_and_after_trimming() {
    for (what, parse, most) in LINES {
        for character in ["x", "ü", "映", "🎬"] {
            assert_eq!(parse(character).as_deref(), Ok(character), "{what}");
            let longest = character.repeat(most);
            assert_eq!(parse(&longest).as_deref(), Ok(longest.as_str()), "{what}");
            assert_eq!(
                parse(&format!(" \t{longest}\n")).as_deref(),
                Ok(longest.as_str()),
                "{what}"
            );
            assert_eq!(code(parse(&character.repeat(most + 1))), "TOO_LONG", "{what}");
        }
    }
}

#[test]
fn a_line_without_anything_to_see_is_empty() {
    for (what, parse, _) in LINES {
        for text in ["", " ", "\t\r\n", "\u{A0}\u{3000}", "\u{200B}", "\u{FEFF} \u{2060}"] {
            assert_eq!(code(parse(text)), "TOO_SHORT", "{what}: {text:?}");
        }
    }
}

#[test]
fn a_line_has_no_control_characters_and_nothing_that_breaks_or_reorders_it() {
    for (what, parse, _) in LINES {
        for inner in [
            '\0', '\n', '\r', '\t', '\u{1B}', '\u{7F}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202E}',
        ] {
            assert_eq!(
                code(parse(&format!("a{inner}b"))),
                "CONTROL_CHARACTER",
                "{what}: {inner:?}"
            );
        }
        assert_eq!(code(parse("\0")), "CONTROL_CHARACTER", "{what}");
        assert_eq!(
            parse("O'Brien, “Zoë” 👩\u{200D}🎤 ").as_deref(),
            Ok("O'Brien, “Zoë” 👩\u{200D}🎤"),
            "{what}"
        );
    }
}

#[test]
fn a_synopsis_has_0_to_5000_characters_and_may_have_line_breaks_and_tabs() {
    for text in ["", "One.\r\n\tTwo.\n\nThree.", "ü".repeat(5000).as_str()] {
        assert_eq!(Synopsis::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(Synopsis::parse(" \n One. \n").unwrap().as_str(), "One.");
    assert_eq!(code(Synopsis::parse(&"ü".repeat(5001))), "TOO_LONG");
    for text in ["a\0b", "a\u{8}b", "a\u{85}b"] {
        assert_eq!(code(Synopsis::parse(text)), "CONTROL_CHARACTER");
    }
}

#[test]
fn an_email_address_is_plausible() {
    for text in [
        "a@b.c",
        "first.last+tag@mail.example.org",
        "ü@exämple.org",
        "o'brien@example.org",
    ] {
        assert_eq!(Email::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(Email::parse(" a@b.c\n").unwrap().as_str(), "a@b.c");
}

#[test]
fn an_email_address_has_one_at_sign_and_a_domain_with_a_dot_and_no_spaces() {
    for text in [
        "",
        "a",
        "@",
        "a@",
        "@b.c",
        "a@b",
        "a@b.",
        "a@.c",
        "a@b..c",
        "a@b@c.d",
        "a@@b.c",
        "a b@c.d",
        "a@b c.d",
        "a\n@b.c",
        "a\0@b.c",
        "a@b.c\0",
        "a\u{A0}b@c.d",
        "a\u{202E}@b.c",
    ] {
        assert_eq!(code(Email::parse(text)), "INVALID_EMAIL", "{text:?}");
    }
}

#[test]
fn an_email_address_has_at_most_254_characters() {
    let of_length = |length: usize| format!("{}@b.c", "x".repeat(length - 4));
    assert_eq!(code(Email::parse(&of_length(254))), "accepted");
    assert_eq!(code(Email::parse(&of_length(255))), "TOO_LONG");
}

#[test]
fn an_id_has_1_to_64_characters_that_are_safe_everywhere() {
    let longest = "x".repeat(64);
    for parse in IDS {
        for text in [
            "1",
            "A-Z_a-z_0-9",
            "-",
            "_",
            longest.as_str(),
            "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            " ",
            " 1",
            "1\n",
            "a.b",
            "a/b",
            "a%20b",
            "ü",
            "１",
            "a\0",
            "x".repeat(65).as_str(),
        ] {
            assert_eq!(code(parse(text)), "INVALID_ID", "{text:?}");
        }
    }
}

#[test]
fn a_runtime_is_1_to_1000_minutes() {
    for minutes in [1, 1000] {
        assert_eq!(i64::from(RuntimeMinutes::parse(minutes).unwrap().minutes()), minutes);
    }
    for minutes in [0, 1001, -1, i64::MIN, i64::MAX, (1 << 32) + 1] {
        assert_eq!(code(RuntimeMinutes::parse(minutes)), "OUT_OF_RANGE", "{minutes}");
    }
}

#[test]
fn the_roles_and_age_ratings_of_the_log_are_read_for_ever() {
    let stored = |values: &[serde_json::Value]| serde_json::Value::from(values).to_string();
    let roles: Vec<_> = Role::VALUES
        .iter()
        .map(|role| serde_json::to_value(role).unwrap())
        .collect();
    let ratings: Vec<_> = AgeRating::VALUES
        .iter()
        .map(|rating| serde_json::to_value(rating).unwrap())
        .collect();
    assert_eq!(
        stored(&roles),
        r#"["customer","box_office","manager","operator","admin"]"#
    );
    assert_eq!(stored(&ratings), r#"["all","6","12","16","18"]"#);
}

#[test]
fn a_role_or_age_rating_is_spoken_of_as_it_is_stored() {
    for role in Role::VALUES {
        assert_eq!(Role::parse(role.as_str()), Ok(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.to_string());
    }
    for rating in AgeRating::VALUES {
        assert_eq!(AgeRating::parse(rating.as_str()), Ok(rating));
        assert_eq!(serde_json::to_value(rating).unwrap(), rating.to_string());
    }
    for text in ["", "Admin", "admin ", "root", "boxoffice"] {
        assert_eq!(code(Role::parse(text)), "UNKNOWN_ROLE");
    }
    for text in ["", "0", "ALL", " 6", "PG-13", "012"] {
        assert_eq!(code(AgeRating::parse(text)), "UNKNOWN_AGE_RATING");
    }
}

#[test]
fn a_genre_is_a_slug_of_1_to_40_characters() {
    for text in ["drama", "science-fiction", "3d", "x", "x".repeat(40).as_str()] {
        assert_eq!(Genre::parse(text).unwrap().as_str(), text);
    }
    for text in [
        "",
        "Drama",
        "film noir",
        "film_noir",
        "-drama",
        "drama-",
        "film--noir",
        "-",
        "ähm",
        "x\0",
        " drama",
    ] {
        assert_eq!(code(Genre::parse(text)), "INVALID_GENRE", "{text:?}");
    }
    assert_eq!(code(Genre::parse(&"x".repeat(41))), "INVALID_GENRE");
}

#[test]
fn a_movie_has_1_to_10_genres_and_none_twice() {
    let many = |count: usize| (0..count).map(|number| format!("genre-{number}")).collect::<Vec<_>>();
    assert_eq!(code(Genres::parse(many(1))), "accepted");
    assert_eq!(code(Genres::parse(many(10))), "accepted");
    assert_eq!(code(Genres::parse(many(0))), "TOO_SHORT");
    assert_eq!(code(Genres::parse(many(11))), "TOO_LONG");
    assert_eq!(code(Genres::parse(strings(&["drama", "Noir"]))), "INVALID_GENRE");
    assert_eq!(
        code(Genres::parse(strings(&["drama", "noir", "drama"]))),
        "DUPLICATE_GENRE"
    );
}

#[test]
fn genres_keep_the_order_given() {
    let genres = Genres::parse(strings(&["noir", "crime", "drama"])).unwrap();
    assert!(
        genres
            .as_slice()
            .iter()
            .map(Genre::as_str)
            .eq(["noir", "crime", "drama"])
    );
}

#[test]
fn a_refused_genre_is_told_by_its_place() {
    let error = Genres::parse(strings(&["drama", "noir", "Crime"])).unwrap_err();
    assert!(error.detail.starts_with("genre 3 "), "{}", error.detail);
}

#[test]
fn a_premiere_date_is_a_day_of_the_calendar_written_in_full() {
    for text in ["1888-01-01", "2024-02-29", "2200-12-31"] {
        assert_eq!(PremiereDate::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "",
        "2024-2-29",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "20240229",
        "+024-02-29",
        " 2024-02-2",
        "2024-02-29 ",
        "2024-02-29T00:00:00Z",
        "29.02.2024",
        "2024/02/29",
        "２024-02-2",
        "02024-02-29",
        "2024-02-29\0",
    ] {
        assert_eq!(code(PremiereDate::parse(text)), "INVALID_DATE", "{text:?}");
    }
    for text in ["1887-12-31", "2201-01-01", "0000-01-01", "9999-12-31"] {
        assert_eq!(code(PremiereDate::parse(text)), "OUT_OF_RANGE", "{text:?}");
    }
}

#[test]
fn a_time_zone_is_one_of_the_iana_database() {
    for text in [
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "Asia/Kolkata",
        "Asia/Calcutta",
        "UTC",
    ] {
        assert_eq!(TimeZone::parse(text).unwrap().as_str(), text);
    }
    for text in [
        "",
        "Europe/Atlantis",
        "europe/berlin",
        "CEST",
        "+02:00",
        " UTC",
        "UTC\0",
    ] {
        assert_eq!(code(TimeZone::parse(text)), "UNKNOWN_TIME_ZONE", "{text:?}");
    }
}

#[test]
fn a_refusal_states_the_rule_and_does_not_repeat_the_text() {
    let secret = "s3cr3t\u{7}";
    let refusals = [
        FullName::parse(secret).unwrap_err(),
        Email::parse(secret).unwrap_err(),
        UserId::parse(secret).unwrap_err(),
        Role::parse(secret).unwrap_err(),
        PremiereDate::parse(secret).unwrap_err(),
        TimeZone::parse(secret).unwrap_err(),
        Genres::parse(strings(&[secret])).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(refusal.detail.contains("must"), "{refusal}");
        assert!(!refusal.detail.contains("s3cr3t"), "{refusal}");
        assert_eq!(refusal.to_string(), refusal.detail);
    }
}

/// Any text, and text that comes near what is accepted.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~ü\u{0}-\u{20}]{0,210}",
        "[a-z0-9@.]{1,12}@[a-z0-9.@]{1,12}",
        "[A-Za-z0-9_-]{0,70}",
        "[a-z0-9-]{0,45}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
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
            assert!((1..=10).contains(&genres.as_slice().len()));
            assert!(genres.as_slice().iter().map(Genre::as_str).eq(texts.iter().map(String::as_str)));
            assert!(texts.iter().all(|text| text.chars().all(|c| "abcdefghijklmnopqrstuvwxyz0123456789-".contains(c))));
        }
    }

    #[test]
    fn an_accepted_premiere_date_is_what_was_given(text in text()) {
        if let Ok(date) = PremiereDate::parse(&text) {
            assert_eq!(date.to_string(), text);
            assert!(("1888-01-01"..="2200-12-31").contains(&text.as_str()));
        }
    }

    #[test]
    fn any_other_text_is_refused_without_a_panic(text in text(), minutes in any::<i64>()) {
        assert_eq!(Role::parse(&text).is_ok(), Role::VALUES.iter().any(|role| role.as_str() == text));
        assert_eq!(AgeRating::parse(&text).is_ok(), AgeRating::VALUES.iter().any(|rating| rating.as_str() == text));
        assert_eq!(TimeZone::parse(&text).map(|zone| zone.to_string()).unwrap_or(text.clone()), text);
        assert_eq!(RuntimeMinutes::parse(minutes).is_ok(), (1..=1000).contains(&minutes));
    }
}
