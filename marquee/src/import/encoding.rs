//! Text that went through a wrong encoding: written in one, read in another.
//!
//! Two ways are known. UTF-8 that was read as Windows-1252, Latin-1 or Mac Roman (`AmÃ©lie`) leaves sequences that mean nothing
//! else. Windows-1252 that was read as Mac Roman (`LÈon`) leaves capitals and signs in the middle of words; where five records
//! of a list have such, the list as a whole went that way, and what stands alone is read so, too (`2Ω` for `2½`).

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

/// A text may have gone the same way more than once.
const TIMES_MAX: usize = 3;
/// So many records tell how the list came about.
pub(crate) const SIGNS_OF_A_LIST: usize = 5;

/// Reads UTF-8 again that was read as something else; `None` when the text is as it should be.
pub(crate) fn utf8_again(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    let mut changed = false;
    for _ in 0..TIMES_MAX {
        let Some(again) = utf8_once(&text) else { break };
        text = again;
        changed = true;
    }
    changed.then_some(text)
}

fn utf8_once(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    [WINDOWS_1252, MACINTOSH].into_iter().find_map(|encoding| {
        let again = String::from_utf8(bytes(text, encoding)?).ok()?;
        // In UTF-8 what is not ASCII takes two bytes and more, so the right reading is shorter.
        (again.chars().count() < text.chars().count()).then_some(again)
    })
}

/// The bytes a text was made of, when it was read in an encoding of one byte per character.
fn bytes(text: &str, encoding: &'static Encoding) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            // Latin-1 reads these bytes as control characters, where Windows-1252 has letters and signs.
            code @ 0x80..=0x9F => bytes.push(u8::try_from(code).ok()?),
            _ => {
                let mut buffer = [0; 4];
                let (encoded, _, is_lossy) = encoding.encode(c.encode_utf8(&mut buffer));
                if is_lossy {
                    return None;
                }
                bytes.extend_from_slice(&encoded);
            }
        }
    }
    Some(bytes)
}

/// A character as it stands, and as it would have been.
struct Turned {
    was: char,
    is: char,
}

/// Reads Windows-1252 again that was read as Mac Roman, whatever it gives.
fn turned(text: &str) -> Option<Vec<Turned>> {
    if text.is_ascii() {
        return None;
    }
    let bytes = bytes(text, MACINTOSH)?;
    let (again, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
    let turned: Vec<Turned> = text
        .chars()
        .zip(again.chars())
        .map(|(was, is)| Turned { was, is })
        .collect();
    let is_text = turned.iter().all(|one| !one.is.is_control() || one.was.is_control());
    (is_text && again != text).then_some(turned)
}

fn again(turned: &[Turned]) -> String {
    turned.iter().map(|one| one.is).collect()
}

/// Tells a text that can only have come about so.
pub(crate) fn has_mac_roman_sign(text: &str) -> bool {
    mac_roman_sign(text).is_some()
}

/// Reads a text again that can only have come about so; of a list that did, also what stands alone.
pub(crate) fn mac_roman_again(text: &str, of_such_a_list: bool) -> Option<String> {
    if let Some(turned) = mac_roman_sign(text) {
        return Some(again(&turned));
    }
    let turned = turned(text)?;
    let stands_alone = |place: usize| is_capital_for_punctuation(&turned, place) || is_omega_for_half(&turned, place);
    (of_such_a_list && (0..turned.len()).any(stands_alone)).then(|| again(&turned))
}

fn mac_roman_sign(text: &str) -> Option<Vec<Turned>> {
    let turned = turned(text)?;
    let has_sign = (0..turned.len()).any(|place| is_capital_in_word(&turned, place) || is_sign_in_word(&turned, place));
    // What is read again must be free of what made it suspicious.
    let read_again: String = again(&turned);
    let is_well = self::turned(&read_again).is_none_or(|twice| {
        !(0..twice.len()).any(|place| is_capital_in_word(&twice, place) || is_sign_in_word(&twice, place))
    });
    (has_sign && is_well).then_some(turned)
}

fn neighbours(turned: &[Turned], place: usize) -> (Option<char>, Option<char>) {
    let at = |place: usize| turned.get(place).map(|one| one.was);
    (place.checked_sub(1).and_then(at), at(place + 1))
}

/// The small letters of Windows-1252 that languages write with.
fn is_letter_of_west(c: char) -> bool {
    matches!(c, 'ß'..='ö' | 'ø'..='ÿ' | 'š' | 'ž' | 'œ')
}

/// `LÈon`, `CachÈ`: a capital within a word of small letters, for a small letter.
fn is_capital_in_word(turned: &[Turned], place: usize) -> bool {
    let Turned { was, is } = turned[place];
    let (before, after) = neighbours(turned, place);
    let small = |c: Option<char>| c.is_some_and(char::is_lowercase);
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    !was.is_ascii()
        && was.is_uppercase()
        && is_letter_of_west(is)
        && ((letter(before) && small(after)) || (small(before) && !letter(after)))
}

/// `F‰lscher`, `pi˘`: a sign that stands in no word, for a letter.
fn is_sign_in_word(turned: &[Turned], place: usize) -> bool {
    const SIGNS: &str = "‡‰·˘˙˚¸˝˛ˇ";
    let Turned { was, is } = turned[place];
    let (before, after) = neighbours(turned, place);
    // Catalan writes col·lecció.
    let is_catalan = was == '·' && before.is_some_and(|c| "lL".contains(c)) && after.is_some_and(|c| "lL".contains(c));
    let small = |c: Option<char>| c.is_some_and(char::is_lowercase);
    let is_in_word = small(before) || (before.is_some_and(char::is_alphabetic) && small(after));
    SIGNS.contains(was) && is_letter_of_west(is) && is_in_word && !is_catalan
}

/// `You Ö Don't`: a capital that is no word, for a sign.
fn is_capital_for_punctuation(turned: &[Turned], place: usize) -> bool {
    let Turned { was, is } = turned[place];
    let (before, after) = neighbours(turned, place);
    let is_edge = |c: Option<char>| c.is_none_or(char::is_whitespace);
    !was.is_ascii() && was.is_uppercase() && !is.is_alphanumeric() && is_edge(before) && is_edge(after)
}

/// `2Ω`, for `2½`. (Mac Roman has the letter where Unicode has a sign for ohm as well.)
fn is_omega_for_half(turned: &[Turned], place: usize) -> bool {
    let (before, _) = neighbours(turned, place);
    turned[place].is == '½' && before.is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{has_mac_roman_sign, mac_roman_again, utf8_again};

    #[test]
    fn utf8_that_was_read_as_something_else_is_read_again() {
        for (text, expected) in [
            ("AmÃ©lie", "Amélie"),
            ("Am√©lie", "Amélie"),
            ("AmÃƒÂ©lie", "Amélie"),
            ("Itâ€™s", "It’s"),
            ("Å\u{81}Ã³dÅº", "Łódź"),
            ("ä¸ƒä¾\u{8d}", "七侍"),
        ] {
            assert_eq!(utf8_again(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "Amélie",
            "Le Fabuleux",
            "Ångström",
            "Łódź",
            "七人の侍",
            "Ã",
            "naïve – “x”",
            "São Paulo",
        ] {
            assert_eq!(utf8_again(text), None, "{text}");
        }
    }

    #[test]
    fn windows_1252_that_was_read_as_mac_roman_is_read_again_where_nothing_else_can_be_meant() {
        for (text, expected) in [
            ("LÈon", "Léon"),
            ("AstÈrix aux Jeux Olympiques", "Astérix aux Jeux Olympiques"),
            ("De battre mon coeur s'est arrÍtÈ", "De battre mon coeur s'est arrêté"),
            ("Per qualche dollaro in pi˘", "Per qualche dollaro in più"),
            ("Die F‰lscher", "Die Fälscher"),
            ("DÈj‡ Vu", "Déjà Vu"),
            ("La mala educaciÛn", "La mala educación"),
            ("Obsluhoval jsem anglickÈho kr·le", "Obsluhoval jsem anglického krále"),
            ("Joyeux NoÎl", "Joyeux Noël"),
            ("MoliËre", "Molière"),
        ] {
            assert_eq!(mac_roman_again(text, false).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_as_it_stands_is_left_alone() {
        for text in [
            "Amélie",
            "Étoiles",
            "Èze",
            "À bout de souffle",
            "LÉON",
            "Ö",
            "Col·lecció",
            "Ri¢hie Ri¢h",
            "Alien³",
            "Crime + Punishment · Part 1",
            "McÉwan",
            "5 ‰",
            "Łódź",
        ] {
            for of_such_a_list in [false, true] {
                let again = mac_roman_again(text, of_such_a_list);
                assert!(again.is_none() || (of_such_a_list && text == "Ö"), "{text}: {again:?}");
            }
            assert!(!has_mac_roman_sign(text), "{text}");
        }
    }

    #[test]
    fn in_a_list_that_went_that_way_what_stands_alone_is_read_again_too() {
        for (text, expected) in [
            ("I Love You Ö Don't Touch Me!", "I Love You … Don't Touch Me!"),
            (
                "The Naked Gun 2Ω: The Smell of Fear",
                "The Naked Gun 2½: The Smell of Fear",
            ),
        ] {
            assert_eq!(mac_roman_again(text, false), None, "{text}");
            assert_eq!(mac_roman_again(text, true).as_deref(), Some(expected), "{text}");
        }
    }
}
