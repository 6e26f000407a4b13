//! Search: the first page of what somebody looks for among many films, over HTTP, beside what is usual for it.

use std::sync::Arc;

use domain::Position;
use e2e::Databases;
use event_store::LogReader;
use projections::{Generation, Movies, Name, Projection, Reads};
use service::BoxError;
use sqlx::{Executor, PgPool};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::args::Part;
use crate::closed_loop::{Worker, closed_loop};
use crate::figure::{Bar, Figure, Runs};
use crate::films;
use crate::peer::search::{Ilike, PriorSearch};
use crate::sample::Sample;
use crate::stand::Stand;

/// Films applied in one transaction.
const FILMS_AT_ONCE: u64 = 1_000;
/// How many films it is asked of in the end, and how quick it must be then.
const P99_MS: f64 = 20.0;

pub(super) async fn measure(stand: &Stand) -> Result<Vec<Figure>, BoxError> {
    let films = stand.sizes.films;
    let databases = Databases::create_on(stand.database_url()).await;
    let pool = PgPool::connect(&databases.projection(Name::Movies).url()).await?;
    stand.tell(format!("search: making {films} films"));
    let generation = fill(&pool, films).await?;
    let mut ilike = Ilike::new(pool.clone(), generation, films);
    let mut prior = PriorSearch::make(&pool, generation, films).await?;
    pool.execute("VACUUM ANALYZE").await?;
    pool.execute("CHECKPOINT").await?;
    let (server, url) = serve(&pool).await?;
    let mut ours = Pages {
        client: reqwest::Client::builder().no_proxy().build()?,
        url,
        films,
        asked: 0,
    };
    let (mut our_samples, mut ilikes, mut priors) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=stand.sizes.pairs {
        stand.tell(format!("search: round {round} of {}", stand.sizes.pairs));
        let ours_now = alone(&mut ours, stand).await?;
        let ilike_now = alone(&mut ilike, stand).await?;
        let prior_now = alone(&mut prior, stand).await?;
        if round > 0 {
            our_samples.push(ours_now);
            ilikes.push(ilike_now);
            priors.push(prior_now);
        }
    }
    drop(server);
    let ours = &our_samples;
    let p99 = || Figure::alone(Part::Search, "p99 of a first page", "ms", Runs::p99(ours));
    let p50 = || Figure::alone(Part::Search, "p50 of a first page", "ms", Runs::p50(ours));
    let (prior, ilike) = ("to_tsvector, ts_rank", "ILIKE of the title");
    Ok(vec![
        p99().must_be(Bar::AtMost(P99_MS)),
        p99().against(prior, Runs::p99(ours), Runs::p99(&priors)),
        p99().against(ilike, Runs::p99(ours), Runs::p99(&ilikes)),
        p50().against(prior, Runs::p50(ours), Runs::p50(&priors)),
        p50().against(ilike, Runs::p50(ours), Runs::p50(&ilikes)),
    ])
}

/// Applies the films to a first generation, and makes its indexes.
async fn fill(pool: &PgPool, films: u64) -> Result<Generation, BoxError> {
    let generation = Generation::new(Movies.name(), 1);
    let tables = format!(
        "CREATE SCHEMA {generation}; SET LOCAL search_path = {generation}; {}",
        Movies.schema()
    );
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(&tables).execute(&mut *tx).await?;
    let (name, version, binding_version) = (Movies.name(), Movies.version(), Movies.binding_version());
    let row = format!(
        "INSERT INTO public.projection_control (name, generation, last_generation, version, binding_version) \
         VALUES ('{name}', 1, 1, {version}, {binding_version}); \
         INSERT INTO public.checkpoint (projection, move, position, consumer_epoch, parked_streams) VALUES ('{name}', 0, 0, 0, 0)"
    );
    sqlx::raw_sql(&row).execute(&mut *tx).await?;
    tx.commit().await?;
    for first in (0..films).step_by(usize::try_from(FILMS_AT_ONCE)?) {
        let events: Vec<_> = (first..films.min(first + FILMS_AT_ONCE))
            .map(films::announced)
            .collect::<Result<_, _>>()?;
        let mut tx = pool.begin().await?;
        Movies.apply(&mut tx, &generation, &events).await?;
        tx.commit().await?;
    }
    let mut tx = pool.begin().await?;
    let indexes = format!("SET LOCAL search_path = {generation}; {}", Movies.indexes());
    sqlx::raw_sql(&indexes).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(generation)
}

/// Serves the read model's queries.
async fn serve(pool: &PgPool) -> Result<(AbortOnDropHandle<()>, String), BoxError> {
    let (_, committed) = watch::channel(Position(0));
    let projection: Arc<dyn Projection> = Arc::new(Movies);
    let reads = Reads::new(Movies.name(), pool.clone(), LogReader::new(pool.clone()), committed);
    let (router, _document) = projection.router(reads).split_for_parts();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/movies", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        // It ends with the measurement.
        let _ = axum::serve(listener, router).await;
    });
    Ok((AbortOnDropHandle::new(serving), url))
}

/// One who asks, and waits for the answer, and asks again.
async fn alone<W: Worker + Clone>(worker: &mut W, stand: &Stand) -> Result<Sample, BoxError> {
    let (sample, workers) = closed_loop(vec![worker.clone()], stand.sizes.load).await?;
    if let Some(last) = workers.into_iter().next() {
        *worker = last;
    }
    Ok(sample)
}

/// Asks the service for first pages.
#[derive(Clone)]
struct Pages {
    client: reqwest::Client,
    url: String,
    films: u64,
    asked: u64,
}

impl Worker for Pages {
    async fn work(&mut self) -> Result<(), BoxError> {
        let q = films::asked(self.asked, self.films);
        self.asked += 1;
        let answer = self.client.get(&self.url).query(&[("q", &q)]).send().await?;
        answer.error_for_status()?.bytes().await?;
        Ok(())
    }
}
