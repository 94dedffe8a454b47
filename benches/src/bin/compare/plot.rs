//! Drawing time against size, both on logarithmic scales, each line named at its end.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::outcome::thousands;

/// One picture.
pub(crate) struct Plot {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) x_title: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// The figures of one party.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) is_ours: bool,
    /// Size and nanoseconds, by size.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Colors that stay apart for every eye (Okabe and Ito), ours first.
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const RED: RGBColor = RGBColor(213, 94, 0);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
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

impl Plot {
    /// Writes the picture into a folder.
    ///
    /// # Errors
    /// If it cannot be written.
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

    fn draw_on(&self, root: &Area) -> DrawResult {
        self.draw_heading(root)?;
        let (x, y) = (self.x_range(), self.y_range());
        let mut chart = ChartBuilder::on(root)
            .margin_top(74)
            .margin_left(18)
            .margin_right(NAMES_WIDTH)
            .margin_bottom(12)
            .x_label_area_size(48)
            .y_label_area_size(66)
            .build_cartesian_2d(Log::of(x), Log::of(y))?;
        self.draw_axes(&mut chart)?;
        for power in Log::of(y).powers() {
            chart.draw_series(LineSeries::new([(x.0, power), (x.1, power)], PALE))?;
        }
        for line in &self.lines {
            line.draw_on(&mut chart)?;
        }
        for (line, place) in self.lines.iter().zip(self.name_places(&chart)) {
            let style = (FONT, 14).into_font().color(&line.color);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(line.name.clone(), place, style))?;
        }
        Ok(())
    }

    fn draw_heading(&self, root: &Area) -> DrawResult {
        root.fill(&WHITE)?;
        let title = (FONT, 19).into_font().style(FontStyle::Bold).color(&INK);
        root.draw(&Text::new(self.title, (28, 18), title))?;
        let subtitle = "median time, both scales logarithmic";
        let style = (FONT, 14).into_font().color(&GRAY);
        root.draw(&Text::new(subtitle, (28, 44), style))?;
        Ok(())
    }

    fn draw_axes(&self, chart: &mut Chart) -> DrawResult {
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
        Ok(())
    }

    /// Beside the last point of each line, pushed apart if they would overlap.
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

impl Line {
    fn draw_on(&self, chart: &mut Chart) -> DrawResult {
        let points = self.points.iter().map(|(x, y)| (x.log10(), y.log10()));
        let width = if self.is_ours { 3 } else { 2 };
        let style = self.color.stroke_width(width);
        chart.draw_series(LineSeries::new(points.clone(), style))?;
        let dot = |point| Circle::new(point, width + 1, self.color.filled());
        chart.draw_series(points.map(dot))?;
        Ok(())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
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
