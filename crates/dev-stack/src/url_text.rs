//! Percent encoding, for names in the paths of urls.

/// Encodes everything but letters, digits and `-_.~` (RFC 3986, 2.3), so that a name is one path segment.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}

/// Decodes `%XX`; what is no such code stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_way_there_and_back() {
        for name in ["/", "catalog.v1", "user.#", "a b%2fc", "Käse", "100%"] {
            assert_eq!(decode(&encode(name)), name);
        }
        assert_eq!(encode("user.#"), "user.%23");
        assert_eq!(decode("100%"), "100%");
    }
}
