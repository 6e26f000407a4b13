//! The rules by which values of a list are repaired or left out, and records refused.

use std::fmt;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// A value is taken as what it must have been.
    Repaired,
    /// A value is not taken; the rest of its record is.
    LeftOut,
    /// A record is not taken.
    Refused,
}

macro_rules! rules {
    ($($rule:ident, $effect:ident, $name:literal, $meaning:literal;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Rule {
            $(#[doc = $meaning] $rule,)*
        }

        impl Rule {
            /// All rules, as the report lists them.
            pub(crate) const ALL: &[Self] = &[$(Self::$rule,)*];

            /// What the rule does.
            pub(crate) fn effect(self) -> Effect {
                match self {
                    $(Self::$rule => Effect::$effect,)*
                }
            }

            /// Its name in reports and files.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            /// What it says.
            pub(crate) fn meaning(self) -> &'static str {
                match self {
                    $(Self::$rule => $meaning,)*
                }
            }
        }
    };
}

rules! {
    NumberAsTitle, Repaired, "number-as-title", "a title that was read as a number is its digits";
    Whitespace, Repaired, "whitespace", "blanks around a text, doubled ones and line breaks are one blank or none";
    Invisible, Repaired, "invisible", "characters that show nothing are left away";
    HtmlEntity, Repaired, "html-entity", "&amp; is &";
    Encoding, Repaired, "encoding", "text that was read in a wrong encoding is read in the right one";
    ArticleLast, Repaired, "article-last", "\"Brigade, The\" is \"The Brigade\"";
    YearInTitle, Repaired, "year-in-title", "\"King Kong (1933)\" is King Kong of 1933, when nothing else is said of the year";
    RuntimeWords, Repaired, "runtime-words", "\"1h 30min\" is 90 minutes";
    DateWords, Repaired, "date-words", "\"Jun 12 1998\" is 1998-06-12";
    TwoDigitYear, Repaired, "two-digit-year", "a year in a far future was written with two digits: 2033 is 1933";
    YearOnly, Repaired, "year-only", "where a list has far too many premieres on 1 January, or on 31 December, only the year is known";
    MonthOnly, Repaired, "month-only", "where a list has far too many premieres on the first of a month, only the month is known";
    AmbiguousDay, Repaired, "ambiguous-day", "06/12/1998 may be in June or in December: only the year is known";
    Unrated, Repaired, "unrated", "\"Not Rated\" is unrated";
    NameSuffix, Repaired, "name-suffix", "\"Ed Begley, Jr.\" is one person";
    ItemTwice, Repaired, "item-twice", "what a list names twice is named once";

    NoValue, LeftOut, "no-value", "N/A, null and their like are no value";
    TextLost, LeftOut, "text-lost", "a character was lost in a wrong encoding and nobody can know it";
    RuntimeZero, LeftOut, "runtime-zero", "no movie runs for 0 minutes";
    RuntimeUnreadable, LeftOut, "runtime-unreadable", "it is not clear how many minutes are meant";
    DateUnreadable, LeftOut, "date-unreadable", "it is no day, month or year from 1888 to 2200";
    RatingUnknown, LeftOut, "rating-unknown", "the body has no such rating";
    LanguageUnknown, LeftOut, "language-unknown", "it is no language that has a tag";
    CountryUnknown, LeftOut, "country-unknown", "it is no country that has a code";
    ExternalIdMalformed, LeftOut, "external-id-malformed", "it is no id of its scheme";
    ExternalIdOfAnother, LeftOut, "external-id-of-another", "an earlier record, of another title or year, has this id";
    ValueUnusable, LeftOut, "value-unusable", "it is too long, or not as such a value is";
    TooMany, LeftOut, "too-many", "a list has more items than a movie may have";

    NotARecord, Refused, "not-a-record", "it cannot be read as a record";
    TitleMissing, Refused, "title-missing", "it has no title";
    TitleUnusable, Refused, "title-unusable", "its title is too long, or a character of it was lost in a wrong encoding";
    IdUnusable, Refused, "id-unusable", "its own id is none that a movie may have";
    Duplicate, Refused, "duplicate", "an earlier record is about the same movie";
    RefusedByService, Refused, "refused-by-service", "the service refused it";
}

impl Rule {
    /// The rules that judge, and may judge wrongly: an import can do without them. The others only write down in another way
    /// what is told.
    pub(crate) const JUDGING: &[Self] = &[
        Self::Invisible,
        Self::HtmlEntity,
        Self::Encoding,
        Self::ArticleLast,
        Self::YearInTitle,
        Self::TwoDigitYear,
        Self::YearOnly,
        Self::MonthOnly,
        Self::NameSuffix,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a rule did to a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) rule: Rule,
    pub(crate) field: String,
    pub(crate) before: String,
    /// None when it was left out.
    pub(crate) after: Option<String>,
}

/// What was done to a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// A value was taken as another.
    pub(crate) fn repaired(&mut self, rule: Rule, field: &str, before: &str, after: &str) {
        debug_assert_eq!(rule.effect(), Effect::Repaired);
        self.push(rule, field, before, Some(after));
    }

    /// A value was not taken.
    pub(crate) fn left_out(&mut self, rule: Rule, field: &str, before: &str) {
        debug_assert_eq!(rule.effect(), Effect::LeftOut);
        self.push(rule, field, before, None);
    }

    fn push(&mut self, rule: Rule, field: &str, before: &str, after: Option<&str>) {
        self.0.push(Change {
            rule,
            field: field.to_owned(),
            before: before.to_owned(),
            after: after.map(str::to_owned),
        });
    }

    pub(crate) fn as_slice(&self) -> &[Change] {
        &self.0
    }
}

/// Why a record is not taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        debug_assert_eq!(rule.effect(), Effect::Refused);
        let detail = detail.into();
        Self { rule, detail }
    }
}
