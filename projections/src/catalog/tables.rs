//! The catalog's two tables: how rows are written.

use sqlx::PgConnection;

use super::cinema_row::CinemaRow;
use super::movie_row::MovieRow;
use crate::Generation;
use crate::row::copy::CopyRows;
use crate::row::{Table, json_text, json_texts};

impl Table for CinemaRow {
    const NAME: &'static str = "cinemas";
    const COLUMNS: &'static str =
        "id, name, city_id, address, time_zone, programme, opened_at, updated_at, sequence, gone";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        rows.row(10)
            .field(self.id.as_str())?
            .field(self.name.as_str())?
            .field(self.city_id.as_str())?
            .field(self.address.as_str())?
            .field(self.time_zone.as_str())?
            .field(&self.programme)?
            .field(self.opened_at)?
            .field(self.updated_at)?
            .field(self.sequence)?
            .field(self.gone)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        let statement = format!(
            "INSERT INTO {generation}.cinemas \
             (id, name, city_id, address, time_zone, programme, opened_at, updated_at, sequence, gone) \
             SELECT id, name, city_id, address, time_zone, ARRAY(SELECT json_array_elements_text(programme::json)), \
             opened_at, updated_at, sequence, gone \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], \
             $8::timestamptz[], $9::bigint[], $10::boolean[]) \
             AS new (id, name, city_id, address, time_zone, programme, opened_at, updated_at, sequence, gone) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, city_id = excluded.city_id, \
             address = excluded.address, time_zone = excluded.time_zone, programme = excluded.programme, \
             opened_at = excluded.opened_at, updated_at = excluded.updated_at, sequence = excluded.sequence, \
             gone = excluded.gone"
        );
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.city_id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.address.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.time_zone.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.programme)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.opened_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .execute(tx)
            .await?;
        Ok(())
    }
}

impl Table for MovieRow {
    const NAME: &'static str = "movies";
    const COLUMNS: &'static str =
        "id, title, runtime_minutes, age_rating, ratings, genres, premiere_date, sequence, gone";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        rows.row(9)
            .field(self.id.as_str())?
            .field(self.title.as_str())?
            .field(self.runtime_minutes)?
            .field(self.age_rating.as_deref())?
            .json(&self.ratings)?
            .field(&self.genres)?
            .field(self.premiere_date.as_deref())?
            .field(self.sequence)?
            .field(self.gone)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        let columns = Self::COLUMNS;
        let statement = format!(
            "INSERT INTO {generation}.movies ({columns}) \
             SELECT id, title, runtime_minutes, age_rating, ratings::jsonb, \
             ARRAY(SELECT json_array_elements_text(genres::json)), premiere_date, sequence, gone \
             FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], \
             $8::bigint[], $9::boolean[]) AS new ({columns}) \
             ON CONFLICT (id) DO UPDATE SET title = excluded.title, runtime_minutes = excluded.runtime_minutes, \
             age_rating = excluded.age_rating, ratings = excluded.ratings, genres = excluded.genres, \
             premiere_date = excluded.premiere_date, sequence = excluded.sequence, gone = excluded.gone"
        );
        let ratings: Vec<String> = rows
            .iter()
            .map(|row| json_text(&row.ratings))
            .collect::<Result<_, _>>()?;
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.runtime_minutes).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.age_rating.as_deref()).collect::<Vec<_>>())
            .bind(ratings)
            .bind(rows.iter().map(|row| json_texts(&row.genres)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.premiere_date.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .execute(tx)
            .await?;
        Ok(())
    }
}
