//! The page that describes the messages, taken apart.

const PAGE: &str = include_str!("../../../../docs/message-contract.md");

pub(crate) fn section(heading: &str) -> &'static str {
    let start = PAGE
        .find(&format!("\n## {heading}\n"))
        .expect("the page has the section");
    let section = &PAGE[start + 4..];
    &section[..section.find("\n## ").unwrap_or(section.len())]
}

/// The rows of the first table under a heading: cells without their backticks.
pub(crate) fn table(heading: &str) -> Vec<Vec<String>> {
    tables(heading).swap_remove(0)
}

/// The rows of each table under a heading.
pub(crate) fn tables(heading: &str) -> Vec<Vec<Vec<String>>> {
    let cells = |line: &str| -> Vec<String> {
        let row = line
            .strip_prefix('|')
            .and_then(|row| row.strip_suffix('|'))
            .expect("a row");
        let inner = row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        inner.collect()
    };
    let paragraphs = section(heading)
        .split("\n\n")
        .filter(|paragraph| paragraph.starts_with('|'));
    paragraphs
        .map(|paragraph| paragraph.lines().skip(2).map(cells).collect())
        .collect()
}

/// The first block of JSON under a heading.
pub(crate) fn example(heading: &str) -> &'static str {
    block(heading, "json")
}

/// The first block in a language under a heading.
pub(crate) fn block(heading: &str, language: &str) -> &'static str {
    let (_, block) = section(heading)
        .split_once(&format!("```{language}\n"))
        .expect("the section has an example");
    block.split_once("\n```").expect("the block ends").0
}
