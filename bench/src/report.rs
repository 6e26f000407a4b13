//! What is done with figures: a table, a JSON list, a page with charts.

mod chart;
pub(crate) mod json;
mod page;
pub(crate) mod table;

use std::fs;
use std::path::{Path, PathBuf};

use service::BoxError;

use crate::args::Args;
use crate::figure::Figure;
use crate::machine::Machine;
use crate::stand::{Versions, output_directory};

/// Writes the page and its charts.
///
/// # Errors
/// When a file cannot be written.
#[expect(clippy::print_stderr, reason = "a person wants to know where to look")]
pub(crate) fn write(figures: &[Figure], machine: &Machine, versions: &Versions, args: &Args) -> Result<(), BoxError> {
    let directory = directory(args);
    let charts = directory.join("charts");
    fs::create_dir_all(&charts)?;
    for part in args.parts() {
        let of_part: Vec<&Figure> = figures.iter().filter(|figure| figure.part == part).collect();
        chart::draw(&charts.join(format!("{}.svg", part.name())), part, &of_part)?;
    }
    let page = directory.join("RESULTS.md");
    fs::write(&page, page::text(figures, machine, versions, args))?;
    eprintln!("Written: {}", page.display());
    Ok(())
}

/// Only a full run is published.
fn directory(args: &Args) -> PathBuf {
    let default = if args.is_full() {
        Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
    } else {
        output_directory()
    };
    args.results.clone().unwrap_or(default)
}
