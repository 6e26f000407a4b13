//! When a movie was first shown, as lists write it.

/// A date as far as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) year: i32,
    pub(crate) month: Option<u32>,
    pub(crate) day: Option<u32>,
    /// How it was written, when not as everybody would read it.
    pub(crate) how: How,
}

/// How a date was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `1998-06-12`, `1998-06`, `1998`.
    Plainly,
    /// With a month by its name, or in another order that means one thing only.
    InWords,
    /// Day and month may be the other way round, so they are not told.
    WithoutOrder,
    /// With a year of two digits.
    WithTwoDigits,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Told {
    fn new(year: i32, month: Option<u32>, day: Option<u32>, how: How) -> Option<Self> {
        let fits = match (month, day) {
            (None, None) => true,
            (Some(month), None) => (1..=12).contains(&month),
            (Some(month), Some(day)) => chrono::NaiveDate::from_ymd_opt(year, month, day).is_some(),
            (None, Some(_)) => false,
        };
        fits.then_some(Self { year, month, day, how })
    }

    /// As the API takes it.
    pub(crate) fn text(self) -> String {
        match (self.month, self.day) {
            (Some(month), Some(day)) => format!("{:04}-{month:02}-{day:02}", self.year),
            (Some(month), None) => format!("{:04}-{month:02}", self.year),
            _ => format!("{:04}", self.year),
        }
    }

    /// With only the year.
    pub(crate) fn year_only(self) -> Self {
        Self {
            month: None,
            day: None,
            ..self
        }
    }
}

/// Reads a date; `None` when it is none, may be any, or is doubted (`1998?`).
pub(crate) fn told(text: &str) -> Option<Told> {
    if text.contains('?') {
        return None;
    }
    let text = without_time(text.trim());
    let text = text.strip_suffix(".0").filter(|year| year.len() == 4).unwrap_or(text);
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    match *words.as_slice() {
        [all] if all.len() == 8 && digits(all) => numbered(&all[..4], &all[4..6], &all[6..], How::InWords),
        [year] => Told::new(year_of(year)?, None, None, How::Plainly),
        [year, month] if digits(month) && month.len() <= 2 => {
            let month = number(month)?;
            Told::new(year_of(year)?, (month > 0).then_some(month), None, How::Plainly)
        }
        [month, year] | [year, month] if month_of(month).is_some() => {
            Told::new(year_of(year)?, month_of(month), None, How::InWords)
        }
        [month, day, year] | [day, month, year] | [year, month, day] if month_of(month).is_some() => {
            in_words(year, month, day)
        }
        [year, month, day] if year.len() == 4 && digits(year) => numbered(year, month, day, How::Plainly),
        [first, second, year] => either_way(first, second, year, text.contains('.')),
        _ => None,
    }
}

/// `1998-06-12T00:00:00Z` and `1998-06-12 00:00:00` are days.
fn without_time(text: &str) -> &str {
    let is_time = |rest: &str| rest.len() >= 5 && rest.as_bytes()[2] == b':' && rest.as_bytes()[0].is_ascii_digit();
    match text.get(10..11).zip(text.get(11..)) {
        Some(("T" | " ", rest)) if is_time(rest) => &text[..10],
        _ => text,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn number(text: &str) -> Option<u32> {
    (digits(text) && text.len() <= 2).then(|| text.parse().ok()).flatten()
}

fn year_of(text: &str) -> Option<i32> {
    (digits(text) && text.len() == 4).then(|| text.parse().ok()).flatten()
}

fn month_of(text: &str) -> Option<u32> {
    let text = text.to_ascii_lowercase();
    let text = if text == "sept" { "sep" } else { &text };
    let is_meant = |month: &&str| **month == *text || (text.len() == 3 && month.starts_with(text));
    let place = MONTHS.iter().position(is_meant)?;
    u32::try_from(place + 1).ok()
}

/// A month or day of 0 is not known.
fn numbered(year: &str, month: &str, day: &str, how: How) -> Option<Told> {
    let (month, day) = (number(month)?, number(day)?);
    let month = (month > 0).then_some(month);
    Told::new(year_of(year)?, month, month.and((day > 0).then_some(day)), how)
}

fn in_words(year: &str, month: &str, day: &str) -> Option<Told> {
    let day = ["st", "nd", "rd", "th"]
        .into_iter()
        .find_map(|suffix| day.strip_suffix(suffix))
        .unwrap_or(day);
    let (month, day) = (month_of(month), number(day));
    match year_of(year) {
        Some(year) => Told::new(year, month, Some(day?), How::InWords),
        None => Told::new(two_digits(year)?, month, Some(day?), How::WithTwoDigits),
    }
}

/// `12/06/1998`: with dots the day comes first; else only where one of them cannot be a month.
fn either_way(first: &str, second: &str, year: &str, day_first: bool) -> Option<Told> {
    let (first, second) = (number(first)?, number(second)?);
    let (how, year) = match year_of(year) {
        Some(year) => (How::InWords, year),
        None => (How::WithTwoDigits, two_digits(year)?),
    };
    let day_month = Told::new(year, Some(second), Some(first), how);
    let month_day = Told::new(year, Some(first), Some(second), how);
    match (day_month, month_day) {
        (Some(told), _) if day_first => Some(told),
        (Some(one), Some(other)) if one != other => {
            let how = if how == How::InWords { How::WithoutOrder } else { how };
            Told::new(year, None, None, how)
        }
        (told, other) => told.or(other),
    }
}

/// In the 21st century; which one is meant, the list tells.
fn two_digits(text: &str) -> Option<i32> {
    let is_year = digits(text) && text.len() == 2;
    is_year
        .then(|| text.parse::<i32>().ok())
        .flatten()
        .map(|year| 2000 + year)
}

#[cfg(test)]
mod tests {
    use super::{How, told};

    #[track_caller]
    fn assert_read(text: &str, expected: &str, how: How) {
        let told = told(text).unwrap_or_else(|| panic!("{text} is a date"));
        assert_eq!((told.text().as_str(), told.how), (expected, how), "{text}");
    }

    #[test]
    fn a_date_is_read_as_far_as_it_is_told() {
        for (text, expected) in [
            ("1998-06-12", "1998-06-12"),
            ("1998/6/12", "1998-06-12"),
            ("1998-06-12T00:00:00Z", "1998-06-12"),
            ("1998-06-12 00:00:00", "1998-06-12"),
            ("1998-06", "1998-06"),
            ("1998", "1998"),
            ("1998.0", "1998"),
            ("1998-00-00", "1998"),
            ("1998-06-00", "1998-06"),
        ] {
            assert_read(text, expected, How::Plainly);
        }
        for (text, expected) in [
            ("Jun 12 1998", "1998-06-12"),
            ("12 June 1998", "1998-06-12"),
            ("June 12th, 1998", "1998-06-12"),
            ("12-Jun-1998", "1998-06-12"),
            ("Sept 1998", "1998-09"),
            ("19980612", "1998-06-12"),
            ("13/06/1998", "1998-06-13"),
            ("06/13/1998", "1998-06-13"),
            ("05/05/1998", "1998-05-05"),
            ("12.06.1998", "1998-06-12"),
        ] {
            assert_read(text, expected, How::InWords);
        }
        assert_read("06/12/1998", "1998", How::WithoutOrder);
        assert_read("12-Jun-98", "2098-06-12", How::WithTwoDigits);
        assert_read("06/12/33", "2033", How::WithTwoDigits);
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "soon",
            "98",
            "199",
            "19985",
            "1998-13-01",
            "1998-02-30",
            "Foo 12 1998",
            "12 Jun",
            "Jun 31 1998",
            "1998-06-12-1",
            "Q3 1998",
            "１９９８",
            "1998?",
            "c. 1998",
            "TBA 1998 x y",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
