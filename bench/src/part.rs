//! The parts of the benchmark, each a file of its own.

mod append;
mod backlog;
mod footprint;
mod growth;
mod http;
mod latency;
mod pipeline;
mod rebuild;
mod relay;
mod search;

use service::BoxError;

use crate::args::{Args, Part};
use crate::figure::Figure;
use crate::stand::Stand;

/// Measures the parts asked for, one after the other.
///
/// # Errors
/// The first thing that went wrong.
pub(crate) async fn measure_all(stand: &mut Stand, args: &Args) -> Result<Vec<Figure>, BoxError> {
    let mut figures = Vec::new();
    for part in args.parts() {
        let measured = match part {
            Part::Append => append::measure(stand).await,
            Part::Http => http::measure(stand).await,
            Part::Relay => relay::measure(stand).await,
            Part::Pipeline => pipeline::measure(stand).await,
            Part::Rebuild => rebuild::measure(stand).await,
            Part::Latency => latency::measure(stand).await,
            Part::Search => search::measure(stand).await,
            Part::Growth => growth::measure(stand).await,
            Part::Footprint => footprint::measure(stand).await,
        };
        figures.extend(measured.map_err(|error| format!("{}: {error}", part.name()))?);
    }
    Ok(figures)
}
