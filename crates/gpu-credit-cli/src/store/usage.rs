//! `gpu-credit use`: records usage at an instant.

use clap::Args;
use gpu_credit_store::Posting;

use super::post::PostArguments;
use crate::integer::amount;

pub(crate) const HELP: &str = "\
Usage is never refused for lack of credit: the policy of the account says what
becomes of it (see gpu-credit help policies). For what is used over a while,
such as by a job, there is gpu-credit run. Posting again with the same id does
nothing, and says so; posting something else under it is an error.

Example:
  gpu-credit use acme 1200 --at 2025-03-04T16:30:00Z --unit s --id job-17";

#[derive(Args)]
pub(crate) struct UseArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The amount, an integer of the smallest unit
    #[arg(value_parser = amount(), allow_negative_numbers = true)]
    amount: u64,
    /// When it takes effect
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
}

pub(crate) fn run(arguments: &UseArguments) -> anyhow::Result<bool> {
    let times = &arguments.post.rows.times;
    arguments.post.run(|_, id| {
        let at = times.instant("--at", &arguments.at)?;
        Ok(Posting::usage(
            arguments.account.as_str(),
            id,
            arguments.amount,
            at,
        ))
    })
}
