//! What a search is usually made of: a part of the title, without an index, and PostgreSQL's own full text search by rank, as
//! the movies projection had it before.

use projections::Generation;
use service::BoxError;
use sqlx::PgPool;

use crate::closed_loop::Worker;
use crate::films;

/// Looks for a part of the title.
#[derive(Clone)]
pub(crate) struct Ilike {
    pool: PgPool,
    generation: Generation,
    films: u64,
    asked: u64,
}

impl Ilike {
    pub(crate) fn new(pool: PgPool, generation: Generation, films: u64) -> Self {
        Self {
            pool,
            generation,
            films,
            asked: 0,
        }
    }
}

impl Worker for Ilike {
    async fn work(&mut self) -> Result<(), BoxError> {
        let q = films::asked(self.asked, self.films);
        self.asked += 1;
        let generation = self.generation;
        let statement = format!(
            "SELECT id, title, synopsis FROM {generation}.movies WHERE NOT gone AND title ILIKE '%' || $1 || '%' \
             ORDER BY title, id LIMIT 21"
        );
        let like = q.replace(['\\', '%', '_'], "");
        sqlx::query(&statement).bind(like).fetch_all(&self.pool).await?;
        Ok(())
    }
}

/// Looks for words as they stand and by their English stems, and ranks all that is found.
#[derive(Clone)]
pub(crate) struct PriorSearch {
    pool: PgPool,
    films: u64,
    asked: u64,
}

impl PriorSearch {
    /// Makes its table of the films there are.
    pub(crate) async fn make(pool: &PgPool, generation: Generation, films: u64) -> Result<Self, BoxError> {
        let statements = format!(
            "CREATE SCHEMA prior; CREATE TABLE prior.movies AS SELECT id, title, synopsis, gone, \
             setweight(to_tsvector('simple', title) || to_tsvector('english', title), 'A') \
             || setweight(to_tsvector('simple', synopsis) || to_tsvector('english', synopsis), 'D') AS search \
             FROM {generation}.movies; CREATE INDEX ON prior.movies USING gin (search) WHERE NOT gone"
        );
        sqlx::raw_sql(&statements).execute(pool).await?;
        Ok(Self {
            pool: pool.clone(),
            films,
            asked: 0,
        })
    }
}

impl Worker for PriorSearch {
    async fn work(&mut self) -> Result<(), BoxError> {
        let q = films::asked(self.asked, self.films);
        self.asked += 1;
        let search = "(websearch_to_tsquery('simple', $1) || websearch_to_tsquery('english', $1))";
        let statement = format!(
            "SELECT id, title, synopsis, relevance FROM (SELECT id, title, synopsis, \
             (ts_rank(search, {search}) * 1000000)::integer AS relevance FROM prior.movies \
             WHERE NOT gone AND search @@ {search} OFFSET 0) AS found ORDER BY relevance DESC, id DESC LIMIT 21"
        );
        sqlx::query(&statement).bind(q).fetch_all(&self.pool).await?;
        Ok(())
    }
}
