//! Corrections of what the timeline has been told.

use super::GrantTimeline;
use super::grants::Window;
use crate::usage::UsageIndex;

impl GrantTimeline {
    /// Gives a grant another window, as if it had been posted with that. Its number stands, and so
    /// its place in posting order. O(B + m / B²).
    pub(crate) fn change_window(&mut self, usage: &UsageIndex, number: u32, window: Window) {
        if self.grants.window(number) == window {
            return;
        }
        // Draws may change from its start on, where the new end is another place in their order.
        self.remove_window(number);
        self.grants.set_window(number, window);
        if self.grants.is_ever_live(number) {
            self.grant_posted(usage, number);
        }
    }

    /// Takes note of usage whose amount has changed in the index. O(B + m / B²).
    pub(crate) fn usage_changed(&mut self, time: i64, amount: u64, new_amount: u64) {
        if amount != new_amount && !self.frontier.reaches(time) {
            self.change_usage(time, i128::from(new_amount) - i128::from(amount));
        }
    }
}
