//! Loads the demo set the first time, and finishes what an interruption left half loaded.

use std::fs;
use std::path::Path;
use std::time::Duration;

use service::BoxError;

use crate::progress::Progress;
use crate::seed::{Seeded, seed};
use crate::up::local_client;

/// There while the demo set is being loaded.
const UNFINISHED: &str = "demo-set.unfinished";
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Loads the demo set into an `empty` log, or when an earlier start was interrupted while it loaded; returns once queries
/// have it.
pub(crate) async fn load_once(
    home: &Path,
    url: &str,
    empty: bool,
    progress: &Progress,
) -> Result<Option<Seeded>, BoxError> {
    let marker = home.join(UNFINISHED);
    if !empty && !marker.exists() {
        return Ok(None);
    }
    progress.step("Loading the demo set");
    fs::create_dir_all(home)?;
    fs::write(&marker, [])?;
    let client = local_client()?;
    let seeded = seed(&client, url).await?;
    fs::remove_file(&marker)?;
    for query in ["catalog/berlin", "movies", "users"] {
        let visible = format!("{url}/{query}?min_position={}", seeded.position);
        let query = client.get(visible).header("prefer", "wait=10").timeout(VISIBLE_TIMEOUT);
        // Were a read model late, the greeting would only be early.
        let _ = query.send().await;
    }
    Ok(Some(seeded))
}
