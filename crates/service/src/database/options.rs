//! The settings that a url gives by `options`, as libpq has them: `options=-c name=value`, or `options[name]=value`.
//!
//! They are set after connecting like all others: what the startup message carries, a pooler in between refuses or drops.

use url::Url;

/// Tells whether a parameter gives settings.
pub(super) fn is_options(parameter: &str) -> bool {
    parameter == "options" || parameter.starts_with("options[")
}

/// The settings, in order; `None` when something among them is none.
pub(super) fn settings(url: &Url) -> Option<Vec<(String, String)>> {
    let mut settings = Vec::new();
    for (parameter, value) in url.query_pairs() {
        if parameter == "options" {
            settings.extend(switches(&value)?);
        } else if is_options(&parameter) {
            let name = parameter.strip_prefix("options[")?.strip_suffix(']')?;
            settings.push((name.to_owned(), value.into_owned()));
        }
    }
    let are_named = settings.iter().all(|(name, _)| !name.is_empty());
    are_named.then_some(settings)
}

/// `-c name=value`, `-cname=value` and `--name=value`, which are all that a client may say.
fn switches(text: &str) -> Option<Vec<(String, String)>> {
    let mut words = words(text).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--") {
            Some(long) => long.to_owned(),
            None => match word.strip_prefix("-c")? {
                "" => words.next()?,
                joined => joined.to_owned(),
            },
        };
        let (name, value) = setting.split_once('=')?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

/// Words between spaces; a backslash keeps what follows it.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let kept = if character == '\\' {
            characters.next()
        } else {
            Some(character)
        };
        word.get_or_insert_default().extend(kept);
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::settings;

    fn of(query: &str) -> Option<Vec<(String, String)>> {
        settings(&format!("postgres://h/d?{query}").parse().unwrap())
    }

    #[test]
    fn settings_are_read_in_every_form_that_a_url_may_have() {
        let pairs = |expected: &[(&str, &str)]| {
            let owned = expected
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Some(owned.collect::<Vec<_>>())
        };
        for (query, expected) in [
            ("sslmode=disable", &[][..]),
            ("options=-c%20jit%3Doff", &[("jit", "off")]),
            (
                "options=-cjit%3Doff%20%20--work-mem%3D1MB",
                &[("jit", "off"), ("work_mem", "1MB")],
            ),
            ("options=-c%20a.b%3Done%5C%20word", &[("a.b", "one word")]),
            (
                "options[jit]=off&options[work_mem]=1MB",
                &[("jit", "off"), ("work_mem", "1MB")],
            ),
        ] {
            assert_eq!(of(query), pairs(expected), "{query}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for query in [
            "options=jit%3Doff",
            "options=-c%20jit",
            "options=-c",
            "options=-B%208",
            "options[jit=off",
            "options[]=off",
        ] {
            assert_eq!(of(query), None, "{query}");
        }
    }
}
