//! What a comparison gives: figures for each party, round by round.

use serde::{Deserialize, Serialize};

/// One comparison: parties that did the same work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Of the table of targets.
    pub(crate) row: String,
    /// What was done; the same words in all rows that do the same at different sizes.
    pub(crate) series: String,
    /// How large the workload was, in `size_of`.
    pub(crate) size: u64,
    pub(crate) size_of: String,
    /// What the figures are.
    pub(crate) unit: String,
    /// The ratio of the first party to the second, at most. `None`: the figure is only said.
    pub(crate) target: Option<f64>,
    /// The first is measured, the second is what it is measured against, more are said beside.
    pub(crate) parties: Vec<Party>,
}

/// One party's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Party {
    pub(crate) name: String,
    /// One figure for each round.
    pub(crate) samples: Vec<f64>,
}

/// Of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    Said,
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

    /// Ratios of a party to the one that the case is measured against, round by round.
    pub(crate) fn ratio(&self, party: usize) -> Summary {
        let (this, against) = (&self.parties[party].samples, &self.parties[1].samples);
        let ratios = this
            .iter()
            .zip(against)
            .map(|(this, against)| this / against);
        Summary::of(ratios.collect())
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self.target {
            None => Verdict::Said,
            Some(target) if self.ratio(0).median <= target => Verdict::Met,
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
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary::of(self.samples.clone())
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
            Verdict::Said => "said",
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

/// With commas.
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
