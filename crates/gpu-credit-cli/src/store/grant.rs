//! `gpu-credit grant`: posts a grant, or all grants of a plan.

use clap::Args;
use gpu_credit_store::Posting;

use super::plan::{PlanArguments, Repeated};
use super::post::PostArguments;
use super::window::WindowArguments;
use crate::integer::{amount, integer};
use crate::name::new_name;

pub(crate) const HELP: &str = "\
A grant is drawn from while it is active: lowest priority first, then soonest
expiry, then posting order. What remains at its end lapses. Give --for,
--expires-at or --expiration; gpu-credit help units says how they differ.

--every repeats the grant: ID/1, ID/2 and so on are posted together, each
active until the next begins. The n-th is counted from --at: months after 31
January begin on 28 February and on 31 March. To make a plan longer, post it
again with a greater --count or a later --last, and the same id. --keep 1 lets
what remains of a grant last one period more. With --keep-at-most each grant is
two, of which ID/n/kept alone lasts longer. That is exact if no other grant of
the same priority ends between the two ends: give the plan its own priority.

Example:
  gpu-credit grant acme 50000 --at 2025-03-01 --for 30d --unit s \\
    --credit-id march --id invoice-1
  gpu-credit grant acme 1000 --at 2025-01-31 --every month --count 12 \\
    --keep 1 --keep-at-most 200 --priority 1 --unit s --id plan-2025";

#[derive(Args)]
pub(crate) struct GrantArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The amount, an integer of the smallest unit
    #[arg(value_parser = amount(), allow_negative_numbers = true)]
    amount: u64,
    /// The first instant at which it is active
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
    #[command(flatten)]
    window: WindowArguments,
    #[command(flatten)]
    plan: PlanArguments,
    /// A lower priority is drawn from first
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "0",
        value_parser = integer(i16::MIN, i16::MAX),
        allow_negative_numbers = true
    )]
    priority: i16,
    /// What the grant is called, such as a contract: it decides nothing
    #[arg(long, default_value = "", value_parser = new_name)]
    credit_id: String,
}

pub(crate) fn run(arguments: &GrantArguments) -> anyhow::Result<bool> {
    let times = &arguments.post.rows.times;
    let GrantArguments {
        account,
        amount,
        at,
        window,
        credit_id,
        priority,
        ..
    } = arguments;
    if arguments.plan.is_said() {
        return arguments.post.run_all(|_, id| {
            let repeated = Repeated {
                account,
                id,
                credit_id,
                priority: *priority,
                amount: *amount,
                at,
                live_for: window.live_for.as_deref(),
            };
            arguments.plan.postings(&repeated, times)
        });
    }
    arguments.post.run(|_, id| {
        let at = times.instant("--at", at)?;
        let expiration = window.expiration(times, at)?;
        let (account, credit_id) = (account.as_str(), credit_id.as_str());
        let grant = Posting::grant(account, id, credit_id, *amount, at, expiration);
        Ok(grant.priority(*priority))
    })
}
