//! Draws the picture: the balance above, the windows below, late records between.

use std::error::Error;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::labels::{label, shortened};
use super::picture::{Course, GrantPicture, Picture};
use super::ticks::{Tick, ticks};
use crate::escape::printable;
use crate::time::TimeArguments;

const WIDTH: u32 = 1_200;
const HEIGHT: u32 = 660;
/// Where the panel of the windows begins.
const SPLIT: u32 = 430;
const LEFT: u32 = 110;
/// Room for the names of the grants.
const RIGHT: u32 = 200;
const FONT: &str = "sans-serif";
const TICKS: i128 = 6;

const INK: RGBColor = RGBColor(28, 32, 38);
const GRAY: RGBColor = RGBColor(104, 112, 122);
const PALE: RGBColor = RGBColor(226, 230, 235);
const DEFICIT: RGBColor = RGBColor(196, 43, 43);
/// Told apart by people who see colours differently, too; used again if there are more grants.
const COLORS: [RGBColor; 8] = [
    RGBColor(86, 160, 211),
    RGBColor(230, 159, 0),
    RGBColor(0, 148, 115),
    RGBColor(204, 121, 167),
    RGBColor(148, 133, 210),
    RGBColor(178, 170, 40),
    RGBColor(213, 110, 50),
    RGBColor(120, 144, 156),
];
/// More grants than this get no names.
const NAMES_MAX: usize = 14;
/// Rows that there is room for, so that few windows are no blocks.
const ROWS_MIN: usize = 5;
/// Half the width, and the height, of the mark of a late record.
const MARK: (i32, i32) = (4, 8);

type DrawResult<T = ()> = Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

pub(super) fn draw(picture: &Picture, times: &TimeArguments) -> DrawResult<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        Drawing::new(picture, times).draw_on(&root)?;
        root.present()?;
    }
    Ok(svg)
}

/// The picture with its scales.
struct Drawing<'p> {
    picture: &'p Picture,
    ticks: Vec<Tick>,
    is_by_calendar: bool,
    /// Lowest and highest amount.
    amounts: (f64, f64),
}

impl<'p> Drawing<'p> {
    fn new(picture: &'p Picture, times: &TimeArguments) -> Self {
        let mut stacked = vec![0; picture.instants.len()];
        for grant in &picture.grants {
            for (place, amount) in &grant.remainders {
                stacked[*place] += i128::from(amount.first.max(amount.last));
            }
        }
        let balances = picture.balances.iter().flatten();
        let balances = balances.flat_map(|balance| [balance.first, balance.last]);
        let (lowest, highest) = balances.chain(stacked).fold((0, 0), |(low, high), amount| {
            (amount.min(low), amount.max(high))
        });
        let (lowest, highest) = (lowest as f64, (highest as f64).max(1.0));
        let room = (highest - lowest) * 0.05;
        let below = if lowest < 0.0 { room } else { 0.0 };
        Self {
            picture,
            ticks: ticks(picture.range, times.unit(), TICKS),
            is_by_calendar: times.unit().is_some(),
            amounts: (lowest - below, highest + room),
        }
    }

    fn draw_on(&self, root: &Area<'_>) -> DrawResult {
        root.fill(&WHITE)?;
        let account = printable(&self.picture.account);
        let title = (FONT, 20).into_font().style(FontStyle::Bold).color(&INK);
        root.draw(&Text::new(format!("Balance of {account}"), (24, 18), title))?;
        let subtitle = "line: balance, or deficit below zero; areas: what is left of each grant, \
                        soonest end lowest";
        let style = (FONT, 14).into_font().color(&GRAY);
        root.draw(&Text::new(subtitle, (24, 46), style))?;

        let (upper, lower) = root.split_vertically(SPLIT);
        let balances = self.draw_balances(&upper)?;
        self.draw_late(root, &balances)?;
        self.draw_windows(root, &lower)
    }

    fn draw_balances<'a, 'b>(&self, area: &'a Area<'b>) -> DrawResult<Chart<'a, 'b>> {
        let (low, high) = self.amounts;
        let mut chart = ChartBuilder::on(area)
            .margin_top(76)
            .margin_right(RIGHT)
            .margin_bottom(26)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(0.0..self.span(), low..high)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_labels(8)
            .y_max_light_lines(0)
            .bold_line_style(PALE)
            .axis_style(GRAY)
            .label_style((FONT, 13).into_font().color(&INK))
            .y_label_formatter(&|amount| label(*amount))
            .draw()?;
        self.draw_tick_lines(&mut chart, (low, high))?;
        self.draw_remainders(&mut chart)?;
        self.draw_balance_line(&mut chart)?;
        Ok(chart)
    }

    /// The areas, each upon those of the grants that end sooner.
    fn draw_remainders(&self, chart: &mut Chart<'_, '_>) -> DrawResult {
        let mut base = vec![Heights::default(); self.picture.instants.len()];
        for (grant, color) in self.picture.grants.iter().zip(COLORS.iter().cycle()) {
            let runs = grant.remainders.chunk_by(|one, next| one.0 + 1 == next.0);
            for run in runs {
                let outline = self.outline(run, &mut base);
                chart.draw_series([Polygon::new(outline, color.mix(0.75).filled())])?;
            }
        }
        Ok(())
    }

    /// Along the top of a run of remainders and back along what is below; the base rises to the top.
    fn outline(&self, run: &[(usize, Course<u64>)], base: &mut [Heights]) -> Vec<(f64, f64)> {
        let (mut top, mut bottom) = (Vec::new(), Vec::new());
        for (place, amount) in run {
            let span = (self.x(*place), self.x(place + 1));
            let low = base[*place];
            let high = Heights {
                left: low.left + amount.first as f64,
                right: low.right + amount.last as f64,
            };
            base[*place] = high;
            extend(&mut top, span, high);
            extend(&mut bottom, span, low);
        }
        top.extend(bottom.into_iter().rev());
        top
    }

    fn draw_balance_line(&self, chart: &mut Chart<'_, '_>) -> DrawResult {
        let places: Vec<usize> = (0..self.picture.instants.len()).collect();
        let balance = |place: &usize| self.picture.balances[*place];
        // Apart when there is no balance, and when it turns into a deficit.
        let kind = |place: &usize| balance(place).map(|balance| balance.first < 0);
        for run in places.chunk_by(|one, next| kind(one) == kind(next)) {
            let Some(is_deficit) = run.first().and_then(kind) else {
                continue;
            };
            let mut line = Vec::new();
            for (place, balance) in run
                .iter()
                .filter_map(|place| Some((*place, balance(place)?)))
            {
                let heights = Heights {
                    left: balance.first as f64,
                    right: balance.last as f64,
                };
                extend(&mut line, (self.x(place), self.x(place + 1)), heights);
            }
            if is_deficit {
                let ends = [line.last(), line.first()].into_iter().flatten();
                let feet: Vec<_> = ends.map(|(x, _)| (*x, 0.0)).collect();
                let outline = [line.clone(), feet].concat();
                chart.draw_series([Polygon::new(outline, DEFICIT.mix(0.2).filled())])?;
            }
            let color = if is_deficit { DEFICIT } else { INK };
            chart.draw_series([PathElement::new(line, color.stroke_width(2))])?;
        }
        let zero = [(0.0, 0.0), (self.span(), 0.0)];
        chart.draw_series([PathElement::new(zero.to_vec(), GRAY)])?;
        Ok(())
    }

    /// Between the panels; those that would lie on one another are drawn once.
    fn draw_late(&self, root: &Area<'_>, chart: &Chart<'_, '_>) -> DrawResult {
        let late = &self.picture.late;
        let place = |at: &i64| chart.backend_coord(&(self.distance(*at), self.amounts.0));
        let mut places: Vec<(i32, i32)> = late.iter().map(place).collect();
        places.dedup_by_key(|place| place.0 / 2);
        let (half, height) = MARK;
        let mark = |(x, y): (i32, i32)| {
            let tip = (x, y + 8);
            let foot = [(x - half, tip.1 + height), (x + half, tip.1 + height)];
            Polygon::new(vec![tip, foot[0], foot[1]], DEFICIT.filled())
        };
        for place in places {
            root.draw(&mark(place))?;
        }
        if !late.is_empty() {
            let (x, y) = chart.backend_coord(&(self.span(), self.amounts.0));
            let style = (FONT, 13).into_font().color(&DEFICIT);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            let many = late.len();
            let said = format!("{many} late record{}", if many == 1 { "" } else { "s" });
            root.draw(&Text::new(said, (x + 12, y + 13), style))?;
        }
        Ok(())
    }

    fn draw_windows(&self, root: &Area<'_>, area: &Area<'_>) -> DrawResult {
        let grants = &self.picture.grants;
        let rows = grants.len().max(ROWS_MIN) as f64;
        let marks: Vec<f64> = self
            .ticks
            .iter()
            .map(|tick| self.distance(tick.at))
            .collect();
        let mut chart = ChartBuilder::on(area)
            .margin_right(RIGHT)
            .margin_bottom(14)
            .margin_top(4)
            .x_label_area_size(46)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(0.0..self.span(), rows..0.0)?;
        let style = (FONT, 13).into_font().color(&INK);
        let style = style.pos(Pos::new(HPos::Center, VPos::Top));
        self.draw_tick_lines(&mut chart, (0.0, rows))?;
        for (tick, x) in self.ticks.iter().zip(&marks) {
            let (x, y) = chart.backend_coord(&(*x, rows));
            root.draw(&Text::new(tick.label.clone(), (x, y + 8), style.clone()))?;
        }
        let (middle, bottom) = chart.backend_coord(&(self.span() / 2.0, rows));
        let gray = (FONT, 13).into_font().color(&GRAY);
        let unit = if self.is_by_calendar {
            "time (UTC)"
        } else {
            "time"
        };
        let below = gray.pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new(unit, (middle, bottom + 30), below))?;
        let (left, _) = chart.backend_coord(&(0.0, 0.0));
        let (_, center) = chart.backend_coord(&(0.0, rows / 2.0));
        let beside = gray.pos(Pos::new(HPos::Right, VPos::Center));
        root.draw(&Text::new("windows", (left - 10, center), beside))?;
        let axis = [(0.0, rows), (self.span(), rows)];
        chart.draw_series([PathElement::new(axis.to_vec(), GRAY)])?;

        let colors = COLORS.iter().cycle();
        for ((row, grant), color) in grants.iter().enumerate().zip(colors) {
            let (top, bottom) = (row as f64 + 0.12, row as f64 + 0.88);
            let (start, end) = self.shown_window(grant);
            let (left, top) = chart.backend_coord(&(start, top));
            let (right, bottom) = chart.backend_coord(&(end, bottom));
            // However short, and however many there are, it is seen.
            let corner = (right.max(left + 1), bottom.max(top + 1));
            root.draw(&Rectangle::new(
                [(left, top), corner],
                color.mix(0.9).filled(),
            ))?;
            if grants.len() <= NAMES_MAX {
                let (x, y) = chart.backend_coord(&(self.span(), row as f64 + 0.5));
                self.draw_name(root, grant, color, (x + 12, y))?;
            }
        }
        Ok(())
    }

    fn draw_name(
        &self,
        root: &Area<'_>,
        grant: &GrantPicture,
        color: &RGBColor,
        (x, y): (i32, i32),
    ) -> DrawResult {
        let swatch = Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled());
        root.draw(&swatch)?;
        let style = (FONT, 13).into_font().color(&INK);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        let name = shortened(&printable(&grant.name));
        root.draw(&Text::new(name, (x + 16, y), style))?;
        Ok(())
    }

    fn draw_tick_lines(&self, chart: &mut Chart<'_, '_>, (low, high): (f64, f64)) -> DrawResult {
        for tick in &self.ticks {
            let x = self.distance(tick.at);
            chart.draw_series([PathElement::new(vec![(x, low), (x, high)], PALE)])?;
        }
        Ok(())
    }

    /// The part of a window that is in the range; it ends where its remainder lapses.
    fn shown_window(&self, grant: &GrantPicture) -> (f64, f64) {
        let (from, to) = self.picture.range;
        let end = grant.window.1.saturating_add(1).min(to);
        (self.distance(grant.window.0.max(from)), self.distance(end))
    }

    /// Where an instant of the picture is; after the last one, the end of the range.
    fn x(&self, place: usize) -> f64 {
        let instant = self.picture.instants.get(place);
        self.distance(instant.copied().unwrap_or(self.picture.range.1))
    }

    fn span(&self) -> f64 {
        self.distance(self.picture.range.1)
    }

    fn distance(&self, instant: i64) -> f64 {
        (i128::from(instant) - i128::from(self.picture.range.0)) as f64
    }
}

/// How high something is at both ends of a span of time.
#[derive(Clone, Copy, Debug, Default)]
struct Heights {
    left: f64,
    right: f64,
}

/// Goes on over a span; straight on if the line is level, and stays so.
fn extend(line: &mut Vec<(f64, f64)>, (left, right): (f64, f64), heights: Heights) {
    let is_level = |height: f64| height == heights.left && height == heights.right;
    match line.as_mut_slice() {
        [.., before, last] if before.1 == last.1 && is_level(last.1) => last.0 = right,
        [.., last] if *last == (left, heights.left) => line.push((right, heights.right)),
        _ => line.extend([(left, heights.left), (right, heights.right)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(spans: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut line = Vec::new();
        for (place, (left, right)) in (0_u8..).zip(spans) {
            let (left, right) = (*left, *right);
            let span = (place.into(), (place + 1).into());
            extend(&mut line, span, Heights { left, right });
        }
        line
    }

    #[test]
    fn spans_of_one_height_are_one_line() {
        let steps = line(&[(5.0, 5.0), (5.0, 5.0), (4.0, 4.0)]);
        assert_eq!(steps, [(0.0, 5.0), (2.0, 5.0), (2.0, 4.0), (3.0, 4.0)]);
    }

    /// Metered usage was drawn as stairs.
    #[test]
    fn what_changes_at_each_tick_is_a_slope() {
        let slope = line(&[(5.0, 5.0), (5.0, 3.0), (3.0, 1.0), (1.0, 1.0), (2.0, 0.0)]);
        let expected = [
            (0.0, 5.0),
            (1.0, 5.0),
            (2.0, 3.0),
            (3.0, 1.0),
            (4.0, 1.0),
            (4.0, 2.0),
            (5.0, 0.0),
        ];
        assert_eq!(slope, expected);
    }
}
