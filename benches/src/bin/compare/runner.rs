//! One run: its arguments, and the cases measured so far.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::RunArguments;
use crate::outcome::{Case, Verdict, three_digits};

/// A run that measures.
pub(crate) struct Runner {
    arguments: RunArguments,
    progress: ProgressBar,
    cases: Vec<Case>,
}

impl Runner {
    pub(crate) fn new(arguments: &RunArguments) -> Self {
        let progress = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
        progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        progress.enable_steady_tick(Duration::from_millis(500));
        Self {
            arguments: arguments.clone(),
            progress,
            cases: Vec::new(),
        }
    }

    pub(crate) fn wants(&self, row: &str) -> bool {
        self.arguments.wants(row)
    }

    pub(crate) fn wants_any(&self, rows: &[&str]) -> bool {
        rows.iter().any(|row| self.wants(row))
    }

    pub(crate) fn seed(&self) -> u64 {
        self.arguments.seed
    }

    pub(crate) fn rounds(&self) -> u32 {
        match self.is_quick() {
            true => self.arguments.rounds.min(3),
            false => self.arguments.rounds,
        }
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.arguments.is_quick()
    }

    /// A size, or the one that stands in for it in a quick run.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.is_quick() { quick } else { full }
    }

    /// Shows what the run does now.
    pub(crate) fn doing(&self, what: impl Into<String>) {
        self.progress.set_message(what.into());
    }

    /// Prints which row is not measured, and why.
    pub(crate) fn skip(&self, row: &str, why: &str) {
        self.progress.suspend(|| println!("{row:3} skipped: {why}"));
    }

    /// Prints and keeps a case, if its row is wanted.
    pub(crate) fn add(&mut self, case: Case) {
        if !self.wants(&case.row) {
            return;
        }
        self.progress.suspend(|| print(&case));
        self.cases.push(case);
    }

    pub(crate) fn finish(self) -> Vec<Case> {
        self.progress.finish_and_clear();
        self.cases
    }
}

fn print(case: &Case) {
    let ratio = case.ratio(0);
    let verdict = match (case.verdict(), case.target) {
        (Verdict::NoTarget, _) | (_, None) => String::new(),
        (verdict, Some(target)) => format!(", at most {target}: {verdict}"),
    };
    println!(
        "{:3} {:<58} {} of {} ({} to {}){verdict}",
        case.row,
        case.title(),
        three_digits(ratio.of_medians),
        case.parties[1].name,
        three_digits(ratio.min),
        three_digits(ratio.max),
    );
    for party in &case.parties {
        let summary = party.summary();
        println!(
            "      {:<42} {:>12} {}",
            party.name,
            three_digits(summary.median),
            case.unit
        );
    }
}
