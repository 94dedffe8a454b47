//! Writing for the time being: what a plan changes is taken back without a trace.
//!
//! Records go in and out as by any write, and levels are repaired as after any. A plan does not say
//! what time it is, and so leaves alone when writes repair; nor does it cost the epoch table its holes.

use super::GrantTimeline;
use super::epoch_table::EpochTable;
use super::grants::Window;
use super::known::Schedule;
use super::settle::SettlementStatistics;
use super::write::Arrival;
use crate::all_usage::AllUsage;

/// What is as it was after a plan.
#[derive(Debug)]
pub(crate) struct BeforePlan {
    schedule: Schedule,
    /// The epoch table, if all levels up to the frontier are sound: they will be the same again.
    table: Option<Box<EpochTable>>,
    statistics: SettlementStatistics,
}

impl GrantTimeline {
    /// Begins a plan. Writes follow of which none says what time it is, and then as many that take
    /// them back. O(1)
    pub(crate) fn begin_plan(&mut self) -> BeforePlan {
        let is_sound = self.known.first_unsettled().is_none();
        BeforePlan {
            schedule: self.known.schedule(),
            table: self.table.take_if(|_| is_sound),
            statistics: self.statistics,
        }
    }

    /// Ends a plan of which all has been taken back. O(1), and less than O(log m) if not all of it
    /// has been repaired.
    pub(crate) fn end_plan(&mut self, before: BeforePlan) {
        let BeforePlan {
            schedule,
            table,
            statistics,
        } = before;
        self.known.set_schedule(schedule);
        self.statistics = statistics;
        if let Some(mut table) = table {
            let unsettled = self.known.first_unsettled().map(|first| first.time);
            let ends = [unsettled, self.known.frontier_ends()];
            if let Some(end) = ends.into_iter().flatten().min() {
                table.end_at(end);
            }
            table.set_unsettled(unsettled);
            self.table = Some(table);
        }
    }

    /// Lets the next write of a plan repair what it unsettles.
    pub(crate) fn expect_repair(&mut self) {
        self.known.restart_count();
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
