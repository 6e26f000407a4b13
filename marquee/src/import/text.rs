//! The rules for texts.

use super::encoding;
use super::evidence::Evidence;
use super::rule::{Changes, Rule};

/// A text may have been escaped more than once.
const TIMES_MAX: usize = 2;

/// Repairs a text of one line.
pub(crate) fn line(raw: &str, evidence: &Evidence, column: &str, changes: &mut Changes) -> String {
    let text = characters(raw, evidence, column, changes);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    if line != text {
        changes.repaired(Rule::Whitespace, column, raw, &line);
    }
    line
}

/// Repairs a text that may have line breaks.
pub(crate) fn paragraphs(raw: &str, evidence: &Evidence, column: &str, changes: &mut Changes) -> String {
    let text = characters(raw, evidence, column, changes);
    let kept: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        .collect();
    if kept != text {
        changes.repaired(Rule::Whitespace, column, raw, &kept);
    }
    kept
}

fn characters(raw: &str, evidence: &Evidence, column: &str, changes: &mut Changes) -> String {
    let mut text = raw.to_owned();
    let mut take = |rule: Rule, repaired: Option<String>, text: &mut String| {
        if let Some(repaired) = repaired.filter(|_| !evidence.is_without(rule)) {
            changes.repaired(rule, column, text, &repaired);
            *text = repaired;
        }
    };
    take(Rule::HtmlEntity, without_entities(&text), &mut text);
    take(Rule::Encoding, in_its_encoding(&text, evidence), &mut text);
    take(Rule::Invisible, without_invisible(&text), &mut text);
    text
}

/// Only what ends with a semicolon is an entity: `AT&T` and `&co` are none.
fn without_entities(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    let mut changed = false;
    for _ in 0..TIMES_MAX {
        if !(text.contains('&') && text.contains(';')) {
            break;
        }
        let decoded = html_escape::decode_html_entities(&text).into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
        changed = true;
    }
    changed.then_some(text)
}

/// Reads a text again that was read in a wrong encoding.
pub(crate) fn in_its_encoding(text: &str, evidence: &Evidence) -> Option<String> {
    encoding::utf8_again(text).or_else(|| encoding::mac_roman_again(text, evidence.is_of_mac_roman()))
}

/// Zero-width spaces, soft hyphens, byte order marks and what turns the direction of writing.
fn without_invisible(text: &str) -> Option<String> {
    let is_invisible = |c: char| {
        matches!(
            c,
            '\u{00AD}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        ) || matches!(c, '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    text.contains(is_invisible)
        .then(|| text.chars().filter(|c| !is_invisible(*c)).collect())
}

/// Puts an article first that a catalogue has put last.
pub(crate) fn article_first(title: &str, column: &str, changes: &mut Changes, evidence: &Evidence) -> String {
    let (bare, behind) = match title.rfind(" (").filter(|_| title.ends_with(')')) {
        Some(place) => title.split_at(place),
        None => (title, ""),
    };
    let found = ["The", "A", "An"].into_iter().find_map(|article| {
        let rest = bare.strip_suffix(article)?.strip_suffix(", ")?;
        (!rest.is_empty()).then(|| format!("{article} {rest}{behind}"))
    });
    match found.filter(|_| !evidence.is_without(Rule::ArticleLast)) {
        Some(repaired) => {
            changes.repaired(Rule::ArticleLast, column, title, &repaired);
            repaired
        }
        None => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{article_first, line, paragraphs};
    use crate::import::evidence::Evidence;
    use crate::import::rule::{Changes, Rule};

    fn rules(changes: &Changes) -> Vec<Rule> {
        changes.as_slice().iter().map(|change| change.rule).collect()
    }

    #[test]
    fn a_line_is_repaired_rule_by_rule_and_each_is_told() {
        for (raw, expected, by) in [
            ("Alien", "Alien", vec![]),
            ("  Alien \n 3\t", "Alien 3", vec![Rule::Whitespace]),
            ("Tango &amp; Cash", "Tango & Cash", vec![Rule::HtmlEntity]),
            ("Tango &amp;amp; Cash", "Tango & Cash", vec![Rule::HtmlEntity]),
            ("AT&T; &co", "AT&T; &co", vec![]),
            ("AmÃ©lie", "Amélie", vec![Rule::Encoding]),
            ("LÈon", "Léon", vec![Rule::Encoding]),
            ("Alien\u{200B}\u{AD}", "Alien", vec![Rule::Invisible]),
            (
                " Am&Atilde;&copy;lie ",
                "Amélie",
                vec![Rule::HtmlEntity, Rule::Encoding, Rule::Whitespace],
            ),
        ] {
            let mut changes = Changes::default();
            assert_eq!(line(raw, &Evidence::default(), "title", &mut changes), expected);
            assert_eq!(rules(&changes), by, "{raw}");
        }
    }

    #[test]
    fn paragraphs_keep_their_lines() {
        let mut changes = Changes::default();
        let text = paragraphs(" One.\n\tTwo.\u{7} ", &Evidence::default(), "plot", &mut changes);
        assert_eq!(text, "One.\n\tTwo.");
        assert_eq!(rules(&changes), [Rule::Whitespace]);
    }

    #[test]
    fn an_article_comes_first() {
        for (title, expected) in [
            ("Charge of the Light Brigade, The", "The Charge of the Light Brigade"),
            ("American in Paris, An (1951)", "An American in Paris (1951)"),
            ("Me, Myself & Irene", "Me, Myself & Irene"),
            ("Plan, B", "Plan, B"),
            (", The", ", The"),
        ] {
            let title = article_first(title, "title", &mut Changes::default(), &Evidence::default());
            assert_eq!(title, expected);
        }
    }
}
