//! Live changes of an account, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use gpu_credit_store::Account;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::balances::Balance;
use crate::access::{Caller, Seat, StreamEnd, Verb};
use crate::form::{Form, Time};
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::run::ask;
use crate::{Problem, State};

/// How often something is sent if nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When whoever follows is to ask again, once the service ends a stream.
const RETRY: Duration = Duration::from_secs(2);
/// Events that wait for a slow reader; what comes meanwhile is told as one.
const WAITING: usize = 2;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(changes))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesQuery {
    /// The instant of the balances; that of each event if it is left out.
    at: Option<Time>,
}

/// Follows an account: server-sent events `balance`, each with the account's balance, available credit and deficit after a
/// commit, and its revision as its id. The first says how the account stands, unless `Last-Event-ID` says that its revision is
/// known. Commits that come faster than they are read are told as one. An event `gone` is the last of an account
/// that is deleted, or that is not seen any more.
#[utoipa::path(
    get,
    path = "/accounts/{account}/changes",
    tag = "history",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("Last-Event-ID" = Option<String>, Header, description = "The revision that is known."),
        ChangesQuery,
    ),
    responses((status = 200, description = "The events; the data of each is a Balance.", body = String, content_type = "text/event-stream")),
)]
async fn changes(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    headers: HeaderMap,
    Query(query): Query<ChangesQuery>,
) -> Result<Response, Problem> {
    caller.may(Verb::Read, &account)?;
    let known = headers.get("last-event-id").map(|id| {
        let id = id.to_str().ok().and_then(|id| id.parse::<u64>().ok());
        id.ok_or_else(|| {
            let detail = "Last-Event-ID: expected a revision";
            Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", "Last-Event-ID")
        })
    });
    let known = known.transpose()?.unwrap_or(0);
    let seat = caller.open_stream()?;
    let at = query.at;
    state.instant_or_now(at, "at")?;
    // What cannot be asked at all is no stream.
    balance(&state, &account, at).await?;
    let (sender, events) = mpsc::channel(WAITING);
    let following = Following {
        state,
        account,
        at,
        known,
        sender,
    };
    tokio::spawn(Form::current().around(following.run(seat)));
    let events = Sse::new(ReceiverStream::new(events));
    let events = events.keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(events.into_response())
}

async fn balance(state: &State, account: &str, at: Option<Time>) -> Result<Balance, Problem> {
    let at = state.instant_or_now(at, "at")?;
    let question = move |account: &Account| Balance::of(account, at);
    ask(state, account, question).await
}

/// Somebody who follows an account.
struct Following {
    state: State,
    account: String,
    at: Option<Time>,
    /// The revision that was told last.
    known: u64,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl Following {
    /// Tells what changes, until the stream ends.
    async fn run(mut self, mut seat: Seat) {
        let mut changed = self.state.watch().follow(&self.state, &self.account);
        loop {
            let told = tokio::select! {
                told = self.tell() => told,
                end = seat.ended() => return self.end(end),
            };
            if !told {
                return;
            }
            let sender = self.sender.clone();
            tokio::select! {
                changed = changed.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sender.closed() => return,
                end = seat.ended() => return self.end(end),
            }
        }
    }

    /// Tells how the account stands, unless that is known; whether the stream goes on.
    async fn tell(&mut self) -> bool {
        let event = match balance(&self.state, &self.account, self.at).await {
            Ok(balance) => {
                let revision = balance.revision().get();
                if revision == self.known {
                    return true;
                }
                self.known = revision;
                let event = Event::default().event("balance").id(revision.to_string());
                event.data(text(&balance))
            }
            Err(problem) if problem.kind() == &kinds::STORAGE_FAILED => return true,
            Err(problem) => {
                let event = Event::default().event("gone");
                let event = event.data(text(&problem.document()));
                let _ = self.sender.send(Ok(event)).await;
                return false;
            }
        };
        self.sender.send(Ok(event)).await.is_ok()
    }

    /// Ends the stream; if the service stops, whoever follows may ask again.
    fn end(&self, end: StreamEnd) {
        if end == StreamEnd::Token {
            return;
        }
        let event = Event::default().retry(RETRY).comment("ended");
        // A reader that is too slow is not told.
        let _ = self.sender.try_send(Ok(event));
    }
}

fn text(body: &impl serde::Serialize) -> String {
    String::from_utf8_lossy(&Form::write(body)).into_owned()
}
