//! The projections of this process as operators see them: found by name, with what an operation needs.

use std::sync::Arc;

use axum::http::StatusCode;
use service::Problem;
use sqlx::PgPool;

use crate::Projection;
use crate::rebuild::task::Rebuilds;
use crate::status::Observed;

/// One projection, to be operated. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Operated {
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) observed: Observed,
    /// Of the projection's database, apart from what queries use.
    pub(crate) pool: PgPool,
    /// Starts rebuilds and rollbacks.
    pub(crate) rebuilds: Rebuilds,
}

/// All projections of this process; the state of the routes for operators.
#[derive(Clone)]
pub(crate) struct AllOperated(Arc<Vec<Operated>>);

impl AllOperated {
    pub(crate) fn new(operated: Vec<Operated>) -> Self {
        Self(Arc::new(operated))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Operated> {
        self.0.iter()
    }

    /// Finds a projection by its name.
    ///
    /// # Errors
    /// 404 `PROJECTION_NOT_FOUND`.
    pub(crate) fn find(&self, name: &str) -> Result<&Operated, Problem> {
        let found = self.0.iter().find(|one| one.projection.name() == name);
        found.ok_or_else(|| {
            let detail = "this process serves no projection of that name";
            Problem::new(StatusCode::NOT_FOUND, "PROJECTION_NOT_FOUND", detail)
        })
    }
}
