//! What a case asks of an engine beyond grants, usage at instants, retractions and balances.

use std::collections::BTreeSet;

use super::{Case, Step};
use crate::{Overdraft, Usage};

/// Something that an engine must have to run a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Metered usage.
    Metered,
    /// Grants with a priority other than 0.
    Priority,
    /// The policy `carry:C`.
    CreditLine,
    /// Changing usage, and revoking and changing grants.
    Corrections,
    /// The sums of what was used and dropped.
    Sums,
    /// Who paid for a usage record.
    Draws,
    /// What may be spent, and when the account runs dry.
    Spendable,
}

impl Case {
    /// What an engine must have to run the case. Empty: every engine can.
    pub fn needs(&self) -> BTreeSet<Need> {
        let line = matches!(self.overdraft, Overdraft::CarryUpTo(_)).then_some(Need::CreditLine);
        let steps = self.steps.iter().flat_map(Step::needs);
        steps.chain(line).collect()
    }
}

impl Step {
    fn needs(&self) -> Vec<Need> {
        let metered = |usage: &Usage| usage.until.map(|_| Need::Metered);
        match self {
            Step::Grant { priority: 0, .. }
            | Step::RetractGrant { .. }
            | Step::Balance { .. }
            | Step::Remainders { .. }
            | Step::Classic { .. } => vec![],
            Step::Grant { .. } => vec![Need::Priority],
            Step::Usage(usage) | Step::RetractUsage(usage) => Vec::from_iter(metered(usage)),
            Step::ChangeUsage { usage, new } => {
                let metered = [usage, new].into_iter().filter_map(metered);
                metered.chain([Need::Corrections]).collect()
            }
            Step::RevokeGrant { .. } | Step::ChangeExpiration { .. } => vec![Need::Corrections],
            Step::ChangePriority { .. } => vec![Need::Priority, Need::Corrections],
            Step::Used { .. } | Step::Dropped { .. } => vec![Need::Sums],
            Step::Draws { .. } => vec![Need::Draws],
            Step::FirstUncovered { .. }
            | Step::Spendable { .. }
            | Step::SpendableRate { .. }
            | Step::RunsDry { .. } => vec![Need::Spendable],
        }
    }
}
