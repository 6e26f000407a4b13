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
        // Where title and synopsis stay as they are, they are not assigned: the search vector is made of them, and was made again,
        // twice. Seen in a backlog: 40 instead of 68 µs of the server's CPU for an event of a movie.
        let statement = format!(
            "WITH new AS ( \
                 SELECT id, title, synopsis, runtime_minutes, age_rating, \
                 ARRAY(SELECT json_array_elements_text(genres::json)) AS genres, premiere_date, announced_at, updated_at, \
                 sequence, gone \
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::date[], \
                 $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::boolean[]) \
                 AS new (id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, announced_at, updated_at, \
                 sequence, gone) \
             ), same_text AS ( \
                 UPDATE {generation}.movies AS movie SET runtime_minutes = new.runtime_minutes, \
                 age_rating = new.age_rating, genres = new.genres, premiere_date = new.premiere_date, \
                 announced_at = new.announced_at, updated_at = new.updated_at, sequence = new.sequence, gone = new.gone \
                 FROM new WHERE movie.id = new.id AND movie.title = new.title AND movie.synopsis = new.synopsis \
                 RETURNING movie.id \
             ) \
             INSERT INTO {generation}.movies (id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, \
             announced_at, updated_at, sequence, gone) \
             SELECT id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, announced_at, updated_at, \
             sequence, gone FROM new WHERE id NOT IN (SELECT id FROM same_text) \
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
