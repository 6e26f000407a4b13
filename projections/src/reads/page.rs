//! One page of a list.

use axum::http::StatusCode;
use serde::Serialize;
use service::Problem;
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
    const MAX: i64 = 100;

    /// Checks the `limit` of a request.
    ///
    /// # Errors
    /// 400 `INVALID_LIMIT` outside of 1 to 100.
    pub fn parse(requested: Option<i64>) -> Result<Self, Problem> {
        match requested {
            None => Ok(Self(Self::DEFAULT)),
            Some(limit @ 1..=Self::MAX) => Ok(Self(u8::try_from(limit).expect("at most 100"))),
            Some(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INVALID_LIMIT",
                "limit is a number from 1 to 100",
            )),
        }
    }

    /// Gives the number of rows to fetch: one more than the page shows.
    pub fn fetch(self) -> i64 {
        i64::from(self.0) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Page};

    fn page(rows: std::ops::Range<i64>, limit: i64) -> Page<i64> {
        let limit = Limit::parse(Some(limit)).expect("in range");
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
        for limit in [0, -1, 101, i64::MAX] {
            assert!(Limit::parse(Some(limit)).is_err());
        }
        assert_eq!(Limit::parse(None).expect("the default").fetch(), 21);
    }
}
