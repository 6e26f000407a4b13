//! `Host`: which site a request is meant for. We are one site and answer for every name, but a request that names none, or
//! several, is read differently by those it passes on its way (RFC 9112, 3.2).

use std::net::Ipv6Addr;

use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Version};

use crate::{FieldError, Problem};

/// Holds a request to one valid `Host`; HTTP/1.0 may do without.
///
/// # Errors
/// 400 `INVALID_HOST`.
pub(super) fn checked(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (Some(value), None) if value.to_str().is_ok_and(is_authority) => Ok(()),
        (None, _) => Err(refused("must be given with HTTP/1.1")),
        (Some(_), None) => Err(refused("must be a name or an address, with a port or without")),
        (Some(_), Some(_)) => Err(refused("must be given only once")),
    }
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_HOST", format!("Host {detail}")).with_error(FieldError::new(
        "/Host",
        "INVALID_VALUE",
        detail,
    ))
}

/// `uri-host [":" port]` (RFC 3986, 3.2.2); an `http` URI has a host that is not empty.
fn is_authority(text: &str) -> bool {
    let (is_host, port) = if let Some(address) = text.strip_prefix('[') {
        match address.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        }
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let (name, port) = text.split_at(end);
        (is_name(name), port)
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits.is_empty() || digits.parse::<u16>().is_ok())
        });
    is_host && is_port
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let mut is_name = !name.is_empty();
    while let Some(byte) = bytes.next() {
        is_name &= match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
    }
    is_name
}

#[cfg(test)]
mod tests {
    use super::is_authority;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        for host in [
            "localhost",
            "localhost:3000",
            "example.org",
            "marquee_up-1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:3000",
            "[fe80::1]:",
            "xn--bcher-kva.example",
            "b%C3%BCcher",
            "localhost:",
            "localhost:65535",
        ] {
            assert!(is_authority(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "a b",
            "ada@localhost",
            "localhost:http",
            "localhost:65536",
            "localhost:+1",
            "::1",
            "[::1",
            "[::1]80",
            "[localhost]",
            "a/b",
            "http://a",
            "a%4",
            "a?b",
            "a#b",
            "a\"b",
            "a:1:2",
        ] {
            assert!(!is_authority(host), "{host}");
        }
    }
}
