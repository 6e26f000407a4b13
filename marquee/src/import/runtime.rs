//! How long a movie is, as lists write it.

/// Reads minutes: `90`, `90.0`, `90 min`, `1h 30min`, `1 hr 30`, `PT1H30M`, `1:30:00`. What may mean something else is `None`:
/// `1:30` may be a minute and a half.
pub(crate) fn minutes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("pt").unwrap_or(&text);
    if let [hours, minutes, "00"] = *text.split(':').collect::<Vec<_>>() {
        return in_hours(whole(hours)?, whole(minutes)?);
    }
    let parts = parts(text)?;
    match *parts.as_slice() {
        [(number, "")] => Some(number),
        [(minutes, unit)] if is_minutes(unit) => Some(minutes),
        [(hours, unit)] if is_hours(unit) => in_hours(hours, 0),
        [(hours, unit), (minutes, other)] if is_hours(unit) && (other.is_empty() || is_minutes(other)) => {
            in_hours(hours, minutes)
        }
        _ => None,
    }
}

fn in_hours(hours: i64, minutes: i64) -> Option<i64> {
    (minutes < 60).then(|| hours * 60 + minutes)
}

fn is_minutes(unit: &str) -> bool {
    matches!(unit, "m" | "min" | "mins" | "minute" | "minutes")
}

fn is_hours(unit: &str) -> bool {
    matches!(unit, "h" | "hr" | "hrs" | "hour" | "hours")
}

/// At most six digits, and `.0` where something has taken it for a fraction.
fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let fits = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

/// Numbers, each with the word behind it.
fn parts(text: &str) -> Option<Vec<(i64, &str)>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number = whole(&rest[..number_end])?;
        rest = rest[number_end..].trim_start();
        let unit_end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
        let unit = &rest[..unit_end];
        rest = rest[unit_end..].trim_start();
        if !unit.is_empty() {
            rest = rest.strip_prefix('.').unwrap_or(rest).trim_start();
        }
        parts.push((number, unit));
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn minutes_are_read_as_lists_write_them() {
        for (text, expected) in [
            ("90", 90),
            (" 90 ", 90),
            ("90.0", 90),
            ("90 min", 90),
            ("90min.", 90),
            ("90 Minutes", 90),
            ("1h 30min", 90),
            ("1h30m", 90),
            ("1 hr. 30 mins", 90),
            ("2 h", 120),
            ("1 hour 5", 65),
            ("PT1H30M", 90),
            ("PT95M", 95),
            ("1:30:00", 90),
            ("51420", 51_420),
            ("0", 0),
        ] {
            assert_eq!(minutes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_not_read() {
        for text in [
            "",
            "min",
            "1:30",
            "90/95",
            "90-95",
            "90, 95",
            "1h 75min",
            "90.5",
            "-90",
            "90 s",
            "ninety",
            "~90",
            "1h 30min 20s",
            "9999999",
            "90 min 95 min",
            "1:30:20",
            ".",
            "9.",
            "PT",
        ] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
