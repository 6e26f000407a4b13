//! The rules of values, at their edges and for any text at all.

use domain::{
    Address, AgeRating, CinemaId, CinemaName, CityId, Countries, Country, CountryPremiere, CountryPremieres, Credit,
    Credits, Email, ExternalId, ExternalIds, FullName, Genre, Genres, InvalidValue, Language, Languages, LocalTitle,
    LocalTitles, MovieId, PremiereDate, Rating, Ratings, Role, RuntimeMinutes, Synopsis, TimeZone, Title, UserId,
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
        // Joiners, the filler of Hangul, a hyphen where a word may break, a selector, a tag, an empty Braille cell, a lone accent.
        for text in [
            "\u{200D}",
            "\u{200C}\u{200D}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{AD}",
            "\u{AD} \u{AD}",
            "\u{200E}",
            "\u{61C}",
            "\u{FE0F}",
            "\u{E0041}\u{E007F}",
            "\u{2800}",
            "\u{180E}",
            "\u{34F}",
            "\u{301}",
            "\u{FFF9}",
            "\u{3164}\u{A0}\u{AD}",
        ] {
            assert_eq!(code(parse(text)), "TOO_SHORT", "{what}: {text:?}");
        }
        // Hidden characters have their use among others.
        for text in [
            "می\u{200C}روم",
            "क्\u{200D}ष",
            "❤\u{FE0F}",
            "Don\u{AD}au",
            "\u{200F}שלום",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text), "{what}: {text:?}");
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
    assert_eq!(Synopsis::parse("\u{AD}\n\u{3164}").unwrap().as_str(), "");
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
        "a\u{200B}@b.c",
        "a@b\u{AD}.c",
        "\u{3164}@b.c",
        "a@\u{2800}.c",
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
fn a_runtime_is_1_minute_to_1000_hours() {
    for minutes in [1, 1000, 51_420, 60_000] {
        assert_eq!(i64::from(RuntimeMinutes::parse(minutes).unwrap().minutes()), minutes);
    }
    for minutes in [0, 60_001, -1, i64::MIN, i64::MAX, (1 << 32) + 1] {
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
fn a_movie_has_0_to_10_genres_and_none_twice() {
    let many = |count: usize| (0..count).map(|number| format!("genre-{number}")).collect::<Vec<_>>();
    assert_eq!(code(Genres::parse(many(1))), "accepted");
    assert_eq!(code(Genres::parse(many(10))), "accepted");
    assert_eq!(code(Genres::parse(many(0))), "accepted");
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
fn a_premiere_date_is_a_day_a_month_or_a_year_of_the_calendar_written_in_full() {
    for text in [
        "1888-01-01",
        "2024-02-29",
        "2200-12-31",
        "1888-01",
        "2024-02",
        "2200-12",
        "1888",
        "2200",
    ] {
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
        "24",
        "202",
        "20245",
        "2024-2",
        "2024-13",
        "2024-00",
        "2024-",
        "2024-02-",
        "02-2024",
    ] {
        assert_eq!(code(PremiereDate::parse(text)), "INVALID_DATE", "{text:?}");
    }
    for text in [
        "1887-12-31",
        "2201-01-01",
        "0000-01-01",
        "9999-12-31",
        "1887-12",
        "2201-01",
        "0000",
        "2201",
    ] {
        assert_eq!(code(PremiereDate::parse(text)), "OUT_OF_RANGE", "{text:?}");
    }
}

#[test]
fn a_premiere_date_reaches_from_its_first_day_to_its_last() {
    for (text, first, last) in [
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("2023", "2023-01-01", "2023-12-31"),
    ] {
        let date = PremiereDate::parse(text).unwrap();
        assert_eq!(
            (date.first_day().to_string(), date.last_day().to_string()),
            (first.to_owned(), last.to_owned())
        );
    }
}

#[test]
fn a_rating_is_a_scheme_and_a_value_of_it() {
    for (scheme, value) in [
        ("fsk", "12"),
        ("MPA", "PG-13"),
        ("bbfc", "12A"),
        ("tv", "TV-Y7-FV"),
        ("eirin", "R15+"),
        ("cnc", "Tous publics"),
        ("mpa", "unrated"),
        ("age", "16"),
        ("age", "unrated"),
    ] {
        let rating = Rating::parse(scheme, value).unwrap();
        assert_eq!(
            (rating.scheme(), rating.value()),
            (scheme.to_lowercase().as_str(), value)
        );
    }
    assert_eq!(code(Rating::parse("", "12")), "INVALID_SCHEME");
    assert_eq!(code(Rating::parse("f s k", "12")), "INVALID_SCHEME");
    assert_eq!(code(Rating::parse(&"x".repeat(33), "12")), "INVALID_SCHEME");
    assert_eq!(code(Rating::parse("fsk", " ")), "TOO_SHORT");
    assert_eq!(code(Rating::parse("fsk", &"x".repeat(21))), "TOO_LONG");
    assert_eq!(code(Rating::parse("fsk", "1\n2")), "CONTROL_CHARACTER");
    assert_eq!(code(Rating::parse("age", "13")), "UNKNOWN_AGE_RATING");
}

#[test]
fn ages_are_ratings_of_a_scheme_of_their_own() {
    for age in AgeRating::VALUES {
        assert_eq!(Ratings::from(age).age(), Some(age));
        assert_eq!(Rating::parse("age", age.as_str()), Ok(Rating::from(age)));
    }
    assert_eq!(Ratings::default().age(), None);
    let unrated = Ratings::parse(vec![Rating::unrated("age").unwrap()]).unwrap();
    assert_eq!(unrated.age(), None);
}

#[test]
fn a_genre_has_a_label_of_open_words_and_a_slug_that_is_made_of_it_where_it_can_be() {
    for (label, slug, expected) in [
        ("Thriller/Suspense", None, "thriller-suspense"),
        ("Sci-Fi", None, "sci-fi"),
        (" Comédie  musicale ", None, "comedie-musicale"),
        ("ドラマ", Some("drama"), "drama"),
        ("3D", None, "3d"),
    ] {
        let genre = Genre::labelled(label, slug).unwrap();
        assert_eq!((genre.as_str(), genre.label()), (expected, label.trim()));
    }
    assert_eq!(Genre::parse("science-fiction").unwrap().label(), "Science Fiction");
    for label in ["ドラマ", "!?", "Drama ドラマ", "Straße", &"x".repeat(41)] {
        assert_eq!(code(Genre::labelled(label, None)), "INVALID_GENRE", "{label}");
    }
    assert_eq!(code(Genre::labelled("Drama", Some("Drama"))), "INVALID_GENRE");
    assert_eq!(code(Genre::labelled("", Some("drama"))), "TOO_SHORT");
    assert_eq!(code(Genre::labelled(&"x".repeat(61), Some("x"))), "TOO_LONG");
    let twice = ["Drama", "DRAMA"].map(|label| Genre::labelled(label, None).unwrap());
    assert_eq!(code(Genres::of(twice.to_vec())), "DUPLICATE_GENRE");
}

#[test]
fn a_language_is_a_tag_of_bcp_47_whose_language_iso_639_knows() {
    for (text, tag) in [
        ("de", "de"),
        ("PT-br", "pt-BR"),
        ("zh-hant", "zh-Hant"),
        ("yue", "yue"),
        ("sh", "sh"),
        ("zxx", "zxx"),
        ("es-419", "es-419"),
    ] {
        assert_eq!(Language::parse(text).unwrap().as_str(), tag);
    }
    let long = format!("de-x-{}", "abcdefgh-".repeat(4));
    for text in ["", "German", "xx", "qqx-", "de_DE", "de ", "d", "deutsch", &long] {
        assert_eq!(code(Language::parse(text)), "INVALID_LANGUAGE", "{text:?}");
    }
}

#[test]
fn a_country_is_one_of_iso_3166_also_one_that_is_no_more() {
    for (text, known) in [
        ("DE", "DE"),
        ("us", "US"),
        ("XK", "XK"),
        ("SUHH", "SUHH"),
        ("ddde", "DDDE"),
    ] {
        assert_eq!(Country::parse(text).unwrap().as_str(), known);
    }
    for text in ["", "D", "DEU", "XX", "UK", "SU", "E A", " ", "AD A", "Germany", "ÄÖ"] {
        assert_eq!(code(Country::parse(text)), "UNKNOWN_COUNTRY", "{text:?}");
    }
}

#[test]
fn a_credit_is_a_name_with_a_role_and_perhaps_a_character() {
    let credit = Credit::parse(" Jürgen Prochnow ", "Actor", Some("Captain")).unwrap();
    assert_eq!(
        (credit.name(), credit.role(), credit.character()),
        ("Jürgen Prochnow", "actor", Some("Captain"))
    );
    assert_eq!(code(Credit::parse("", "actor", None)), "TOO_SHORT");
    assert_eq!(code(Credit::parse(&"x".repeat(201), "actor", None)), "TOO_LONG");
    assert_eq!(code(Credit::parse("Ada", "who knows", None)), "INVALID_ROLE");
    assert_eq!(code(Credit::parse("Ada", "actor", Some(""))), "TOO_SHORT");
}

#[test]
fn an_external_id_is_a_value_in_a_scheme() {
    for (scheme, value) in [
        ("imdb", "tt0017136"),
        ("tmdb", "19"),
        ("wikidata", "Q151599"),
        ("isan", "0000-0000-D07A-0090-Q"),
        ("house-list", "A/7:b_c.d"),
    ] {
        assert_eq!(
            ExternalId::parse(scheme, value).unwrap().to_string(),
            format!("{scheme}:{value}")
        );
    }
    for (scheme, value) in [
        ("imdb", "nm0017136"),
        ("imdb", "tt17136"),
        ("imdb", "tt0017136/"),
        ("tmdb", "019"),
        ("tmdb", "x"),
        ("wikidata", "151599"),
        ("isan", ""),
        ("isan", "a b"),
        ("isan", "ä"),
        ("isan", &"x".repeat(65)),
    ] {
        assert_eq!(
            code(ExternalId::parse(scheme, value)),
            "INVALID_EXTERNAL_ID",
            "{scheme} {value}"
        );
    }
    assert_eq!(code(ExternalId::parse("im db", "1")), "INVALID_SCHEME");
}

#[test]
fn every_list_of_a_movie_is_bounded_and_has_nothing_twice() {
    let languages: Vec<Language> =
        "aa ab af am ar as az ba be bg bi bn bo br bs ca ce co cs cv cy da de dv dz ee el en eo es et \
                                    eu fa fi fj fo fr fy ga gd gl gu gv ha he hi hr ht hu hy id"
            .split(' ')
            .map(|tag| Language::parse(tag).unwrap())
            .collect();
    assert_eq!(languages.len(), 51);
    assert_eq!(code(Languages::parse(languages[..50].to_vec())), "accepted");
    assert_eq!(code(Languages::parse(languages)), "TOO_LONG");

    let credit = |number: usize| Credit::parse(&format!("Person {number}"), "actor", None).unwrap();
    assert_eq!(code(Credits::parse((0..400).map(credit).collect())), "accepted");
    assert_eq!(code(Credits::parse((0..401).map(credit).collect())), "TOO_LONG");
    assert_eq!(code(Credits::parse(vec![credit(1), credit(1)])), "DUPLICATE_CREDIT");
    let both = ["actor", "director"].map(|role| Credit::parse("Ada", role, None).unwrap());
    assert_eq!(code(Credits::parse(both.to_vec())), "accepted");

    let rating = |scheme: String| Rating::parse(&scheme, "12").unwrap();
    let ratings = |count: usize| (0..count).map(|number| rating(format!("s{number}"))).collect();
    assert_eq!(code(Ratings::parse(ratings(50))), "accepted");
    assert_eq!(code(Ratings::parse(ratings(51))), "TOO_LONG");
    let twice = ["fsk", "FSK"].map(|scheme| rating(scheme.into()));
    assert_eq!(code(Ratings::parse(twice.to_vec())), "DUPLICATE_RATING");

    let id = |number: usize| ExternalId::parse("tmdb", &(number + 1).to_string()).unwrap();
    assert_eq!(code(ExternalIds::parse((0..20).map(id).collect())), "accepted");
    assert_eq!(code(ExternalIds::parse((0..21).map(id).collect())), "TOO_LONG");
    assert_eq!(code(ExternalIds::parse(vec![id(1), id(1)])), "DUPLICATE_EXTERNAL_ID");

    let france = || Country::parse("FR").unwrap();
    assert_eq!(code(Countries::parse(vec![france(), france()])), "DUPLICATE_COUNTRY");
    let premiere = |date: &str| CountryPremiere {
        country: france(),
        date: PremiereDate::parse(date).unwrap(),
    };
    let twice = vec![premiere("1999"), premiere("2000")];
    assert_eq!(code(CountryPremieres::parse(twice)), "DUPLICATE_COUNTRY");
    let local = |text: &str| LocalTitle {
        language: Language::parse("fr").unwrap(),
        title: Title::parse(text).unwrap(),
    };
    let twice = vec![local("Le Bateau"), local("Le bateau")];
    assert_eq!(code(LocalTitles::parse(twice)), "DUPLICATE_LANGUAGE");
}

#[test]
fn a_time_zone_is_one_of_the_iana_database() {
    for text in [
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "Asia/Kolkata",
        "Asia/Calcutta",
        "Japan",
        "CET",
        "America/Coyhaique",
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
fn a_name_of_an_offset_is_no_time_zone_of_a_cinema() {
    for text in [
        "UTC",
        "UCT",
        "GMT",
        "GMT0",
        "GMT+0",
        "Greenwich",
        "Universal",
        "Zulu",
        "Etc/UTC",
        "Etc/GMT",
        "Etc/GMT+3",
        "Etc/GMT-14",
        "EST",
        "MST",
        "HST",
        "Factory",
    ] {
        let refused = TimeZone::parse(text).unwrap_err();
        assert_eq!(refused.code, "UNKNOWN_TIME_ZONE", "{text}");
        assert!(refused.detail.contains("offset"), "{text}: {refused}");
    }
}

#[test]
fn a_time_zone_that_was_accepted_once_is_read_for_ever() {
    for text in ["UTC", "Etc/GMT+3", "US/Pacific-New"] {
        let zone: TimeZone = serde_json::from_value(text.into()).unwrap();
        assert_eq!(zone.as_str(), text);
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
