//! Loads the demo set the first time, and finishes what an interruption left half loaded.

use std::fs;
use std::path::Path;
use std::time::Duration;

use service::BoxError;

use crate::progress::Progress;
use crate::seed::{Seeded, seed};

/// There while the demo set is being loaded.
const UNFINISHED: &str = "demo-set.unfinished";
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Loads the demo set when it is `wanted`, or when an earlier start was interrupted while it loaded; returns once
/// queries have it.
pub(crate) async fn load_once(
    home: &Path,
    url: &str,
    wanted: bool,
    progress: &Progress,
) -> Result<Option<Seeded>, BoxError> {
    let marker = home.join(UNFINISHED);
    if !wanted && !marker.exists() {
        return Ok(None);
    }
    progress.step("Loading the demo set");
    fs::create_dir_all(home)?;
    fs::write(&marker, [])?;
    let seeded = seed(url).await?;
    fs::remove_file(&marker)?;
    let visible = format!("{url}/catalog/berlin?min_position={}", seeded.position);
    // The catalog has the most to catch up with; were it late, the greeting would only be early.
    let _ = reqwest::Client::new()
        .get(visible)
        .header("prefer", "wait=10")
        .timeout(VISIBLE_TIMEOUT)
        .send()
        .await;
    Ok(Some(seeded))
}
