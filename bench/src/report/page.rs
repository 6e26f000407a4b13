//! The page of results.

use std::fmt::Write as _;

use super::table::{spread, verdict, with_unit};
use crate::args::{Args, Part};
use crate::figure::Figure;
use crate::machine::Machine;
use crate::stand::Versions;

const HEAD: &str = "\
# Results

Written by `cargo run --release -p bench`, not by hand. What each figure is and how it is measured stands in
[docs/performance.md](../docs/performance.md). Marquee and its yardstick ran in turn; each cell is a median with the
extremes, a ratio is the median of the ratios of the pairs. Below each part stands who used the processors, on average: 1.00
is one of the machine's.
";

/// Makes the page.
pub(crate) fn text(figures: &[Figure], machine: &Machine, versions: &Versions, args: &Args) -> String {
    let mut page = HEAD.to_owned();
    let Machine {
        processor,
        processors,
        memory_gib,
        kernel,
        rustc,
        commit,
        began,
    } = machine;
    let sizes = args.sizes();
    let servers: Vec<String> = versions.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let facts = [
        ("when", began.format("%Y-%m-%d %H:%M UTC").to_string()),
        ("commit", commit.clone()),
        (
            "machine",
            format!("{processors} x {processor}, {memory_gib} GiB, {kernel}"),
        ),
        ("compiler", rustc.clone()),
        ("servers", servers.join(", ")),
        (
            "pairs",
            format!("{} after a warm-up, loads of {:?}", sizes.pairs, sizes.load),
        ),
    ];
    let _ = writeln!(page, "\n| | |\n|---|---|");
    for (name, value) in facts {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    for part in args.parts() {
        part_text(&mut page, part, figures);
    }
    page
}

fn part_text(page: &mut String, part: Part, figures: &[Figure]) {
    let name = part.name();
    let _ = writeln!(page, "\n## {name}\n\n![{name}](charts/{name}.svg)\n");
    let _ = writeln!(
        page,
        "| metric | Marquee | yardstick | ratio | must be | |\n|---|---|---|---|---|---|"
    );
    for figure in figures.iter().filter(|figure| figure.part == part) {
        let yardstick = figure.yardstick.as_ref();
        let theirs = yardstick.map_or_else(String::new, |yardstick| {
            format!("{}: {}", yardstick.name, with_unit(yardstick.value, figure.unit))
        });
        let _ = writeln!(
            page,
            "| {} | {} | {theirs} | {} | {} | {} |",
            figure.metric,
            with_unit(figure.value, figure.unit),
            yardstick.map_or_else(String::new, |yardstick| spread(yardstick.ratio)),
            figure.bar_text().unwrap_or_default(),
            verdict(figure),
        );
    }
    let mut cpus = figures
        .iter()
        .filter(|figure| figure.part == part && figure.cpu.is_some())
        .peekable();
    if cpus.peek().is_some() {
        let _ = writeln!(
            page,
            "\n| processors used | client | service | postgres | beam |\n|---|---|---|---|---|"
        );
    }
    for figure in cpus {
        let of_yardstick = figure
            .yardstick
            .as_ref()
            .and_then(|yardstick| Some((yardstick.name.as_str(), yardstick.cpu?)));
        let of_marquee = figure.cpu.map(|cpu| ("Marquee", cpu));
        for (who, cpu) in of_marquee.into_iter().chain(of_yardstick) {
            let _ = writeln!(
                page,
                "| {}: {who} | {:.2} | {:.2} | {:.2} | {:.2} |",
                figure.metric, cpu.client, cpu.service, cpu.postgres, cpu.beam
            );
        }
    }
}
