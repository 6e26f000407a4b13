//! The movies table: how rows are written.

use sqlx::PgConnection;

use super::row::MovieRow;
use crate::Generation;
use crate::row::copy::CopyRows;
use crate::row::{Table, json_text, json_texts};
use crate::search::text::Searched;

impl Table for MovieRow {
    const NAME: &'static str = "movies";
    const COLUMNS: &'static str = "id, title, synopsis, runtime_minutes, age_rating, genres, premiere_date, premiere_from, \
                                   premiere_to, facts, facets, claims, announced_at, updated_at, sequence, gone";
    const DERIVED: &'static str = ", search_key, search_names, search_words";

    fn copy(&self, rows: &mut CopyRows) -> Result<(), sqlx::Error> {
        let searched = self.searched();
        rows.row(19)
            .field(self.id.as_str())?
            .field(self.title.as_str())?
            .field(self.synopsis.as_deref())?
            .field(self.runtime_minutes)?
            .field(self.age_rating.as_deref())?
            .field(&self.genres)?
            .field(self.premiere_date.as_deref())?
            .field(self.premiere_from)?
            .field(self.premiere_to)?
            .json(&self.facts)?
            .field(&self.facets)?
            .json(&self.claims)?
            .field(self.announced_at)?
            .field(self.updated_at)?
            .field(self.sequence)?
            .field(self.gone)?
            .field(searched.key)?
            .field(searched.names)?
            .field(searched.words)?;
        Ok(())
    }

    async fn store(tx: &mut PgConnection, generation: &Generation, rows: &[Self]) -> Result<(), sqlx::Error> {
        // What a movie is found by is made and written only where it has changed: it is most of the work of an event.
        let (columns, derived) = (Self::COLUMNS, Self::DERIVED);
        let statement = format!(
            "WITH new AS ( \
                 SELECT id, title, synopsis, runtime_minutes, age_rating, \
                 ARRAY(SELECT json_array_elements_text(genres::json)) AS genres, premiere_date, premiere_from, premiere_to, \
                 facts::jsonb AS facts, ARRAY(SELECT json_array_elements_text(facets::json)) AS facets, \
                 claims::jsonb AS claims, announced_at, updated_at, sequence, gone, \
                 search_key, search_names::tsvector, search_words::tsvector \
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], \
                 $8::date[], $9::date[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], \
                 $15::bigint[], $16::boolean[], $17::text[], $18::text[], $19::text[]) AS new ({columns}{derived}) \
             ), same_text AS ( \
                 UPDATE {generation}.movies AS movie SET runtime_minutes = new.runtime_minutes, \
                 age_rating = new.age_rating, genres = new.genres, premiere_date = new.premiere_date, \
                 premiere_from = new.premiere_from, premiere_to = new.premiere_to, facts = new.facts, facets = new.facets, \
                 claims = new.claims, announced_at = new.announced_at, updated_at = new.updated_at, \
                 sequence = new.sequence, gone = new.gone \
                 FROM new WHERE movie.id = new.id AND new.search_key IS NULL \
             ) \
             INSERT INTO {generation}.movies ({columns}{derived}) \
             SELECT {columns}{derived} FROM new WHERE search_key IS NOT NULL \
             ON CONFLICT (id) DO UPDATE SET title = excluded.title, synopsis = excluded.synopsis, \
             runtime_minutes = excluded.runtime_minutes, age_rating = excluded.age_rating, genres = excluded.genres, \
             premiere_date = excluded.premiere_date, premiere_from = excluded.premiere_from, \
             premiere_to = excluded.premiere_to, facts = excluded.facts, facets = excluded.facets, \
             claims = excluded.claims, announced_at = excluded.announced_at, updated_at = excluded.updated_at, \
             sequence = excluded.sequence, gone = excluded.gone, search_key = excluded.search_key, \
             search_names = excluded.search_names, search_words = excluded.search_words"
        );
        let facts: Vec<String> = rows.iter().map(|row| json_text(&row.facts)).collect::<Result<_, _>>()?;
        let claims: Vec<String> = rows
            .iter()
            .map(|row| json_text(&row.claims))
            .collect::<Result<_, _>>()?;
        let searched: Vec<Option<Searched>> = rows.iter().map(|row| row.is_renamed.then(|| row.searched())).collect();
        let texts = |text: fn(&Searched) -> String| -> Vec<Option<String>> {
            searched.iter().map(|searched| searched.as_ref().map(text)).collect()
        };
        sqlx::query(&statement)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.synopsis.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.runtime_minutes).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.age_rating.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| json_texts(&row.genres)).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.premiere_date.as_deref()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.premiere_from).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.premiere_to).collect::<Vec<_>>())
            .bind(facts)
            .bind(rows.iter().map(|row| json_texts(&row.facets)).collect::<Vec<_>>())
            .bind(claims)
            .bind(rows.iter().map(|row| row.announced_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.sequence).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.gone).collect::<Vec<_>>())
            .bind(texts(|searched| searched.key.clone()))
            .bind(texts(|searched| searched.names.to_text()))
            .bind(texts(|searched| searched.words.to_text()))
            .execute(tx)
            .await?;
        Ok(())
    }
}
