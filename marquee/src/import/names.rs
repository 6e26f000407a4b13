//! Languages and countries by the names that lists use.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::{Country, Language};

/// Names in small letters with their tags: those of CLDR, and others that are used.
static LANGUAGES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| table(include_str!("names/languages.csv")));
/// Names in small letters with their codes: those of CLDR and ISO 3166, and others that are used; also of former countries.
static COUNTRIES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| table(include_str!("names/countries.csv")));

fn table(text: &'static str) -> HashMap<&'static str, &'static str> {
    text.lines().filter_map(|line| line.rsplit_once(';')).collect()
}

/// Finds a language by its tag or its English name.
pub(crate) fn language(text: &str) -> Option<Language> {
    let name = text.to_lowercase();
    let name = name.strip_suffix(" language").unwrap_or(&name);
    let by_name = LANGUAGES.get(name).copied();
    let tag = by_name
        .or_else(|| isolang::Language::from_name(text).map(|known| known.to_639_1().unwrap_or(known.to_639_3())));
    Language::parse(tag.unwrap_or(text)).ok()
}

/// Finds a country by its code or its English name.
pub(crate) fn country(text: &str) -> Option<Country> {
    let by_name = COUNTRIES.get(text.to_lowercase().as_str()).copied();
    Country::parse(by_name.unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use domain::{Country, Language};

    use super::{COUNTRIES, LANGUAGES, country, language};

    #[test]
    fn every_name_stands_for_what_the_domain_takes() {
        for (name, tag) in LANGUAGES.iter() {
            assert!(Language::parse(tag).is_ok(), "{name}: {tag}");
        }
        for (name, code) in COUNTRIES.iter() {
            assert!(Country::parse(code).is_ok(), "{name}: {code}");
        }
    }

    #[test]
    fn languages_and_countries_are_found_by_their_names() {
        for (name, tag) in [
            ("English", "en"),
            ("de", "de"),
            ("Persian", "fa"),
            ("Cantonese", "yue"),
            ("Kurdish language", "ku"),
            ("Brazilian Portuguese", "pt-BR"),
            ("Serbo-Croatian", "sh"),
            ("Inuktitut", "iu"),
        ] {
            assert_eq!(language(name).expect(name).as_str(), tag);
        }
        for (name, code) in [
            ("United States", "US"),
            ("USA", "US"),
            ("FR", "FR"),
            ("Soviet Union", "SUHH"),
            ("West Germany", "DE"),
            ("Czechoslovakia", "CSHH"),
            ("Kosovo", "XK"),
            ("Türkiye", "TR"),
        ] {
            assert_eq!(country(name).expect(name).as_str(), code);
        }
        for name in ["", "Parseltongue", "Nadsat", "multiple", "Middle-earth"] {
            assert_eq!((language(name), country(name)), (None, None), "{name}");
        }
    }
}
