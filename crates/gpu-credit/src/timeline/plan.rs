//! Writing for the time being: what a plan changes is taken back without a trace.
//!
//! Records go in and out as by any write, but nothing is repaired meanwhile: questions replay what is
//! unsettled. So when all has been taken back, levels and sums are those that they were, and what was
//! settled is settled. Only windows that were changed have to be repaired.

use super::GrantTimeline;
use super::epoch_table::Answers;
use super::grants::Window;
use super::known;
use super::write::Arrival;
use crate::all_usage::AllUsage;

/// What is as it was after a plan.
#[derive(Debug)]
pub(crate) struct BeforePlan {
    known: known::BeforePlan,
    table: Option<Answers>,
}

impl GrantTimeline {
    /// Begins a plan. Writes follow, and then as many that take them back. O(unsettled)
    pub(crate) fn begin_plan(&mut self) -> BeforePlan {
        BeforePlan {
            known: self.known.begin_plan(),
            table: self.table.as_ref().map(|table| table.answers().clone()),
        }
    }

    /// Ends a plan of which all has been taken back. O(1); and a bounded repair if windows of grants
    /// that are posted had changed, or so much had that the frontier moved back.
    pub(crate) fn end_plan(&mut self, usage: &AllUsage, before: BeforePlan, is_undone: bool) {
        let BeforePlan { known, table } = before;
        if let (Some(table), Some(answers)) = (&mut self.table, table) {
            table.restore(answers);
        }
        if !self.known.end_plan(known, is_undone) {
            let unsettled = self.known.first_unsettled().map(|first| first.time);
            let ends = [unsettled, self.known.frontier_ends()];
            if let Some(table) = &mut self.table
                && let Some(end) = ends.into_iter().flatten().min()
            {
                table.end_at(end);
            }
            let statistics = self.statistics;
            self.keep_up(usage, Arrival::InOrder);
            self.statistics = statistics;
        }
    }

    /// Takes a grant back, to be put back later; its window. Cost as
    /// [`retract_grant`](Self::retract_grant).
    pub(crate) fn set_grant_aside(&mut self, usage: &AllUsage, number: u32) -> Window {
        self.remove_window(number);
        let window = self.grants.set_aside(number);
        self.keep_up(usage, Arrival::Late);
        window
    }

    /// Puts a grant back that was set aside. Cost as [`post_grant`](Self::post_grant).
    pub(crate) fn put_grant_back(&mut self, usage: &AllUsage, number: u32, window: Window) {
        self.grants.put_back(number, window);
        if self.grants.is_ever_live(number) {
            self.insert_window(usage, number);
        }
        self.keep_up(usage, Arrival::Late);
    }

    /// Takes back that the last grant was posted. Cost as [`retract_grant`](Self::retract_grant).
    pub(crate) fn unpost_grant(&mut self, usage: &AllUsage, number: u32) {
        self.remove_window(number);
        self.grants.unpost();
        self.keep_up(usage, Arrival::Late);
    }
}
