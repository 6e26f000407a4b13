//! Premieres in one country: the statement that lists them, and where its pages begin.

use chrono::{Datelike, Months, NaiveDate};
use domain::Country;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, QueryBuilder};

use super::facts::facet_of_premiere;
use super::list::PremiereDays;
use super::row::MovieRow;
use crate::parameters::CursorText;
use crate::row::Table;
use crate::{Generation, Limit};

/// The longest window, in days: ten years. All premieres of a window are looked at and sorted for each page.
pub(super) const WINDOW_DAYS_MAX: i64 = 3_653;

/// The place of a movie: its premiere in the country as it is written, then the id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PremierePlace(CursorText, CursorText);

impl PremierePlace {
    pub(super) fn of(row: &MovieRow, country: &Country) -> Self {
        let premieres = &row.facts.premieres;
        let there = premieres.iter().find(|premiere| premiere.country == country.as_str());
        let date = there.map(|premiere| premiere.date.clone()).unwrap_or_default();
        Self(CursorText(date), CursorText(row.id.clone()))
    }
}

/// Lists the movies whose premiere in a country is in a window, the earliest first, those after a place if one is given.
pub(super) async fn list(
    connection: &mut PgConnection,
    generation: &Generation,
    (country, window): (&Country, PremiereDays),
    after: Option<&PremierePlace>,
    limit: Limit,
) -> Result<Vec<MovieRow>, sqlx::Error> {
    let columns = MovieRow::COLUMNS;
    let mut statement = QueryBuilder::new(format!(
        "SELECT {columns} FROM (SELECT {columns}, (SELECT premiere ->> 'date' \
         FROM jsonb_array_elements(facts -> 'premieres') AS premiere WHERE premiere ->> 'country' = "
    ));
    statement.push_bind(country.as_str()).push(format!(
        ") COLLATE \"C\" AS premiere_there FROM {generation}.movies WHERE NOT gone AND facets && "
    ));
    statement
        .push_bind(facets(country, window))
        // Months and years are in the window when they are found; of days, those of its first and last month may not be.
        .push(") AS movie WHERE (length(premiere_there) < 10 OR premiere_there BETWEEN ")
        .push_bind(window.from.to_string())
        .push(" AND ")
        .push_bind(window.to.to_string())
        .push(")");
    if let Some(PremierePlace(date, id)) = after {
        statement.push(" AND (premiere_there, id) > (").push_bind(&date.0);
        statement.push(", ").push_bind(&id.0).push(")");
    }
    // As it is written a premiere sorts like the first day it can be.
    statement
        .push(" ORDER BY premiere_there, id LIMIT ")
        .push_bind(limit.fetch());
    statement.build_query_as().fetch_all(connection).await
}

/// Every month the window reaches into, and every year that is in it as a whole.
fn facets(country: &Country, PremiereDays { from, to }: PremiereDays) -> Vec<String> {
    let first_of_month = from.with_day(1).unwrap_or(from);
    let next = |month: &NaiveDate| month.checked_add_months(Months::new(1));
    let months = std::iter::successors(Some(first_of_month), next).take_while(|month| *month <= to);
    let is_whole = |year: &i32| {
        let ends = [(1, 1), (12, 31)].map(|(month, day)| NaiveDate::from_ymd_opt(*year, month, day));
        ends.into_iter().flatten().all(|day| from <= day && day <= to)
    };
    let years = (from.year()..=to.year()).filter(is_whole);
    let known = months
        .map(|month| month.format("%Y-%m").to_string())
        .chain(years.map(|year| year.to_string()));
    known.map(|known| facet_of_premiere(country.as_str(), &known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facets_of(from: &str, to: &str) -> Vec<String> {
        let day = |text: &str| text.parse().expect("a day");
        let window = PremiereDays {
            from: day(from),
            to: day(to),
        };
        let country = Country::parse("DE").expect("a country");
        let facets = facets(&country, window).into_iter();
        facets
            .map(|facet| facet.trim_start_matches("premiere:DE:").to_owned())
            .collect()
    }

    #[test]
    fn a_window_reaches_into_months_and_has_years_as_a_whole() {
        assert_eq!(facets_of("2026-01-31", "2026-03-01"), ["2026-01", "2026-02", "2026-03"]);
        assert_eq!(facets_of("2026-01-31", "2026-01-31"), ["2026-01"]);
        let two_years = facets_of("2024-12-31", "2026-01-01");
        assert_eq!(
            (two_years.len(), two_years.last().map(String::as_str)),
            (15, Some("2025"))
        );
        assert_eq!(facets_of("2026-01-01", "2026-12-30").len(), 12);
        assert_eq!(facets_of("2026-01-01", "2026-12-31").len(), 13);
    }
}
