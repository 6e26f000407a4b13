//! The movies table: how rows are written.

use sqlx::PgConnection;

use super::row::MovieRow;
use crate::Generation;
use crate::row::copy::CopyRows;
use crate::row::{Table, json_texts};

impl Table for MovieRow {
    const NAME: &'static str = "movies";
    const COLUMNS: &'static str = "id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, \
                                   announced_at, updated_at, sequence, gone";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        rows.row(11)
            .field(self.id.as_str())?
            .field(self.title.as_str())?
            .field(self.synopsis.as_str())?
            .field(self.runtime_minutes)?
            .field(self.age_rating.as_str())?
            .field(&self.genres)?
            .field(self.premiere_date)?
            .field(self.announced_at)?
            .field(self.updated_at)?
            .field(self.sequence)?
            .field(self.gone)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        let statement = format!(
            "INSERT INTO {generation}.movies (id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, \
             announced_at, updated_at, sequence, gone) \
             SELECT id, title, synopsis, runtime_minutes, age_rating, \
             ARRAY(SELECT json_array_elements_text(genres::json)), premiere_date, announced_at, updated_at, sequence, gone \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::date[], \
             $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::boolean[]) \
             AS new (id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, announced_at, updated_at, \
             sequence, gone) \
             ON CONFLICT (id) DO UPDATE SET title = excluded.title, synopsis = excluded.synopsis, \
             runtime_minutes = excluded.runtime_minutes, age_rating = excluded.age_rating, genres = excluded.genres, \
             premiere_date = excluded.premiere_date, announced_at = excluded.announced_at, \
             updated_at = excluded.updated_at, sequence = excluded.sequence, gone = excluded.gone"
        );
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.synopsis.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.runtime_minutes).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.age_rating.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.genres)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.premiere_date).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.announced_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .execute(tx)
            .await?;
        Ok(())
    }
}
