//! Plots: time against size, both on logarithmic scales, each line named where it ends.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::names::{ANSWER_TABLE, BARE_REPLAY, BTREE_MAP, ENGINE, FENWICK};
use crate::outcome::{Case, thousands};

/// One picture.
pub(crate) struct Plot {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    x_title: &'static str,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    color: RGBColor,
    is_ours: bool,
    /// Size and nanoseconds, by size.
    points: Vec<(f64, f64)>,
}

/// Colors that stay apart for every eye (Okabe and Ito), ours first.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const SKY: RGBColor = RGBColor(86, 180, 233);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const RED: RGBColor = RGBColor(213, 94, 0);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRAY: RGBColor = RGBColor(110, 110, 110);
const PALE: RGBColor = RGBColor(228, 228, 228);

const WIDTH: u32 = 920;
const HEIGHT: u32 = 500;
/// Pixels to the right of the last size, for the names of the lines.
const NAMES_WIDTH: u32 = 236;
/// Pixels from one name to the next, at least.
const NAME_HEIGHT: i32 = 19;
const FONT: &str = "sans-serif";

/// The plots for which there are figures.
pub(crate) fn all(cases: &[&Case]) -> Vec<Plot> {
    let line =
        |name: &str, color, series: &str, party: &str| Line::of(cases, name, color, series, party);
    let late = "Carry, 50 live, load 0.90";
    let late_usage = "late usage, Carry, 50 live, load 0.90";
    let mut plots = vec![
        Plot {
            file: "queries.svg",
            title: "A query, by the number of usage entries",
            x_title: "usage entries",
            lines: vec![
                line("gpu-credit, single", BLUE, "single queries", ENGINE),
                line(
                    "gpu-credit, batch of 4,096",
                    SKY,
                    "batches of 4,096 queries",
                    ENGINE,
                ),
                line(
                    "gpu-credit, sorted batch",
                    GREEN,
                    "sorted batch of queries",
                    ENGINE,
                ),
                line(ANSWER_TABLE, RED, "single queries", ANSWER_TABLE),
                line(FENWICK, ORANGE, "single queries", FENWICK),
            ],
        },
        Plot {
            file: "writes.svg",
            title: "A usage write, by the number of usage entries",
            x_title: "usage entries",
            lines: vec![
                line(
                    "gpu-credit, random order",
                    BLUE,
                    "writes in random order",
                    ENGINE,
                ),
                line("gpu-credit, in order", SKY, "appends in order", ENGINE),
                line(
                    "BTreeMap, random order",
                    RED,
                    "writes in random order",
                    BTREE_MAP,
                ),
                line("BTreeMap, in order", ORANGE, "appends in order", BTREE_MAP),
            ],
        },
        Plot {
            file: "grants.svg",
            title: "A late write, settled, by the number of grants (50 live, load 0.90)",
            x_title: "grants",
            lines: vec![
                line("gpu-credit, Carry", BLUE, late, ENGINE),
                line(
                    "gpu-credit, Forfeit",
                    SKY,
                    "Forfeit, 50 live, load 0.90",
                    ENGINE,
                ),
                line("bare replay, Carry", RED, late, BARE_REPLAY),
                line(
                    "bare replay, Forfeit",
                    ORANGE,
                    "Forfeit, 50 live, load 0.90",
                    BARE_REPLAY,
                ),
            ],
        },
        Plot {
            file: "lateness.svg",
            title: "Late usage, settled, by how late it is (50 live, load 0.90)",
            x_title: "boundaries between the usage and the end of history",
            lines: vec![
                line("gpu-credit", BLUE, late_usage, ENGINE),
                line("bare replay to the end", RED, late_usage, BARE_REPLAY),
            ],
        },
    ];
    for plot in &mut plots {
        plot.lines.retain(|line| line.points.len() > 1);
    }
    plots.retain(|plot| !plot.lines.is_empty());
    plots
}

impl Line {
    fn of(cases: &[&Case], name: &str, color: RGBColor, series: &str, party: &str) -> Self {
        let of_series = cases.iter().filter(|case| case.series == series);
        let mut points: Vec<(f64, f64)> = of_series
            .filter_map(|case| {
                let party = case.parties.iter().find(|other| other.name == party)?;
                Some((case.size as f64, party.summary().median))
            })
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points.dedup_by_key(|point| point.0);
        Self {
            name: name.to_owned(),
            color,
            is_ours: name.starts_with(ENGINE),
            points,
        }
    }
}

impl Plot {
    /// Writes the picture into a folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn draw(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut text = String::new();
        let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        self.draw_on(&root)
            .map_err(|error| anyhow!("{}: {error}", self.file))?;
        drop(root);
        text.push('\n');
        std::fs::write(folder.join(self.file), text)?;
        Ok(())
    }

    fn draw_on(&self, root: &DrawingArea<SVGBackend, plotters::coord::Shift>) -> DrawResult {
        root.fill(&WHITE)?;
        let title = (FONT, 19).into_font().style(FontStyle::Bold).color(&INK);
        root.draw(&Text::new(self.title, (28, 18), title))?;
        let subtitle = "median time, both scales logarithmic";
        root.draw(&Text::new(
            subtitle,
            (28, 44),
            (FONT, 14).into_font().color(&GRAY),
        ))?;

        let (x, y) = (self.x_range(), self.y_range());
        let mut chart = ChartBuilder::on(root)
            .margin_top(74)
            .margin_left(18)
            .margin_right(NAMES_WIDTH)
            .margin_bottom(12)
            .x_label_area_size(48)
            .y_label_area_size(66)
            .build_cartesian_2d(Log::of(x), Log::of(y))?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(GRAY.stroke_width(1))
            .x_desc(self.x_title)
            .axis_desc_style((FONT, 14).into_font().color(&GRAY))
            .label_style((FONT, 13).into_font().color(&INK))
            .x_label_formatter(&|power| count(*power))
            .y_label_formatter(&|power| duration(*power))
            .draw()?;
        for power in Log::of(y).powers() {
            chart.draw_series(LineSeries::new([(x.0, power), (x.1, power)], PALE))?;
        }
        for line in &self.lines {
            let points = line.points.iter().map(|(x, y)| (x.log10(), y.log10()));
            let width = if line.is_ours { 3 } else { 2 };
            chart.draw_series(LineSeries::new(
                points.clone(),
                line.color.stroke_width(width),
            ))?;
            let dot = |point| Circle::new(point, width + 1, line.color.filled());
            chart.draw_series(points.map(dot))?;
        }
        for (line, place) in self.lines.iter().zip(self.name_places(&chart)) {
            let style = (FONT, 14).into_font().color(&line.color);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(line.name.clone(), place, style))?;
        }
        Ok(())
    }

    /// Beside the last point of each line, pushed apart where they would overlap.
    fn name_places(&self, chart: &Chart) -> Vec<(i32, i32)> {
        let last = |line: &Line| line.points.last().copied().unwrap_or((1.0, 1.0));
        let place = |line| {
            let (x, y) = last(line);
            chart.backend_coord(&(x.log10(), y.log10()))
        };
        let mut places: Vec<(i32, i32)> = self.lines.iter().map(place).collect();
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|line| places[*line].1);
        for pair in 1..order.len() {
            let above = places[order[pair - 1]].1;
            let this = &mut places[order[pair]].1;
            *this = (*this).max(above + NAME_HEIGHT);
        }
        let x = places.iter().map(|place| place.0).max().unwrap_or(0) + 12;
        places.iter().map(|place| (x, place.1)).collect()
    }

    fn x_range(&self) -> (f64, f64) {
        let sizes = self.points().map(|point| point.0.log10());
        let (low, high) = bounds(sizes);
        (low - 0.08, high + 0.08)
    }

    fn y_range(&self) -> (f64, f64) {
        let (low, high) = bounds(self.points().map(|point| point.1.log10()));
        (low.floor(), high.ceil())
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.lines
            .iter()
            .flat_map(|line| line.points.iter().copied())
    }
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Log, Log>>;

fn bounds(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    })
}

/// Powers of ten, marked at the whole ones and nowhere else.
#[derive(Clone)]
struct Log(RangedCoordf64, (f64, f64));

impl Log {
    fn of(powers: (f64, f64)) -> Self {
        Self((powers.0..powers.1).into(), powers)
    }

    fn powers(&self) -> Vec<f64> {
        let (low, high) = self.1;
        let powers = std::iter::successors(Some(low.ceil()), |power| Some(power + 1.0));
        powers.take_while(|power| *power <= high + 1e-9).collect()
    }
}

impl Ranged for Log {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.0.map(value, limit)
    }

    fn key_points<Hint: plotters::coord::ranged1d::KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.powers()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.0.range()
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Log {
    fn format(power: &f64) -> String {
        count(*power)
    }
}

/// A power of ten as a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for show"
)]
fn count(power: f64) -> String {
    thousands(10_f64.powf(power).round() as u64)
}

/// A power of ten as nanoseconds.
fn duration(power: f64) -> String {
    let nanoseconds = 10_f64.powf(power);
    match power.round() {
        ..3.0 => format!("{nanoseconds} ns"),
        3.0..6.0 => format!("{} µs", nanoseconds / 1e3),
        6.0..9.0 => format!("{} ms", nanoseconds / 1e6),
        _ => format!("{} s", nanoseconds / 1e9),
    }
}
