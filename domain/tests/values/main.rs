//! The rules of values, at their edges and for any text at all.

mod any_text;
mod movies;
mod texts;
mod time_zones;

use domain::{
    Address, AgeRating, CinemaId, CinemaName, CityId, Email, FullName, Genres, InvalidValue, MovieId, PremiereDate,
    Role, TimeZone, Title, UserId,
};

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
