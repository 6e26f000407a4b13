//! An axum handler that parses the same body and does nothing with it.

use std::net::SocketAddr;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use service::BoxError;
use tokio::net::TcpListener;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    full_name: Option<String>,
    email: Option<String>,
}

/// Serves until the process is ended.
pub(crate) async fn serve(listen: SocketAddr) -> Result<(), BoxError> {
    let router = Router::new()
        .route("/users/{id}", post(set_profile))
        .route("/readyz", get(|| async {}));
    Ok(axum::serve(TcpListener::bind(listen).await?, router).await?)
}

async fn set_profile(Path(id): Path<String>, Json(profile): Json<Profile>) -> (StatusCode, String) {
    let length =
        id.len() + profile.full_name.map_or(0, |name| name.len()) + profile.email.map_or(0, |email| email.len());
    (StatusCode::CREATED, length.to_string())
}
