//! `parked list` and `parked show`.

use std::process::ExitCode;

use projections::Name;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::failure::Failure;
use crate::parked::view::ParkedStream;
use crate::parked::{Of, path};
use crate::projection::view::PageView;
use crate::table::{Cell, Column, Table, count, printable};
use crate::terminal::{dim, good, print, warning};

const PAGE: usize = 100;
/// A list that is longer is not read by anybody.
const PAGES_MAX: usize = 100;

pub(crate) async fn list(api: &Api, name: Option<Name>, json: bool) -> Result<ExitCode, Failure> {
    let mut listed = Vec::new();
    for one in name.map_or_else(|| Name::ALL.to_vec(), |name| vec![name]) {
        match every_stream(api, one).await {
            Ok(streams) => listed.extend(streams.into_iter().map(|stream| (one.as_str(), stream))),
            // Of all of them only those that are served at this address can be told.
            Err(error) if name.is_none() && error.refused_with("PROJECTION_NOT_FOUND").is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if json {
        let with_name = |(name, mut stream): (&str, Value)| {
            stream["projection"] = Value::from(name);
            stream
        };
        print(&Value::from_iter(listed.into_iter().map(with_name)).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        print(&good().apply_to("Nothing is parked.").to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        Column::Left("PROJECTION"),
        Column::Right("POSITION"),
        Column::Left("STREAM"),
        Column::Left("EVENT"),
        Column::Right("BEHIND"),
        Column::Left("REASON"),
        Column::Left("DETAIL"),
    ]);
    for (name, stream) in &listed {
        table.row(row(name, &ParkedStream::deserialize(stream)?));
    }
    print(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn row(name: &str, stream: &ParkedStream) -> Vec<Cell> {
    vec![
        Cell::new(name),
        // As it is to be typed.
        Cell::new(stream.position.to_string()),
        Cell::new(stream.stream()),
        Cell::new(&stream.event_type),
        Cell::number(stream.behind),
        Cell::styled(&stream.reason, warning()),
        Cell::new(stream.detail.as_deref().unwrap_or("-")),
    ]
}

/// All parked streams of a projection, in order of position, as the service sends them.
pub(crate) async fn every_stream(api: &Api, name: Name) -> Result<Vec<Value>, ApiError> {
    let mut streams = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let from = cursor.map_or_else(String::new, |cursor: String| {
            let encoded: String = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            format!("&cursor={encoded}")
        });
        let page: PageView<Value> = api.get(&format!("{}?limit={PAGE}{from}", path(name))).await?;
        streams.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(streams)
}

pub(crate) async fn show(of: &Of, position: i64) -> Result<ExitCode, Failure> {
    let api = of.api.api()?;
    let sent: Value = api.get(&format!("{}/{position}", of.path())).await?;
    if of.json {
        print(&sent.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let stream = ParkedStream::deserialize(&sent)?;
    print(&format!("{}\n\n{}", facts(&stream), behind(&stream, of)))?;
    Ok(ExitCode::SUCCESS)
}

fn facts(stream: &ParkedStream) -> String {
    let at = stream
        .parked_at
        .map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    let facts = [
        ("stream", stream.stream()),
        ("position", stream.position.to_string()),
        ("sequence", stream.sequence.to_string()),
        (
            "event",
            format!("{} v{}, {}", stream.event_type, stream.event_version, stream.event_id),
        ),
        ("reason", stream.reason.clone()),
        ("detail", stream.detail.clone().unwrap_or_else(|| "-".to_owned())),
        ("parked", at.unwrap_or_else(|| "-".to_owned())),
        ("behind it", count(stream.behind, "event")),
    ];
    let line = |(name, fact): (&str, String)| format!("{} {}", dim().apply_to(format!("{name:<10}")), printable(&fact));
    facts.map(line).join("\n")
}

fn behind(stream: &ParkedStream, of: &Of) -> String {
    let (name, position) = (of.name.as_str(), stream.position);
    let ways = format!(
        "Once the code is repaired:  marquee parked retry {name} {position}\n\
         To pass over this event:    marquee parked discard {name} {position} --reason '...'"
    );
    if stream.later.is_empty() {
        return ways;
    }
    let mut table = Table::new([
        Column::Right("POSITION"),
        Column::Right("SEQUENCE"),
        Column::Left("EVENT"),
        Column::Left("REASON"),
        Column::Left("DETAIL"),
    ]);
    for event in &stream.later {
        table.row([
            Cell::new(event.position.to_string()),
            Cell::new(event.sequence.to_string()),
            Cell::new(&event.event_type),
            Cell::new(&event.reason),
            Cell::new(event.detail.as_deref().unwrap_or("-")),
        ]);
    }
    format!("{table}\n\n{ways}")
}
