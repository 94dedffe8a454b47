//! `gpu-credit retract` and `revoke`: undo a record, or void what is left of a grant.

use clap::Args;
use gpu_credit_store::Posting;

use super::post::PostArguments;

pub(crate) const RETRACT_HELP: &str = "\
Every answer is then as if the record had never been posted. The journal keeps
both: --as-recorded gives the answers from before. To end a grant early, and
keep what has been drawn from it, there is gpu-credit revoke.

Example:
  gpu-credit retract acme job-17";

#[derive(Args)]
pub(crate) struct RetractArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The record id of a grant, of usage or of a job
    record: String,
}

pub(crate) const REVOKE_HELP: &str = "\
The grant is then no longer active from that instant on. What remains of it
counts as revoked, and does not lapse; what has been drawn stays drawn. Other
systems call that to void a grant. Usage at that instant or later that it had
covered is drawn from other grants, or not covered. For a grant that should
never have been, there is gpu-credit retract.

A revocation can be moved to an earlier instant, but neither undone nor moved
to a later one: retract the grant, and grant it again under another id. To void
a part, as for a refund, revoke the grant, and grant what stays from that
instant until the same end.

Example:
  gpu-credit revoke acme invoice-1 --from 2025-03-20 --unit s
  gpu-credit grant acme 400 --at 2025-03-20 --expires-at 2025-04-01 \\
    --id invoice-1/kept";

#[derive(Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The record id of the grant
    grant: String,
    /// The first instant at which it is no longer active
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
}

pub(crate) fn retract(arguments: &RetractArguments) -> anyhow::Result<bool> {
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    (arguments.post).run(|_, id| Ok(Posting::retract(account, id, of)))
}

pub(crate) fn revoke(arguments: &RevokeArguments) -> anyhow::Result<bool> {
    let times = &arguments.post.rows.times;
    let (account, of) = (arguments.account.as_str(), arguments.grant.as_str());
    arguments.post.run(|_, id| {
        let from = times.instant("--from", &arguments.from)?;
        Ok(Posting::revoke(account, id, of, from))
    })
}
