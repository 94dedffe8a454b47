//! Grants in answers, each with the id of the record that posted it.

use gpu_credit::GrantId;
use gpu_credit_store::{Account, AnyStorage, Revision, Store};

use super::{ROWS_MAX, too_large};
use crate::Problem;
use crate::ids::Ids;

/// What is asked about grants: the revision, the name, the answer, and the grants it is about.
pub(super) type Asked<R> = (Revision, String, R, Vec<Named>);

/// A grant with what shows it.
#[derive(Clone, Debug)]
pub(in crate::resources) struct Named {
    /// The entry that posted it.
    pub(in crate::resources) revision: Option<Revision>,
    pub(in crate::resources) credit_id: String,
    pub(in crate::resources) start: i64,
    pub(in crate::resources) last: i64,
    pub(in crate::resources) priority: i16,
}

impl Named {
    pub(in crate::resources) fn of(account: &Account, grant: GrantId) -> Self {
        let posted = account.ledger().grant(grant);
        Named {
            revision: account.grant_revision(grant),
            credit_id: posted.map_or_else(String::new, |grant| grant.credit_id.to_owned()),
            start: posted.map_or(0, |grant| grant.start),
            last: posted.map_or(0, |grant| grant.end),
            priority: posted.map_or(0, |grant| grant.priority),
        }
    }
}

/// An answer about these grants, of which there are no more than an answer may have.
pub(super) fn about<R>(
    account: &Account,
    answer: R,
    grants: Vec<GrantId>,
) -> Result<Asked<R>, Problem> {
    if grants.len() > ROWS_MAX {
        return Err(too_large());
    }
    let grants = grants.into_iter().map(|grant| Named::of(account, grant));
    let name = account.key().name.to_string();
    Ok((account.revision(), name, answer, grants.collect()))
}

/// Asks about grants, and looks up the ids of those that the answer is about.
pub(super) fn asked<R>(
    store: &Store<AnyStorage>,
    account: &str,
    recorded: Option<Revision>,
    question: impl FnOnce(&Account) -> Result<Asked<R>, Problem>,
) -> Result<(Asked<R>, Ids), Problem> {
    let asked = match recorded {
        Some(revision) => store
            .as_recorded(account, revision)
            .map(|account| question(&account)),
        None => store.with_account(account, question),
    };
    let asked = asked.map_err(Problem::of_question)??;
    let revisions = asked.3.iter().filter_map(|grant| grant.revision);
    let ids = Ids::look_up(store, account, revisions).map_err(Problem::of_question)?;
    Ok((asked, ids))
}
