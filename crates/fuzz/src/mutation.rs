//! An input like others, but for something.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// The most bytes of an input.
const LENGTH_MAX: usize = 96 * 1024;
/// What decoders of text, JSON, forms and base64 stumble over.
const TOKENS: [&[u8]; 30] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b":",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"\\udfff",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e999",
    b"1.5",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"&",
    b"=",
    b"%",
    b"%ff",
    b"%00",
    b"\n",
    b"\xe2\x80\xae",
];

/// Takes an input and changes it in one to six places.
pub(crate) fn mutated(inputs: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut input = one_of(inputs, random).clone();
    for _ in 0..random.random_range(1..=6) {
        change(&mut input, inputs, random);
    }
    input.truncate(LENGTH_MAX);
    input
}

fn change(input: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut ChaCha8Rng) {
    let at = random.random_range(0..=input.len());
    let end = (at + random.random_range(1..=32)).min(input.len());
    match random.random_range(0..8) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        1 if at < input.len() => input[at] = random.random(),
        2 => drop(input.drain(at..end)),
        3 => {
            let part = input[at..end].to_vec();
            let times = if random.random_ratio(1, 50) {
                2_000
            } else {
                random.random_range(1..4)
            };
            drop(input.splice(at..at, part.repeat(times)));
        }
        4 => {
            let other = one_of(inputs, random);
            let from = random.random_range(0..=other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        5 => input.truncate(at),
        _ => drop(input.splice(at..at, one_of(&TOKENS, random).iter().copied())),
    }
}

fn one_of<'a, T>(choices: &'a [T], random: &mut ChaCha8Rng) -> &'a T {
    &choices[random.random_range(0..choices.len())]
}
