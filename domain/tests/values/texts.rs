//! Texts of one line and of many, ids, addresses of email.

use domain::{Email, Synopsis};

use crate::{IDS, LINES, code};

#[test]
fn a_line_has_1_to_its_most_characters_counted_as_characters_and_after_trimming() {
    for (what, parse, most) in LINES {
        for character in ["x", "ü", "映", "🎬"] {
            assert_eq!(parse(character).as_deref(), Ok(character), "{what}");
            let longest = character.repeat(most);
            assert_eq!(parse(&longest).as_deref(), Ok(longest.as_str()), "{what}");
            assert_eq!(
                parse(&format!(" \t{longest}\n")).as_deref(),
                Ok(longest.as_str()),
                "{what}"
            );
            assert_eq!(code(parse(&character.repeat(most + 1))), "TOO_LONG", "{what}");
        }
    }
}

#[test]
fn a_line_without_anything_to_see_is_empty() {
    for (what, parse, _) in LINES {
        for text in ["", " ", "\t\r\n", "\u{A0}\u{3000}", "\u{200B}", "\u{FEFF} \u{2060}"] {
            assert_eq!(code(parse(text)), "TOO_SHORT", "{what}: {text:?}");
        }
        // Joiners, the filler of Hangul, a hyphen where a word may break, a selector, a tag, an empty Braille cell, a lone accent.
        for text in [
            "\u{200D}",
            "\u{200C}\u{200D}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{AD}",
            "\u{AD} \u{AD}",
            "\u{200E}",
            "\u{61C}",
            "\u{FE0F}",
            "\u{E0041}\u{E007F}",
            "\u{2800}",
            "\u{180E}",
            "\u{34F}",
            "\u{301}",
            "\u{FFF9}",
            "\u{3164}\u{A0}\u{AD}",
        ] {
            assert_eq!(code(parse(text)), "TOO_SHORT", "{what}: {text:?}");
        }
        // Hidden characters have their use among others.
        for text in [
            "می\u{200C}روم",
            "क्\u{200D}ष",
            "❤\u{FE0F}",
            "Don\u{AD}au",
            "\u{200F}שלום",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text), "{what}: {text:?}");
        }
    }
}

#[test]
fn a_line_has_no_control_characters_and_nothing_that_breaks_or_reorders_it() {
    for (what, parse, _) in LINES {
        for inner in [
            '\0', '\n', '\r', '\t', '\u{1B}', '\u{7F}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202E}',
        ] {
            assert_eq!(
                code(parse(&format!("a{inner}b"))),
                "CONTROL_CHARACTER",
                "{what}: {inner:?}"
            );
        }
        assert_eq!(code(parse("\0")), "CONTROL_CHARACTER", "{what}");
        assert_eq!(
            parse("O'Brien, “Zoë” 👩\u{200D}🎤 ").as_deref(),
            Ok("O'Brien, “Zoë” 👩\u{200D}🎤"),
            "{what}"
        );
    }
}

#[test]
fn a_synopsis_has_0_to_5000_characters_and_may_have_line_breaks_and_tabs() {
    for text in ["", "One.\r\n\tTwo.\n\nThree.", "ü".repeat(5000).as_str()] {
        assert_eq!(Synopsis::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(Synopsis::parse(" \n One. \n").unwrap().as_str(), "One.");
    assert_eq!(Synopsis::parse("\u{AD}\n\u{3164}").unwrap().as_str(), "");
    assert_eq!(code(Synopsis::parse(&"ü".repeat(5001))), "TOO_LONG");
    for text in ["a\0b", "a\u{8}b", "a\u{85}b"] {
        assert_eq!(code(Synopsis::parse(text)), "CONTROL_CHARACTER");
    }
}

#[test]
fn an_email_address_is_plausible() {
    for text in [
        "a@b.c",
        "first.last+tag@mail.example.org",
        "ü@exämple.org",
        "o'brien@example.org",
    ] {
        assert_eq!(Email::parse(text).unwrap().as_str(), text);
    }
    assert_eq!(Email::parse(" a@b.c\n").unwrap().as_str(), "a@b.c");
}

#[test]
fn an_email_address_has_one_at_sign_and_a_domain_with_a_dot_and_no_spaces() {
    for text in [
        "",
        "a",
        "@",
        "a@",
        "@b.c",
        "a@b",
        "a@b.",
        "a@.c",
        "a@b..c",
        "a@b@c.d",
        "a@@b.c",
        "a b@c.d",
        "a@b c.d",
        "a\n@b.c",
        "a\0@b.c",
        "a@b.c\0",
        "a\u{A0}b@c.d",
        "a\u{202E}@b.c",
        "a\u{200B}@b.c",
        "a@b\u{AD}.c",
        "\u{3164}@b.c",
        "a@\u{2800}.c",
    ] {
        assert_eq!(code(Email::parse(text)), "INVALID_EMAIL", "{text:?}");
    }
}

#[test]
fn an_email_address_has_at_most_254_characters() {
    let of_length = |length: usize| format!("{}@b.c", "x".repeat(length - 4));
    assert_eq!(code(Email::parse(&of_length(254))), "accepted");
    assert_eq!(code(Email::parse(&of_length(255))), "TOO_LONG");
}

#[test]
fn an_id_has_1_to_64_characters_that_are_safe_everywhere() {
    let longest = "x".repeat(64);
    for parse in IDS {
        for text in [
            "1",
            "A-Z_a-z_0-9",
            "-",
            "_",
            longest.as_str(),
            "0190b1a2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            " ",
            " 1",
            "1\n",
            "a.b",
            "a/b",
            "a%20b",
            "ü",
            "１",
            "a\0",
            "x".repeat(65).as_str(),
        ] {
            assert_eq!(code(parse(text)), "INVALID_ID", "{text:?}");
        }
    }
}
