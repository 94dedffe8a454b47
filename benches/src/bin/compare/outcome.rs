//! What a comparison gives: figures for each party, round by round.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::nanoseconds;

/// One comparison: parties that did the same work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    /// The id of its row in the table.
    pub(crate) row: String,
    /// What was done, in the same words at all sizes.
    pub(crate) series: String,
    /// How large the workload was, in `size_of`.
    pub(crate) size: u64,
    pub(crate) size_of: String,
    /// The unit of the figures.
    pub(crate) unit: String,
    /// The ratio of the first party to the second, at most. `None`: there is no target.
    pub(crate) target: Option<f64>,
    /// The first is measured against the second; the others are listed.
    pub(crate) parties: Vec<Party>,
}

/// One party's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Party {
    pub(crate) name: String,
    /// One figure for each round.
    pub(crate) samples: Vec<f64>,
    /// How the single operations of each round are spread around its figure, their mean, if each was timed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spreads: Vec<Spread>,
    /// Why there is no figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) says: Option<String>,
}

/// Half of the operations of a round took at most `p50`, 99 in a hundred `p99`, and all of them `max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// The least, the median and the greatest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// One party against another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// The quotient of the two medians, which stand beside it on the page.
    pub(crate) of_medians: f64,
    /// The least of one round.
    pub(crate) min: f64,
    /// The greatest of one round.
    pub(crate) max: f64,
}

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NoTarget,
}

impl Case {
    /// A case without a target.
    pub(crate) fn new(
        row: &str,
        series: impl Into<String>,
        (size, size_of): (u64, &str),
        unit: &str,
        parties: Vec<Party>,
    ) -> Self {
        Self {
            row: row.to_owned(),
            series: series.into(),
            size,
            size_of: size_of.to_owned(),
            unit: unit.to_owned(),
            target: None,
            parties,
        }
    }

    /// The same case with a target.
    pub(crate) fn at_most(self, target: impl Into<Option<f64>>) -> Self {
        Self {
            target: target.into(),
            ..self
        }
    }

    /// The same case in another row.
    pub(crate) fn of_row(self, row: &str) -> Self {
        Self {
            row: row.to_owned(),
            ..self
        }
    }

    /// The ratio of a party to the one that the case is measured against.
    pub(crate) fn ratio(&self, party: usize) -> Ratio {
        self.ratio_to(party, 1)
    }

    /// The ratio of the medians of two parties, and the least and the greatest of a round.
    pub(crate) fn ratio_to(&self, party: usize, other: usize) -> Ratio {
        let (this, against) = (&self.parties[party], &self.parties[other]);
        let rounds = this.samples.iter().zip(&against.samples);
        let rounds = Summary::of(rounds.map(|(this, against)| this / against).collect());
        Ratio {
            of_medians: this.summary().median / against.summary().median,
            min: rounds.min,
            max: rounds.max,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.target {
            None => Verdict::NoTarget,
            Some(target) if self.ratio(0).of_medians <= target => Verdict::Met,
            Some(_) => Verdict::Missed,
        }
    }

    /// What was done and how large it was.
    pub(crate) fn title(&self) -> String {
        format!("{}, {} {}", self.series, thousands(self.size), self.size_of)
    }
}

impl Party {
    /// A party with its figures so far.
    pub(crate) fn new(name: impl Into<String>, samples: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            samples,
            spreads: Vec::new(),
            says: None,
        }
    }

    /// Adds a round of which every operation was timed.
    pub(crate) fn add_round(&mut self, times: &[Duration]) {
        let total = times.iter().sum();
        self.samples.push(nanoseconds(total, times.len()));
        self.spreads.extend(Spread::of(times));
    }

    /// The medians of the rounds; the greatest of all is the greatest of any.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let of =
            |figure: fn(&Spread) -> f64| Summary::of(self.spreads.iter().map(figure).collect());
        (!self.spreads.is_empty()).then(|| Spread {
            p50: of(|round| round.p50).median,
            p99: of(|round| round.p99).median,
            max: of(|round| round.max).max,
        })
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary::of(self.samples.clone())
    }
}

impl Spread {
    /// That of one round; `None` if nothing was timed.
    fn of(times: &[Duration]) -> Option<Self> {
        let mut times = times.to_vec();
        times.sort_unstable();
        let among = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(place).map(|time| nanoseconds(*time, 1))
        };
        Some(Self {
            p50: among(50)?,
            p99: among(99)?,
            max: among(100)?,
        })
    }
}

impl Summary {
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_unstable_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = match figures.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => figures[middle],
            _ => f64::midpoint(figures[middle - 1], figures[middle]),
        };
        Self {
            min: figures.first().copied().unwrap_or(f64::NAN),
            median,
            max: figures.last().copied().unwrap_or(f64::NAN),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::NoTarget => "no target",
        })
    }
}

/// Three significant digits, with commas between thousands, and powers of ten below 0.0001.
pub(crate) fn three_digits(figure: f64) -> String {
    if !figure.is_finite() {
        return "-".to_owned();
    }
    let size = figure.abs();
    match size {
        0.0 => "0".to_owned(),
        ..0.0001 => format!("{figure:.1e}"),
        ..1_000.0 => {
            let digits = [1.0, 10.0, 100.0]
                .iter()
                .filter(|bound| size >= **bound)
                .count();
            let leading = [0.1, 0.01, 0.001]
                .iter()
                .filter(|bound| size < **bound)
                .count();
            let decimals = if size < 1.0 { 3 + leading } else { 3 - digits };
            format!("{figure:.decimals$}")
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "for show"
        )]
        _ => thousands(size.round() as u64),
    }
}

/// A time in nanoseconds, in the unit in which people say it.
pub(crate) fn human_time(nanoseconds: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "us")];
    let unit = units.iter().find(|(size, _)| nanoseconds >= *size);
    let (size, unit) = unit.copied().unwrap_or((1.0, "ns"));
    let figure = nanoseconds / size;
    let decimals = usize::from(figure < 10.0);
    format!("{figure:.decimals$} {unit}")
}

/// A number from 10 on, rounded to two digits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for show"
)]
pub(crate) fn two_digits(number: f64) -> String {
    let unit = 10_f64.powf(number.log10().floor().max(1.0) - 1.0);
    thousands(((number / unit).round() * unit) as u64)
}

/// A number with commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(Summary::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        let even = Summary::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.min, even.median, even.max), (1.0, 2.5, 4.0));
    }

    #[test]
    fn a_ratio_is_that_of_the_medians_beside_it() {
        let parties = vec![
            Party::new("one", vec![10.0, 20.0, 60.0]),
            Party::new("other", vec![10.0, 80.0, 40.0]),
        ];
        let case = Case::new("X1", "queries", (9, "usage"), "ns", parties);
        let ratio = case.ratio(0);
        assert_eq!((ratio.of_medians, ratio.min, ratio.max), (0.5, 0.25, 1.5));
    }

    #[test]
    fn the_spread_of_a_round_names_times_of_it() {
        let mut party = Party::new("one", Vec::new());
        for slowest in [100, 500, 300] {
            let times: Vec<Duration> = (1..100)
                .chain([slowest])
                .map(Duration::from_nanos)
                .collect();
            party.add_round(&times);
        }
        let expected = Spread {
            p50: 50.0,
            p99: 99.0,
            max: 500.0,
        };
        assert_eq!(party.spread(), Some(expected));
        assert_eq!(party.samples, [50.5, 54.5, 52.5]);
        assert_eq!(Party::new("other", vec![1.0]).spread(), None);
    }

    #[test]
    fn times_are_in_human_units() {
        let shown = [8.25, 304.0, 1_513.0, 2_278_209.0, 74_252_708.0, 1.5e9];
        let expected = ["8.2 ns", "304 ns", "1.5 us", "2.3 ms", "74 ms", "1.5 s"];
        assert_eq!(shown.map(human_time), expected);
    }

    #[test]
    fn rates_have_two_digits() {
        let shown = [12.4, 267.0, 4_449.0, 96_000.0, 1_250_001.0].map(two_digits);
        assert_eq!(shown, ["12", "270", "4,400", "96,000", "1,300,000"]);
    }

    #[test]
    fn figures_have_three_digits() {
        let shown = [
            0.000_012_34,
            0.001_234,
            0.3,
            1.5,
            12.34,
            123.4,
            1_234.0,
            1e7,
        ];
        let expected = [
            "1.2e-5",
            "0.00123",
            "0.300",
            "1.50",
            "12.3",
            "123",
            "1,234",
            "10,000,000",
        ];
        assert_eq!(shown.map(three_digits), expected);
    }
}
