//! One page of a list.

use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list, and where the next one begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T: ToSchema> Page<T> {
    /// Cuts a page out of rows that were fetched with [`Limit::fetch`], one more than the page shows: the surplus row
    /// tells that there is a next page, whose cursor is made from the last row shown.
    pub fn cut<R>(mut rows: Vec<R>, limit: Limit, cursor: impl FnOnce(&R) -> String, item: impl Fn(R) -> T) -> Self {
        let shown = usize::from(limit.0);
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self {
            items: rows.into_iter().map(item).collect(),
            next_cursor,
        }
    }
}

/// How many items a page shows: 1 to 100, 20 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    const DEFAULT: u8 = 20;
    const MAX: u8 = 100;

    /// Takes a number from 1 to 100; `None` for any other.
    pub fn new(items: u8) -> Option<Self> {
        (1..=Self::MAX).contains(&items).then_some(Self(items))
    }

    /// Gives the number of rows to fetch: one more than the page shows.
    pub fn fetch(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Page};

    fn page(rows: std::ops::Range<i64>, limit: u8) -> Page<i64> {
        let limit = Limit::new(limit).expect("in range");
        Page::cut(rows.collect(), limit, i64::to_string, |row| row)
    }

    #[test]
    fn a_page_with_a_surplus_row_has_a_next_one_after_its_last_item() {
        let page = page(1..4, 2);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], Some("2".into())));
    }

    #[test]
    fn a_page_that_is_just_full_is_the_last_one() {
        let page = page(1..3, 2);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], None));
    }

    #[test]
    fn a_limit_outside_of_its_range_is_refused() {
        for limit in [0, 101, u8::MAX] {
            assert_eq!(Limit::new(limit), None);
        }
        assert_eq!(Limit::default().fetch(), 21);
    }
}
