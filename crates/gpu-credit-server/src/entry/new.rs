//! Entries to be, as requests have them: by themselves in the resources of an account, and with account and kind in a
//! batch.

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Change, MeteredChange, Posting};
use serde::Deserialize;
use utoipa::ToSchema;

use super::window::{Window, said};
use crate::Problem;
use crate::access::Verb;
use crate::form::{Count, Time};

/// Makes two types of one list of members: one with an id that a header may give instead, for the resource of an
/// account, and one with account and id, for batches. Both become a change.
macro_rules! entries {
    ($(
        $(#[$about:meta])*
        $alone:ident, $in_batch:ident {
            $( $(#[$of_member:meta])* $member:ident: $type:ty, )*
        }
        |$it:ident| $change:expr;
    )*) => { $(
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $alone {
            /// The name of the record for ever: sent again with it, the request does nothing. The header
            /// Idempotency-Key may give it instead.
            #[schema(min_length = 1, max_length = 1024)]
            pub(crate) id: Option<String>,
            $( $(#[$of_member])* pub(crate) $member: $type, )*
        }

        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $in_batch {
            /// The name of the account.
            #[schema(min_length = 1, max_length = 1024)]
            pub(crate) account: String,
            /// The name of the record for ever: sent again with it, the entry does nothing.
            #[schema(min_length = 1, max_length = 1024)]
            pub(crate) id: String,
            $( $(#[$of_member])* pub(crate) $member: $type, )*
        }

        impl $alone {
            /// What it does.
            pub(crate) fn change(self) -> Result<Change, Problem> {
                let $it = self;
                Ok($change)
            }
        }

        impl $in_batch {
            fn posting(self) -> Result<Posting, Problem> {
                let $in_batch { account, id, $($member),* } = self;
                let change = $alone { id: None, $($member),* }.change()?;
                Ok(Posting::new(account, id, change))
            }
        }
    )* };
}

entries! {
    /// The opening of an account.
    NewOpening, OpeningEntry {
        /// What happens to usage beyond what is available, for good: `carry`, `carry:C` with a credit line C, or `forfeit`.
        #[schema(value_type = String, examples("carry", "carry:0", "forfeit"))]
        policy: Overdraft,
    }
    |new| Change::OpenAccount { policy: new.policy };

    /// A grant: credit that is live in a window. Give one of `expiration`, `last` and `end`.
    NewGrant, GrantEntry {
        /// Metadata: two grants with one credit id are two grants.
        #[serde(default)]
        #[schema(max_length = 65536)]
        credit_id: String,
        /// In the smallest unit.
        amount: Count,
        /// The first instant of the window.
        start: Time,
        /// The last instant of the window, counted from `start`; null for a window without end.
        #[serde(default, deserialize_with = "said")]
        #[schema(value_type = super::window::Length)]
        expiration: Option<Option<Count>>,
        /// The last instant of the window.
        last: Option<Time>,
        /// The first instant after the window.
        end: Option<Time>,
        /// Lower is drawn first.
        #[serde(default)]
        priority: i16,
    }
    |new| Change::Grant {
        expiration: Window { expiration: new.expiration, last: new.last, end: new.end }
            .expiration(new.start)?,
        credit_id: new.credit_id,
        amount: new.amount.0,
        timestamp: new.start.0,
        priority: new.priority,
    };

    /// Usage at an instant. It is never refused for lack of credit.
    NewUsage, UsageEntry {
        /// In the smallest unit.
        amount: Count,
        /// When it takes effect.
        at: Time,
    }
    |new| Change::Usage { amount: new.amount.0, timestamp: new.at.0 };

    /// Metered usage: a job that runs, or has run.
    NewRun, RunEntry {
        /// What each tick uses, in the smallest unit.
        rate: Count,
        /// The first tick.
        from: Time,
        /// The first tick that is no longer used: the planned end, as long as the job runs.
        until: Time,
    }
    |new| MeteredUsage { rate: new.rate.0, from: new.from.0, until: new.until.0 }.into();

    /// Takes a grant or usage back, as if it had never been posted.
    Retraction, RetractionEntry {
        /// The id of the record.
        of: String,
    }
    |new| Change::RetractRecord { of: new.of.into() };

    /// Gives usage at an instant, or a settlement, another amount.
    UsageChange, UsageChangeEntry {
        /// The id of the usage.
        of: String,
        /// The amount that it has from now on.
        amount: Count,
    }
    |new| Change::ChangeUsage { of: new.of.into(), amount: new.amount.0 };

    /// Gives metered usage another rate, beginning or end. What is left out stays.
    RunChange, RunChangeEntry {
        /// The id of the metered usage.
        of: String,
        /// What each tick uses.
        rate: Option<Count>,
        /// The first tick.
        from: Option<Time>,
        /// The first tick that is no longer used.
        until: Option<Time>,
    }
    |new| {
        let MeteredChange { rate, from, until } = MeteredChange {
            rate: new.rate.map(|rate| rate.0),
            from: new.from.map(|from| from.0),
            until: new.until.map(|until| until.0),
        };
        Change::ChangeMeteredUsage { of: new.of.into(), rate, from, until }
    };

    /// Ends a grant early: what is left of it then is revoked.
    Revocation, RevocationEntry {
        /// The id of the grant.
        of: String,
        /// The first instant at which it is no longer live. At or before its start: it never was.
        from: Time,
    }
    |new| Change::Revoke { of: new.of.into(), from: new.from.0 };

    /// Gives a grant's window another end.
    ExpirationChange, ExpirationChangeEntry {
        /// The id of the grant.
        of: String,
        /// The last instant of the window, counted from the start of the grant; null for a window without end.
        #[serde(deserialize_with = "said")]
        #[schema(value_type = super::window::Length)]
        expiration: Option<Option<Count>>,
    }
    |new| Change::ChangeExpiration {
        of: new.of.into(),
        expiration: new.expiration.flatten().map(|expiration| expiration.0),
    };

    /// Gives a grant another priority.
    PriorityChange, PriorityChangeEntry {
        /// The id of the grant.
        of: String,
        /// Lower is drawn first.
        priority: i16,
    }
    |new| Change::ChangePriority { of: new.of.into(), priority: new.priority };

    /// Closes the books: nothing before the instant is posted, corrected or asked about any more. It cannot be undone.
    Closing, ClosingEntry {
        /// The first instant that stays open.
        until: Time,
    }
    |new| Change::CloseBooks { until: new.until.0 };
}

/// A correction of a record, by its kind.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Correction {
    Retract(Retraction),
    ChangeUsage(UsageChange),
    ChangeRun(RunChange),
    Revoke(Revocation),
    ChangeExpiration(ExpirationChange),
    ChangePriority(PriorityChange),
}

impl Correction {
    /// The id, if the body has one, and what it does.
    pub(crate) fn parts(self) -> Result<(Option<String>, Change), Problem> {
        macro_rules! parts {
            ($($kind:ident),*) => {
                match self {
                    $( Correction::$kind(mut new) => (new.id.take(), new.change()?), )*
                }
            };
        }
        Ok(parts!(
            Retract,
            ChangeUsage,
            ChangeRun,
            Revoke,
            ChangeExpiration,
            ChangePriority
        ))
    }
}

/// An entry of a batch, by its kind.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum NewEntry {
    Open(OpeningEntry),
    Grant(GrantEntry),
    Usage(UsageEntry),
    Run(RunEntry),
    Retract(RetractionEntry),
    ChangeUsage(UsageChangeEntry),
    ChangeRun(RunChangeEntry),
    Revoke(RevocationEntry),
    ChangeExpiration(ExpirationChangeEntry),
    ChangePriority(PriorityChangeEntry),
    Close(ClosingEntry),
}

impl NewEntry {
    /// What a caller has to be allowed to do for it.
    pub(crate) fn verb(&self) -> Verb {
        match self {
            NewEntry::Open(_) | NewEntry::Close(_) => Verb::Admin,
            NewEntry::Grant(_) => Verb::Grant,
            NewEntry::Usage(_) | NewEntry::Run(_) => Verb::Use,
            NewEntry::Retract(_)
            | NewEntry::ChangeUsage(_)
            | NewEntry::ChangeRun(_)
            | NewEntry::Revoke(_)
            | NewEntry::ChangeExpiration(_)
            | NewEntry::ChangePriority(_) => Verb::Correct,
        }
    }

    /// The account, and the id.
    pub(crate) fn names(&self) -> (String, String) {
        macro_rules! names {
            ($($kind:ident),*) => {
                match self {
                    $( NewEntry::$kind(new) => (new.account.clone(), new.id.clone()), )*
                }
            };
        }
        names!(
            Open,
            Grant,
            Usage,
            Run,
            Retract,
            ChangeUsage,
            ChangeRun,
            Revoke,
            ChangeExpiration,
            ChangePriority,
            Close
        )
    }

    /// What is posted.
    pub(crate) fn posting(self) -> Result<Posting, Problem> {
        match self {
            NewEntry::Open(new) => new.posting(),
            NewEntry::Grant(new) => new.posting(),
            NewEntry::Usage(new) => new.posting(),
            NewEntry::Run(new) => new.posting(),
            NewEntry::Retract(new) => new.posting(),
            NewEntry::ChangeUsage(new) => new.posting(),
            NewEntry::ChangeRun(new) => new.posting(),
            NewEntry::Revoke(new) => new.posting(),
            NewEntry::ChangeExpiration(new) => new.posting(),
            NewEntry::ChangePriority(new) => new.posting(),
            NewEntry::Close(new) => new.posting(),
        }
    }
}

/// A record that is only planned, by its kind.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Planned {
    Grant(NewGrant),
    Usage(NewUsage),
    Run(NewRun),
}

impl Planned {
    /// What it does.
    pub(crate) fn change(self) -> Result<Change, Problem> {
        match self {
            Planned::Grant(new) => new.change(),
            Planned::Usage(new) => new.change(),
            Planned::Run(new) => new.change(),
        }
    }
}
