//! Holds of a service.

use gpu_credit_store::{
    Authorised, Decision, Funds, HeldUsage, Hold, HoldClosed, Outcome, RefusedHold,
};
use serde_json::Value;

use super::failure::{Failure, Problem};
use super::postings::outcome;
use super::{Remote, integer, path};

impl Remote {
    /// Asks for a hold. `asked` is what is asked for, as far as it is known here.
    pub(crate) fn authorise(&self, body: &Value, asked: &Hold) -> Result<Authorised, Failure> {
        match self.connection.send("POST", "/v1/holds", body) {
            Ok(answer) => {
                let hold = hold(&answer).ok_or_else(|| Failure::misunderstood(self.name()))?;
                Ok(Authorised {
                    is_new: answer["outcome"] == "posted",
                    decision: Decision::Held(hold),
                })
            }
            Err(Failure::Problem(problem)) if problem.kind == "insufficient-credit" => {
                Ok(self.refused(&problem, asked))
            }
            Err(failure) => Err(failure),
        }
    }

    /// A refusal, with what each account had. What was asked for first under the id is in the entry.
    fn refused(&self, problem: &Problem, asked: &Hold) -> Authorised {
        let document = &problem.document;
        let id = document["id"].as_str().unwrap_or_default();
        let accounts = document["accounts"].as_array().into_iter().flatten();
        let accounts = accounts.filter_map(|refused| {
            let account = refused["account"].as_str()?;
            let entry = self.shown(account, id).ok();
            let refused = RefusedHold {
                asked: entry
                    .as_ref()
                    .and_then(hold)
                    .unwrap_or_else(|| asked.clone()),
                funds: funds(refused)?,
            };
            Some((account.to_owned(), refused))
        });
        Authorised {
            is_new: document["outcome"] == "posted",
            decision: Decision::Refused(accounts.collect()),
        }
    }

    /// What an account has at the start of a hold; `None` if the token may not ask.
    pub(crate) fn funds(&self, account: &str, hold: &Hold) -> Option<Funds> {
        let until = match hold.usage {
            HeldUsage::Amount(_) => String::new(),
            HeldUsage::Metered { end, .. } => format!("&until={end}"),
        };
        let path = path(account, &format!("/spendable?at={}{until}", hold.at));
        funds(&self.connection.get(&path).ok()?)
    }

    /// Settles or releases a hold: `resource` is the path to post to.
    pub(crate) fn close_hold(&self, resource: &str, body: &Value) -> Result<HoldClosed, Failure> {
        let answer = self.connection.send("POST", resource, body)?;
        let accounts = answer["accounts"].as_array().into_iter().flatten();
        let accounts = accounts.map(|posted| {
            let account = posted["account"].as_str()?;
            Some((account.to_owned(), outcome(posted)?))
        });
        let accounts: Option<Vec<(String, Outcome)>> = accounts.collect();
        Ok(HoldClosed {
            is_new: answer["outcome"] == "posted",
            accounts: accounts.ok_or_else(|| Failure::misunderstood(self.name()))?,
        })
    }
}

/// The hold in an answer, or what was asked for of one that is refused.
fn hold(answer: &Value) -> Option<Hold> {
    let accounts = answer["accounts"].as_array()?.iter();
    let accounts: Option<Vec<String>> = accounts
        .map(|account| Some(account.as_str()?.to_owned()))
        .collect();
    Some(Hold {
        accounts: accounts?,
        usage: match integer(answer, "amount") {
            Some(amount) => HeldUsage::Amount(amount),
            None => HeldUsage::Metered {
                rate: integer(answer, "rate")?,
                end: integer(answer, "end")?,
            },
        },
        up_to: integer(answer, "up_to"),
        at: integer(answer, "at")?,
        until: integer(answer, "until")?,
    })
}

fn funds(answer: &Value) -> Option<Funds> {
    Some(Funds {
        balance: integer(answer, "balance"),
        held: integer(answer, "held")?,
        available: integer(answer, "available")?,
        spendable: integer(answer, "spendable")?,
    })
}
