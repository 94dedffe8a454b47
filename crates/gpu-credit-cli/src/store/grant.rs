//! `gpu-credit grant`: posts a grant, or all grants of a plan.

use clap::Args;
use gpu_credit_store::Posting;

use super::plan::{PlanArguments, Repeated};
use super::post::{PostArguments, amount_parser};
use super::window::WindowArguments;

pub(crate) const HELP: &str = "\
--for and --expires-at name the first instant at which the grant is no longer
live: --at 0 --for 720 is live at 719 and not at 720. --expiration is the classic
length, both ends included: --at 0 --expiration 720 is live at 720. Posting again
under the same id does nothing, and says so; with other content it is refused.

--every repeats the grant: ID/1, ID/2 and so on are posted together, each live until
the next begins. The n-th is reckoned from --at: months after 31 January begin on
28 February and on 31 March. A plan that was posted is made longer by posting it
again with a greater --count or a later --last, and the same id.
--keep 1 lets what is left of a grant last one period more: its window is longer.
With --keep-at-most each occurrence is two grants, of which ID/n/kept alone has the
longer window. That is exact as long as no other grant of the same priority ends
between the two ends: give the plan a priority of its own.

Example:
  gpu-credit grant acme 50000 --at 2025-03-01 --for 30d --unit s \\
    --credit-id march --id invoice-1
  gpu-credit grant acme 1000 --at 2025-01-31 --every month --count 12 \\
    --keep 1 --keep-at-most 200 --priority 1 --unit s --id plan-2025";

#[derive(Args)]
pub(crate) struct GrantArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// In the smallest unit
    #[arg(value_parser = amount_parser(), allow_negative_numbers = true)]
    amount: u64,
    /// The first instant of its window
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
    #[command(flatten)]
    window: WindowArguments,
    #[command(flatten)]
    plan: PlanArguments,
    /// Lower is drawn first; of one priority, the grant that ends soonest
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    priority: i16,
    /// What it is called: metadata
    #[arg(long, default_value = "")]
    credit_id: String,
}

pub(crate) fn run(arguments: &GrantArguments) -> anyhow::Result<()> {
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
