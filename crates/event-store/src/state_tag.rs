//! What a client knows a state by: the sequence of a stream's last event, and the log that it is in.

use std::fmt;

use domain::Sequence;
use uuid::Uuid;

/// A part of a log's identity that is long enough to tell it from those it may be taken for. Displays as eight hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMark(u32);

impl LogMark {
    /// The mark of a log.
    pub fn of(log_id: Uuid) -> Self {
        Self(log_id.as_fields().0)
    }
}

impl fmt::Display for LogMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// Tells a state of a stream from all others, in this log and in those that came before it: a log that went back uses the
/// same sequences again. Displays as visible ASCII without quotes: `2-1f0c93ab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTag {
    /// The sequence of the stream's last event.
    pub sequence: Sequence,
    log: LogMark,
}

impl StateTag {
    /// The tag of a stream that ends at `sequence` of a log.
    pub fn new(log_id: Uuid, sequence: Sequence) -> Self {
        let log = LogMark::of(log_id);
        Self { sequence, log }
    }

    /// Reads a tag as it is displayed; `None` for any other text. Tags are compared as text: `05` is not `5`.
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, log) = text.split_once('-')?;
        let tag = Self {
            sequence: Sequence(sequence.parse().ok()?),
            log: LogMark(u32::from_str_radix(log, 16).ok()?),
        };
        (tag.sequence.0 > 0 && tag.to_string() == text).then_some(tag)
    }
}

impl fmt::Display for StateTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.sequence.0, self.log)
    }
}

#[cfg(test)]
mod tests {
    use domain::Sequence;
    use uuid::Uuid;

    use super::StateTag;

    #[test]
    fn a_tag_is_read_as_it_is_shown_and_no_other_text_is_one() {
        let log_id = Uuid::from_u128(0x1f0c_93ab_0000_4000_8000_0000_0000_0007);
        let tag = StateTag::new(log_id, Sequence(12));
        assert_eq!(tag.to_string(), "12-1f0c93ab");
        assert_eq!(StateTag::parse("12-1f0c93ab"), Some(tag));
        assert_ne!(StateTag::new(Uuid::from_u128(7), Sequence(12)), tag);
        for other in [
            "",
            "12",
            "12-",
            "-1f0c93ab",
            "012-1f0c93ab",
            "+12-1f0c93ab",
            "0-1f0c93ab",
            "12-1F0C93AB",
            "12-1f0c93a",
            "12-1f0c93ab-",
            "x-1f0c93ab",
        ] {
            assert_eq!(StateTag::parse(other), None, "{other}");
        }
    }
}
