//! What is told of a movie, from the versions in which all of it was known, an `age_rating` was one of five, `genres` were
//! slugs, and a premiere was a day.

use serde_json::{Map, Value, json};

use crate::AgeRating;
use crate::value::label_of;

/// Stands where an old payload lacks what its version promised: a field of this type there is in no version, so the decoder
/// refuses it, which would take an absent field for one that is not known.
const LACKING: Value = Value::Bool(false);

/// Turns `"age_rating": "12"` into a rating of the scheme `age`, and slugs into genres with labels.
pub(super) fn announced_from_2_to_3(payload: Value) -> Value {
    rescheduled_from_1_to_2(updated_from_1_to_2(payload))
}

/// As [`announced_from_2_to_3`], without a premiere.
pub(super) fn updated_from_1_to_2(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        for name in ["title", "synopsis", "runtime_minutes"] {
            require(fields, name);
        }
        let age_rating = fields.remove("age_rating");
        fields.insert("ratings".to_owned(), ratings(age_rating.as_ref()));
        let genres = fields.get("genres").map_or(LACKING, genres);
        fields.insert("genres".to_owned(), genres);
    }
    payload
}

/// A day is written as before; it only has to be there.
pub(super) fn rescheduled_from_1_to_2(mut payload: Value) -> Value {
    if let Some(fields) = payload.as_object_mut() {
        require(fields, "premiere_date");
    }
    payload
}

fn require(fields: &mut Map<String, Value>, name: &str) {
    if fields.get(name).is_none_or(Value::is_null) {
        fields.insert(name.to_owned(), LACKING);
    }
}

fn ratings(age_rating: Option<&Value>) -> Value {
    let known = age_rating
        .and_then(Value::as_str)
        .and_then(|text| AgeRating::parse(text).ok());
    known.map_or(LACKING, |rating| json!([{"scheme": "age", "value": rating.as_str()}]))
}

fn genres(slugs: &Value) -> Value {
    let genre = |slug: &Value| {
        let slug = slug.as_str()?;
        Some(json!({"slug": slug, "label": label_of(slug)}))
    };
    let genres: Option<Vec<Value>> = slugs.as_array().and_then(|slugs| slugs.iter().map(genre).collect());
    genres.map_or(LACKING, Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LACKING, announced_from_2_to_3, updated_from_1_to_2};

    fn version_2() -> Value {
        json!({
            "type": "movie.announced", "title": "Solaris", "synopsis": "", "runtime_minutes": 166, "age_rating": "12",
            "genres": ["science-fiction"], "premiere_date": "1972-03-20",
        })
    }

    #[test]
    fn the_rating_becomes_one_of_ages_and_genres_get_labels_and_nothing_else_changes() {
        let expected = json!({
            "type": "movie.announced", "title": "Solaris", "synopsis": "", "runtime_minutes": 166,
            "ratings": [{"scheme": "age", "value": "12"}],
            "genres": [{"slug": "science-fiction", "label": "Science Fiction"}], "premiere_date": "1972-03-20",
        });
        assert_eq!(announced_from_2_to_3(version_2()), expected);
    }

    #[test]
    fn what_an_old_version_had_to_have_is_not_taken_for_unknown() {
        for (field, told_at) in [
            ("title", "title"),
            ("synopsis", "synopsis"),
            ("runtime_minutes", "runtime_minutes"),
            ("age_rating", "ratings"),
            ("genres", "genres"),
            ("premiere_date", "premiere_date"),
        ] {
            for lacking in [None, Some(Value::Null)] {
                let mut payload = version_2();
                let fields = payload.as_object_mut().expect("an object");
                fields.remove(field);
                fields.extend(lacking.map(|null| (field.to_owned(), null)));
                assert_eq!(announced_from_2_to_3(payload)[told_at], LACKING, "{field}");
            }
        }
        let mut payload = version_2();
        payload["age_rating"] = "13".into();
        assert_eq!(announced_from_2_to_3(payload)["ratings"], LACKING);
    }

    #[test]
    fn a_payload_that_is_no_object_stays_as_it_is() {
        for payload in [json!(["Drama"]), json!(null)] {
            assert_eq!(updated_from_1_to_2(payload.clone()), payload);
        }
    }
}
