//! Several addresses in one url, as libpq has them: `postgres://user:password@one:5432,two:5432/database`.

/// The text of a url around its addresses.
pub(super) struct Around<'a> {
    before: &'a str,
    pub(super) addresses: &'a str,
    after: &'a str,
}

/// Finds the addresses; none in a text that is no url.
pub(super) fn around(text: &str) -> Around<'_> {
    let authority = text.find("://").map_or(text.len(), |scheme| scheme + "://".len());
    let end = text[authority..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |length| authority + length);
    let start = text[authority..end]
        .rfind('@')
        .map_or(authority, |at| authority + at + 1);
    Around {
        before: &text[..start],
        addresses: &text[start..end],
        after: &text[end..],
    }
}

impl Around<'_> {
    /// The text with other addresses.
    pub(super) fn with(&self, addresses: &str) -> String {
        [self.before, addresses, self.after].concat()
    }
}
