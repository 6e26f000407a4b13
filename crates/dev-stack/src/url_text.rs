//! Parts of urls: names in paths, and the nodes of a cluster.

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

/// Gives a url for each node of one that names several: `amqp://user@a,b/` names two.
pub(crate) fn nodes(url: &str) -> Vec<String> {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url[authority..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| authority + at);
    let hosts = url[authority..path]
        .rfind('@')
        .map_or(authority, |at| authority + at + 1);
    url[hosts..path]
        .split(',')
        .map(|host| format!("{}{host}{}", &url[..hosts], &url[path..]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_a_cluster_is_taken_apart_by_its_nodes() {
        assert_eq!(nodes("amqp://u:p,q@a:1/v,w"), ["amqp://u:p,q@a:1/v,w"]);
        assert_eq!(nodes("amqp://u:p@a:1,b"), ["amqp://u:p@a:1", "amqp://u:p@b"]);
        assert_eq!(nodes("a,b"), ["a", "b"]);
    }

    #[test]
    fn a_name_survives_the_way_there_and_back() {
        for name in ["/", "catalog.v1", "user.#", "a b%2fc", "Käse", "100%"] {
            assert_eq!(decode(&encode(name)), name);
        }
        assert_eq!(encode("user.#"), "user.%23");
        assert_eq!(decode("100%"), "100%");
    }
}
