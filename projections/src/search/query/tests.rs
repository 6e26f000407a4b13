//! What is read of what people type.

use super::*;

fn first(text: &str) -> String {
    let query = SearchQuery::of_texts(text);
    query
        .words
        .first()
        .map(|question| question.text.clone())
        .unwrap_or_default()
}

#[test]
fn all_words_are_looked_for_and_the_last_one_may_be_typed_in_part() {
    let query = SearchQuery::of_texts("Star wa");
    let texts: Vec<&str> = query.words.iter().map(|question| question.text.as_str()).collect();
    assert_eq!(
        texts[..4],
        [
            "'tstar' & 'twa'",
            "('tstar' | 'xstar') & ('twa':* | 'xwa')",
            "'nstar' & 'nwa'",
            "('nstar' | 'xstar') & ('nwa':* | 'xwa')"
        ]
    );
    assert_eq!(
        (query.key.as_str(), query.is_open, query.excluded),
        ("star wa", true, None)
    );
}

#[test]
fn a_minus_before_a_word_excludes_that_word_and_nothing_else() {
    let query = SearchQuery::of_texts("it -chapter");
    assert_eq!((query.key.as_str(), query.is_open), ("it", false));
    assert_eq!(
        query.excluded.map(|question| question.text).as_deref(),
        Some("'wchapter'")
    );
    assert_eq!(first("it -chapter"), "'tit'");
    assert_eq!(SearchQuery::of_texts("catch-22").excluded, None);
    assert_eq!(SearchQuery::of_texts("star - wars").excluded, None);
}

#[test]
fn a_phrase_is_looked_for_in_its_order() {
    assert_eq!(first("\"wars star\""), "('twars' <1> 'tstar')");
    assert_eq!(first("a \"b c\" d"), "'ta' & ('tb' <1> 'tc') & 'td'");
    assert_eq!(first("“b c"), "('tb' <1> 'tc')");
    assert!(!SearchQuery::of_texts("\"star wars\"").is_open);
    assert!(SearchQuery::of_texts("\"star wa").is_open, "it is still being typed");
}

#[test]
fn either_of_two_is_asked_for_by_or_which_else_is_a_word() {
    assert_eq!(first("alien or up"), "('talien') | ('tup')");
    assert_eq!(first("or"), "'tor'");
    assert_eq!(first("either or"), "'teither' & 'tor'");
    assert_eq!(SearchQuery::of_texts("dead or alive").key, "dead or alive");
}

#[test]
fn words_that_stand_together_are_found_as_one_too() {
    assert_eq!(first("face/off"), "('tfaceoff' | ('tface' <1> 'toff'))");
    assert_eq!(first("ocean's"), "'toceans'");
    assert_eq!(first("千と千尋"), "('t千と' <1> 'tと千' <1> 't千尋':*)");
    assert_eq!(first("\"神隠し 千\""), "('t神隠' <1> 't隠し' <1> 'tし千' <1> 't千':*)");
}

#[test]
fn what_has_no_word_is_compared_by_its_signs() {
    for text in ["", " ", "-", "\"", "\"\"", "- \"", "'\\'"] {
        let query = SearchQuery::of_texts(text);
        assert_eq!((query.words, query.excluded), (vec![], None), "{text}");
    }
    assert_eq!(SearchQuery::of_texts("???").key, "???");
}

#[test]
fn nothing_of_the_query_language_comes_in() {
    assert_eq!(first("a' | !b:*\\ <-> (c)"), "'ta' & 'tb' & 'tc'");
    assert_eq!(quoted("a'b\\"), "'a''b\\\\'");
}
