//! Films that nobody has made: as many as are wanted, the same ones each time, their words as common and as rare as those of life.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Envelope, Event, Metadata, Position, Sequence};
use projections::Recorded;
use serde_json::json;
use service::BoxError;
use uuid::Uuid;

const SYLLABLES: [&str; 40] = [
    "ba", "ko", "ri", "ten", "mar", "lo", "sha", "vin", "du", "pel", "gra", "no", "fi", "zu", "ker", "am", "il", "or",
    "un", "es", "tra", "ble", "chi", "dor", "fen", "gul", "hi", "jo", "kas", "lem", "mi", "nar", "op", "pra", "qua",
    "rus", "sel", "tor", "vol", "wes",
];
/// The words that every language has most of.
const COMMON: [&str; 16] = [
    "the", "of", "a", "and", "in", "to", "love", "man", "night", "war", "last", "day", "girl", "dark", "star", "life",
];
const HAN: [char; 24] = [
    '風', '雲', '山', '水', '花', '月', '天', '地', '人', '大', '小', '龍', '虎', '金', '紅', '白', '夜', '春', '秋',
    '海', '城', '家', '英', '雄',
];
const WORDS: u64 = 12_000;
const SYNOPSIS_WORDS: u64 = 45;
const BEGAN: &str = "2026-01-01T00:00:00Z";

/// Numbers that follow one another without any order (SplitMix64), the same ones each time.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    /// A word: the common ones in nearly half of all cases, the others the rarer the higher their number.
    pub(crate) fn word(&mut self) -> String {
        if self.below(100) < 45 {
            let nth = self.below(16).min(self.below(16));
            return COMMON[usize::try_from(nth).unwrap_or(0)].to_owned();
        }
        let nth = (1..=3).map(|_| self.below(WORDS)).min().unwrap_or(0);
        made_up(nth)
    }
}

fn made_up(nth: u64) -> String {
    let mut numbers = Numbers::new(nth + 1_000_000);
    let syllable = |numbers: &mut Numbers| SYLLABLES[usize::try_from(numbers.below(40)).unwrap_or(0)];
    (0..2 + numbers.below(3)).map(|_| syllable(&mut numbers)).collect()
}

/// The title of a film.
pub(crate) fn title(number: u64) -> String {
    let mut numbers = Numbers::new(number);
    if number % 25 == 24 {
        return (0..2 + numbers.below(5))
            .map(|_| HAN[usize::try_from(numbers.below(24)).unwrap_or(0)])
            .collect();
    }
    let words: Vec<String> = (0..=numbers.below(5)).map(|_| numbers.word()).collect();
    let text = words.join(if number % 40 == 7 { "-" } else { " " });
    match number % 4 {
        0 => format!("The {text}"),
        1 if number % 12 == 1 => format!("{text} {}", 2 + numbers.below(4)),
        _ => text,
    }
}

/// What it is about.
fn synopsis(number: u64) -> String {
    let mut numbers = Numbers::new(number + 500_000_000);
    let words: Vec<String> = (0..SYNOPSIS_WORDS).map(|_| numbers.word()).collect();
    words.join(" ")
}

/// The event that announced the film.
///
/// # Errors
/// When the domain does not take it.
pub(crate) fn announced(number: u64) -> Result<Recorded, BoxError> {
    let id = crate::history::id(i64::try_from(number)?);
    let position = i64::try_from(number)? + 1;
    let payload = json!({
        "type": "movie.announced", "id": id, "title": title(number), "synopsis": synopsis(number), "runtime_minutes": 100,
        "age_rating": "12", "genres": [format!("genre-{}", number % 20)],
        "premiere_date": format!("{}-{:02}-{:02}", 1930 + number % 95, number % 12 + 1, number % 28 + 1),
    })
    .to_string();
    let event = Event::decode("movie.announced", "2", &payload)?;
    let began: DateTime<Utc> = BEGAN.parse()?;
    let envelope = Envelope {
        log_id: Uuid::nil(),
        position: Position(position),
        event_id: Uuid::from_u128(position.unsigned_abs().into()),
        aggregate_type: "movie".to_owned(),
        aggregate_id: id,
        sequence: Sequence(1),
        event_type: "movie.announced".to_owned(),
        event_version: "2".to_owned(),
        payload,
        metadata: Metadata::default(),
        recorded_at: began + TimeDelta::milliseconds(position),
    };
    Ok(Recorded { envelope, event })
}

/// What somebody types: titles as they are, typed in part, their words, words of the text, the most common ones too.
pub(crate) fn asked(number: u64, films: u64) -> String {
    let mut numbers = Numbers::new(number + 900_000_000);
    let sought = title(numbers.below(films));
    let first =
        |text: &str, length: u64| -> String { text.chars().take(usize::try_from(length).unwrap_or(1)).collect() };
    match number % 16 {
        0 => sought,
        1 => sought.to_uppercase(),
        2..=4 => first(&sought, 1 + numbers.below(12)),
        5 => sought.split(' ').next_back().unwrap_or_default().to_owned(),
        6 => sought.split(' ').rev().collect::<Vec<_>>().join(" "),
        7 => COMMON[usize::try_from(numbers.below(16)).unwrap_or(0)].to_owned(),
        8 => format!("{} {}", numbers.word(), numbers.word()),
        9 => format!("{} {}", numbers.word(), first(&numbers.word(), 2)),
        10 => numbers.word(),
        11 => format!("\"{} {}\"", numbers.word(), numbers.word()),
        12 => format!("{} -{}", numbers.word(), numbers.word()),
        13 => synopsis(numbers.below(films))
            .split(' ')
            .take(3)
            .collect::<Vec<_>>()
            .join(" "),
        14 => HAN[usize::try_from(numbers.below(24)).unwrap_or(0)].to_string(),
        _ => format!("{} or {}", numbers.word(), numbers.word()),
    }
}
