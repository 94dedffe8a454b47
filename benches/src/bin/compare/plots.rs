//! Which plots the page has, and which cases are the lines of each.

use plotters::style::RGBColor;

use crate::names::{ANSWER_TABLE, BARE_REPLAY, BTREE_MAP, ENGINE, FENWICK};
use crate::outcome::{Case, Party};
use crate::plot::{BLUE, GREEN, Line, ORANGE, Plot, RED, SKY};

/// Name and color of a line, and the series and the party of which it is.
type Source = (&'static str, RGBColor, &'static str, &'static str);

/// The plots for which there are figures.
pub(crate) fn all(cases: &[&Case]) -> Vec<Plot> {
    let mut plots = vec![
        queries(cases),
        writes(cases),
        grants(cases),
        lateness(cases),
    ];
    for plot in &mut plots {
        plot.lines.retain(|line| line.points.len() > 1);
    }
    plots.retain(|plot| !plot.lines.is_empty());
    plots
}

fn queries(cases: &[&Case]) -> Plot {
    let (single, batches) = ("single queries", "batches of 4,096 queries");
    let sources = [
        ("gpu-credit, single", BLUE, single, ENGINE),
        ("gpu-credit, batch of 4,096", SKY, batches, ENGINE),
        (
            "gpu-credit, sorted batch",
            GREEN,
            "sorted batch of queries",
            ENGINE,
        ),
        (ANSWER_TABLE, RED, single, ANSWER_TABLE),
        (FENWICK, ORANGE, single, FENWICK),
    ];
    Plot {
        file: "queries.svg",
        title: "A query, by the number of usage entries",
        x_title: "usage entries",
        lines: lines(cases, &sources),
    }
}

fn writes(cases: &[&Case]) -> Plot {
    let (random, in_order) = ("writes in random order", "appends in order");
    let sources = [
        ("gpu-credit, random order", BLUE, random, ENGINE),
        ("gpu-credit, in order", SKY, in_order, ENGINE),
        ("BTreeMap, random order", RED, random, BTREE_MAP),
        ("BTreeMap, in order", ORANGE, in_order, BTREE_MAP),
    ];
    Plot {
        file: "writes.svg",
        title: "A usage write, by the number of usage entries",
        x_title: "usage entries",
        lines: lines(cases, &sources),
    }
}

fn grants(cases: &[&Case]) -> Plot {
    let (carry, forfeit) = ("Carry, 50 live, load 0.90", "Forfeit, 50 live, load 0.90");
    let sources = [
        ("gpu-credit, Carry", BLUE, carry, ENGINE),
        ("gpu-credit, Forfeit", SKY, forfeit, ENGINE),
        ("bare replay, Carry", RED, carry, BARE_REPLAY),
        ("bare replay, Forfeit", ORANGE, forfeit, BARE_REPLAY),
    ];
    Plot {
        file: "grants.svg",
        title: "A late write, settled, by the number of grants (50 live, load 0.90)",
        x_title: "grants",
        lines: lines(cases, &sources),
    }
}

fn lateness(cases: &[&Case]) -> Plot {
    let late_usage = "late usage, Carry, 50 live, load 0.90";
    let sources = [
        ("gpu-credit", BLUE, late_usage, ENGINE),
        ("bare replay to the end", RED, late_usage, BARE_REPLAY),
    ];
    Plot {
        file: "lateness.svg",
        title: "Late usage, settled, by how late it is (50 live, load 0.90)",
        x_title: "boundaries between the usage and the end of history",
        lines: lines(cases, &sources),
    }
}

fn lines(cases: &[&Case], sources: &[Source]) -> Vec<Line> {
    let line = |&(name, color, series, party): &Source| Line {
        name: name.to_owned(),
        color,
        is_ours: name.starts_with(ENGINE),
        points: points(cases, series, party),
    };
    sources.iter().map(line).collect()
}

/// Size and median of each case of a series, by size.
fn points(cases: &[&Case], series: &str, party: &str) -> Vec<(f64, f64)> {
    let is_asked = |other: &&Party| other.name == party;
    let point = |case: &&Case| {
        let party = case.parties.iter().find(is_asked)?;
        Some((case.size as f64, party.summary().median))
    };
    let of_series = cases.iter().filter(|case| case.series == series);
    let mut points: Vec<(f64, f64)> = of_series.filter_map(point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points.dedup_by_key(|point| point.0);
    points
}
