//! What a movie is made of, value by value and list by list.

use domain::{
    AgeRating, Countries, Country, CountryPremiere, CountryPremieres, Credit, Credits, ExternalId, ExternalIds, Genre,
    Genres, Language, Languages, LocalTitle, LocalTitles, PremiereDate, Rating, Ratings, RuntimeMinutes, Title,
};

use crate::{code, strings};

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
