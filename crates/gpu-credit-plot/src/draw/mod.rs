//! Draws the picture: the balance above, the windows below, late and corrected records between, jobs and holds at the bottom.

use gpu_credit_store::TimeUnit;

use crate::bars::Bars;
use crate::labels::{label, shortened};
use crate::picture::{GrantPicture, Line, Picture};
use crate::printable::printable;
use crate::span::Course;
use crate::svg::{Anchor, Paint, Svg};
use crate::ticks::{Tick, amounts, ticks, timestamp};

mod paint;
mod scale;
mod stack;

use paint::{CORRECTED, DEFICIT, GRANTS, GRAY, HOLD, INK, JOB, NOW, OTHER, PALE, PAPER};
use scale::Scale;
use stack::{Heights, extend};

const WIDTH: u32 = 1_200;
/// Where the panel of the balance is.
const BALANCE: (f64, f64) = (76.0, 404.0);
/// Where that of the windows is.
const WINDOWS: (f64, f64) = (434.0, 600.0);
/// The sides of both: on the right is room for the names of the grants.
const SIDES: (f64, f64) = (110.0, 1_000.0);
/// Below them are the marks of time.
const BELOW_WINDOWS: f64 = 60.0;
const LANE: f64 = 14.0;
const TICKS: i128 = 6;
const AMOUNTS: i128 = 8;
/// More grants than this get no names.
pub(crate) const NAMES_MAX: usize = 14;
/// Rows that there is room for, so that few windows are no blocks.
const ROWS_MIN: usize = 5;
/// Half the width, and the height, of the mark of a late record.
const MARK: (f64, f64) = (4.0, 8.0);
/// Beside the panels.
const GAP: f64 = 12.0;
const TEXT: u32 = 13;

pub(crate) fn draw(picture: &Picture, unit: Option<TimeUnit>) -> String {
    Drawing::new(picture, unit).draw()
}

/// The picture with its scales.
struct Drawing<'p> {
    picture: &'p Picture,
    ticks: Vec<Tick>,
    unit: Option<TimeUnit>,
    x: Scale,
    y: Scale,
    /// Lowest and highest amount.
    amounts: (i128, i128),
    svg: Svg,
}

impl<'p> Drawing<'p> {
    fn new(picture: &'p Picture, unit: Option<TimeUnit>) -> Self {
        let (low, high) = extremes(picture);
        let room = ((high - low) / 20).max(1);
        let amounts = (if low < 0 { low - room } else { 0 }, high + room);
        let (from, to) = picture.range;
        let lanes = picture.jobs.lanes + picture.holds.lanes;
        let height = WINDOWS.1 + BELOW_WINDOWS + lanes as f64 * LANE + gap(lanes);
        let account = printable(&picture.account);
        let said = format!(
            "Balance of {account} from {} to {}, revision {}",
            show(unit, from),
            show(unit, to),
            picture.revision
        );
        let data = [
            ("data-from", from.to_string()),
            ("data-to", to.to_string()),
            ("data-left", SIDES.0.to_string()),
            ("data-right", SIDES.1.to_string()),
            ("data-top", BALANCE.0.to_string()),
            (
                "data-bottom",
                (WINDOWS.1 + lanes as f64 * LANE + gap(lanes)).to_string(),
            ),
            ("data-revision", picture.revision.to_string()),
        ];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 12 lanes"
        )]
        let svg = Svg::new((WIDTH, height as u32), &said, &data);
        Self {
            picture,
            ticks: ticks(picture.range, unit, TICKS),
            unit,
            x: Scale::new((from.into(), to.into()), SIDES),
            y: Scale::new(amounts, (BALANCE.1, BALANCE.0)),
            amounts,
            svg,
        }
    }

    fn draw(mut self) -> String {
        let size = (f64::from(WIDTH), 2_000.0);
        self.svg.rectangle((0.0, 0.0), size, PAPER, 1.0);
        let account = printable(&self.picture.account);
        let title = format!("Balance of {}", shortened(&account, 80));
        self.svg.text(&title, (24.0, 26.0), INK, 20, Anchor::Start);
        let subtitle = "line: balance, or deficit below zero; areas: what is left of each grant, \
                        soonest end lowest";
        self.svg
            .text(subtitle, (24.0, 54.0), GRAY, 14, Anchor::Start);
        self.draw_amounts();
        self.draw_tick_lines(BALANCE);
        self.draw_remainders();
        if let Some((revision, line)) = &self.picture.other {
            self.draw_line(line, true);
            let said = format!("dashed: revision {revision}");
            self.svg.text(
                &said,
                (SIDES.1 + GAP, BALANCE.0 + 6.0),
                OTHER,
                TEXT,
                Anchor::Start,
            );
        }
        self.draw_line(&self.picture.balance, false);
        let zero = self.y.of(0);
        self.svg
            .line(&[(SIDES.0, zero), (SIDES.1, zero)], GRAY, 1.0, "");
        self.draw_marks();
        self.draw_windows();
        self.draw_lanes();
        self.draw_instants();
        self.svg.finish()
    }

    fn draw_amounts(&mut self) {
        for amount in amounts(self.amounts, AMOUNTS) {
            let y = self.y.of(amount);
            self.svg.line(&[(SIDES.0, y), (SIDES.1, y)], PALE, 1.0, "");
            let said = label(amount as f64);
            self.svg
                .text(&said, (SIDES.0 - 10.0, y), INK, TEXT, Anchor::End);
        }
        let (left, (top, bottom)) = (SIDES.0, BALANCE);
        self.svg.line(&[(left, top), (left, bottom)], GRAY, 1.0, "");
    }

    /// The areas, each upon those of the grants that end sooner.
    fn draw_remainders(&mut self) {
        let mut base = vec![Heights::default(); self.picture.balance.instants.len()];
        for (grant, paint) in self.picture.grants.iter().zip(GRANTS.iter().cycle()) {
            let runs = grant.remainders.chunk_by(|one, next| one.0 + 1 == next.0);
            for run in runs {
                let outline = self.outline(run, &mut base);
                self.svg.polygon(&outline, *paint, 0.75);
            }
        }
    }

    /// Along the top of a run of remainders and back along what is below; the base rises to the top.
    fn outline(&self, run: &[(usize, Course<u64>)], base: &mut [Heights]) -> Vec<(f64, f64)> {
        let line = &self.picture.balance;
        let (mut top, mut bottom) = (Vec::new(), Vec::new());
        for (place, amount) in run {
            let span = (self.place(line, *place), self.place(line, place + 1));
            let low = base[*place];
            let high = Heights {
                left: low.left + i128::from(amount.first),
                right: low.right + i128::from(amount.last),
            };
            base[*place] = high;
            extend(&mut top, span, self.heights(high));
            extend(&mut bottom, span, self.heights(low));
        }
        top.extend(bottom.into_iter().rev());
        top
    }

    fn heights(&self, amounts: Heights<i128>) -> Heights<f64> {
        Heights {
            left: self.y.of(amounts.left),
            right: self.y.of(amounts.right),
        }
    }

    fn draw_line(&mut self, line: &Line, is_other: bool) {
        let places: Vec<usize> = (0..line.instants.len()).collect();
        let level = |place: &usize| line.levels[*place];
        // Apart when there is no balance, and when it turns into a deficit.
        let kind = |place: &usize| level(place).map(|level| level.course.first < 0);
        for run in places.chunk_by(|one, next| kind(one) == kind(next)) {
            let Some(is_deficit) = run.first().and_then(kind) else {
                continue;
            };
            let mut drawn = Vec::new();
            for place in run {
                let Some(level) = level(place) else { continue };
                let span = (self.place(line, *place), self.place(line, place + 1));
                let Course { first, last } = level.course;
                if level.lowest < first.min(last) || level.highest > first.max(last) {
                    // Up and down within a pixel.
                    drawn.extend(
                        [level.highest, level.lowest].map(|amount| (span.0, self.y.of(amount))),
                    );
                }
                let course = Heights {
                    left: first,
                    right: last,
                };
                extend(&mut drawn, span, self.heights(course));
            }
            if is_other {
                self.svg.line(&drawn, OTHER, 1.5, "5 4");
                continue;
            }
            if is_deficit {
                let zero = self.y.of(0);
                let ends = [drawn.last(), drawn.first()].into_iter().flatten();
                let feet: Vec<_> = ends.map(|(x, _)| (*x, zero)).collect();
                let outline = [drawn.clone(), feet].concat();
                self.svg.polygon(&outline, DEFICIT, 0.2);
            }
            let paint = if is_deficit { DEFICIT } else { INK };
            self.svg.line(&drawn, paint, 2.0, "");
        }
    }

    /// Between the panels; those that would lie on one another are drawn once.
    fn draw_marks(&mut self) {
        let (half, height) = MARK;
        let y = BALANCE.1 + 4.0;
        let picture = self.picture;
        let kinds = [
            (&picture.late, DEFICIT, y),
            (&picture.corrected, CORRECTED, y + height),
        ];
        for (marks, paint, top) in kinds {
            let mut places: Vec<f64> = marks.iter().map(|at| self.x.of(i128::from(*at))).collect();
            places.dedup_by(|one, other| (*one - *other).abs() < 2.0);
            for x in places {
                let mark = [(x, top), (x - half, top + height), (x + half, top + height)];
                self.svg.polygon(&mark, paint, 1.0);
            }
        }
        let mut y = BALANCE.1 + 8.0;
        for (count, word, paint) in [
            (picture.late.len(), "late", DEFICIT),
            (picture.corrected.len(), "corrected", CORRECTED),
        ] {
            if count > 0 {
                let said = format!("{count} {word} record{}", if count == 1 { "" } else { "s" });
                self.svg
                    .text(&said, (SIDES.1 + GAP, y), paint, TEXT, Anchor::Start);
                y += 16.0;
            }
        }
    }

    fn draw_windows(&mut self) {
        self.draw_tick_lines(WINDOWS);
        let (top, bottom) = WINDOWS;
        let middle = f64::midpoint(top, bottom);
        self.svg
            .text("windows", (SIDES.0 - 10.0, middle), GRAY, TEXT, Anchor::End);
        self.svg
            .line(&[(SIDES.0, bottom), (SIDES.1, bottom)], GRAY, 1.0, "");
        let grants = &self.picture.grants;
        let row_height = (bottom - top) / grants.len().max(ROWS_MIN) as f64;
        for ((row, grant), paint) in grants.iter().enumerate().zip(GRANTS.iter().cycle()) {
            let upper = top + row_height * (row as f64 + 0.12);
            // However short, and however many there are, it is seen.
            let lower = (upper + row_height * 0.76).max(upper + 1.0);
            let (left, right) = self.shown(grant.window.0, grant.window.1.saturating_add(1));
            self.svg
                .rectangle((left, upper), (right, lower), *paint, 0.9);
            if grants.len() <= NAMES_MAX {
                self.draw_name(grant, *paint, top + row_height * (row as f64 + 0.5));
            }
        }
        if self.picture.grant_count > NAMES_MAX {
            let said = format!("{} grants", self.picture.grant_count);
            self.svg
                .text(&said, (SIDES.1 + GAP, middle), GRAY, TEXT, Anchor::Start);
        }
    }

    fn draw_name(&mut self, grant: &GrantPicture, paint: Paint, y: f64) {
        let x = SIDES.1 + GAP;
        self.svg
            .rectangle((x, y - 5.0), (x + 10.0, y + 5.0), paint, 1.0);
        let name = printable(&grant.name);
        self.svg.text(
            &shortened(&name, 24),
            (x + 16.0, y),
            INK,
            TEXT,
            Anchor::Start,
        );
    }

    /// Jobs and holds, and the marks of time below them.
    fn draw_lanes(&mut self) {
        let picture = self.picture;
        let lanes = picture.jobs.lanes + picture.holds.lanes;
        let mut top = WINDOWS.1 + gap(lanes);
        let bottom = top + lanes as f64 * LANE;
        if lanes > 0 {
            self.draw_tick_lines((top, bottom));
            let axis = [(SIDES.0, bottom), (SIDES.1, bottom)];
            self.svg.line(&axis, GRAY, 1.0, "");
        }
        for (bars, word, paint) in [(&picture.jobs, "job", JOB), (&picture.holds, "hold", HOLD)] {
            if bars.lanes == 0 {
                continue;
            }
            self.draw_bars(bars, top, paint);
            let height = bars.lanes as f64 * LANE;
            let many = bars.count;
            let said = format!("{many} {word}{}", if many == 1 { "" } else { "s" });
            let beside = (SIDES.1 + GAP, top + height / 2.0);
            self.svg.text(&said, beside, paint, TEXT, Anchor::Start);
            top += height;
        }
        for tick in std::mem::take(&mut self.ticks) {
            let x = self.x.of(tick.at.into());
            let below = (x, bottom + 16.0);
            self.svg.text(&tick.label, below, INK, TEXT, Anchor::Middle);
        }
        let unit = if self.unit.is_some() {
            "time (UTC)"
        } else {
            "time"
        };
        let middle = (f64::midpoint(SIDES.0, SIDES.1), bottom + 38.0);
        self.svg.text(unit, middle, GRAY, TEXT, Anchor::Middle);
    }

    fn draw_bars(&mut self, bars: &Bars, top: f64, paint: Paint) {
        for bar in &bars.bars {
            let upper = top + bar.lane as f64 * LANE + 2.0;
            let (left, right) = self.shown(bar.from, bar.until);
            let corners = ((left, upper), (right, upper + LANE - 4.0));
            if bar.title.is_empty() {
                self.svg.rectangle(corners.0, corners.1, paint, 0.8);
            } else {
                let (from, until) = (show(self.unit, bar.from), show(self.unit, bar.until));
                let title = format!("{}, {from} until {until}", bar.title);
                self.svg.titled_rectangle(corners, paint, 0.8, &title);
            }
        }
    }

    /// The present, and the close of the books, as lines through all.
    fn draw_instants(&mut self) {
        let (from, to) = self.picture.range;
        for (instant, word) in [
            (self.picture.closed_until, "closed until here"),
            (self.picture.now, "now"),
        ] {
            if let Some(at) = instant.filter(|at| (from..=to).contains(at)) {
                let x = self.x.of(at.into());
                self.svg
                    .line(&[(x, BALANCE.0 - 4.0), (x, WINDOWS.1)], NOW, 1.0, "2 3");
                let anchor = if x > f64::midpoint(SIDES.0, SIDES.1) {
                    Anchor::End
                } else {
                    Anchor::Start
                };
                let beside = if anchor == Anchor::End { -4.0 } else { 4.0 };
                self.svg
                    .text(word, (x + beside, BALANCE.0 - 2.0), NOW, 11, anchor);
            }
        }
    }

    fn draw_tick_lines(&mut self, (top, bottom): (f64, f64)) {
        for tick in &self.ticks {
            let x = self.x.of(tick.at.into());
            self.svg.line(&[(x, top), (x, bottom)], PALE, 1.0, "");
        }
    }

    /// The part of a span of time that is in the range, at least a pixel wide; `end` is the first instant after it.
    fn shown(&self, start: i64, end: i64) -> (f64, f64) {
        let (from, to) = self.picture.range;
        let left = self.x.of(start.max(from).into());
        let right = self.x.of(end.min(to).into());
        (left, right.max(left + 1.0))
    }

    /// Where an instant of a line is; after the last one, the end of the range.
    fn place(&self, line: &Line, place: usize) -> f64 {
        let instant = line.instants.get(place);
        self.x
            .of(instant.copied().unwrap_or(self.picture.range.1).into())
    }
}

/// The lowest and the highest amount that is drawn.
fn extremes(picture: &Picture) -> (i128, i128) {
    let mut stacked = vec![0; picture.balance.instants.len()];
    for grant in &picture.grants {
        for (place, amount) in &grant.remainders {
            stacked[*place] += i128::from(amount.first.max(amount.last));
        }
    }
    let other = picture.other.iter().flat_map(|(_, line)| &line.levels);
    let levels = picture.balance.levels.iter().chain(other).flatten();
    let levels = levels.flat_map(|level| [level.lowest, level.highest]);
    let all = levels.chain(stacked);
    all.fold((0, 1), |(low, high), amount| {
        (amount.min(low), amount.max(high))
    })
}

/// Between the windows and the lanes.
fn gap(lanes: usize) -> f64 {
    if lanes == 0 { 0.0 } else { 10.0 }
}

fn show(unit: Option<TimeUnit>, instant: i64) -> String {
    let by_calendar = unit.and_then(|unit| timestamp(unit, instant));
    by_calendar.map_or_else(|| instant.to_string(), |timestamp| timestamp.to_string())
}
