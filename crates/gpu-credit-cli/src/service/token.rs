//! `gpu-credit token`: makes, lists and revokes the tokens by which others ask the service.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use gpu_credit_server::access::{Scope, Token, TokenFile, TokenText};
use jiff::{SignedDuration, Timestamp};

use crate::say;
use crate::time::calendar;

pub(crate) const HELP: &str = "\
Tokens are kept in a file of their own, as SHA-256 digests: copy it with the
store. A service that has the file open goes by what is in it at each request:
it needs no restart.

Example:
  gpu-credit token make --scope read,use=team/ --for 90d --note proxy
  gpu-credit token list";

const MAKE_HELP: &str = "\
A SCOPE is verbs, = and accounts, such as read,use=team/.
Verbs:
  read       ask: balances, statements, histories and exports
  use        record usage and jobs, and hold, settle and release credit
  grant      grant credit
  correct    correct what is recorded
  admin      open and delete accounts, and close their books
Accounts:
  acme       the account of this name
  team/      all accounts whose names begin so: a prefix ends in /, : or .
  *          all accounts
Accounts outside of all its scopes are, for whoever has the token, not there.
The token is printed once; what is kept of it does not give it back.

Example:
  gpu-credit token make --scope read,use=team/ --scope read=acme --for 90d";

const LIST_HELP: &str = "\
The text of no token is shown: it is not kept.

Example:
  gpu-credit token list";

const REVOKE_HELP: &str = "\
The next request with it is refused, and its streams end.

Example:
  gpu-credit token revoke 3fb20c11";

#[derive(Args)]
pub(crate) struct TokensArguments {
    /// The file of tokens
    #[arg(
        long,
        value_name = "FILE",
        env = "GPU_CREDIT_TOKENS",
        hide_env_values = true,
        default_value = "gpu-credit.tokens.json",
        help_heading = "Service"
    )]
    tokens: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print it once
    #[command(after_help = MAKE_HELP)]
    Make(MakeArguments),
    /// List the tokens: ids, scopes, ends and notes
    #[command(after_help = LIST_HELP)]
    List(ListArguments),
    /// Revoke tokens: from then on they are refused
    #[command(after_help = REVOKE_HELP)]
    Revoke(RevokeArguments),
}

#[derive(Args)]
pub(crate) struct MakeArguments {
    #[command(flatten)]
    tokens: TokensArguments,
    /// What it may do, to which accounts: once for each scope
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// How long it is accepted, such as 90d; without end if not given
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
    /// Whose it is, and what for
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

#[derive(Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    tokens: TokensArguments,
}

#[derive(Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    tokens: TokensArguments,
    /// The ids of tokens, which are the eight digits after gct_
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

pub(crate) fn run(command: &TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Make(arguments) => make(arguments),
        TokenCommand::List(arguments) => list(arguments),
        TokenCommand::Revoke(arguments) => revoke(arguments),
    }
}

impl TokensArguments {
    pub(super) fn file(&self) -> TokenFile {
        TokenFile::new(&self.tokens)
    }
}

/// Makes a token, and keeps it.
pub(super) fn added(
    file: &TokenFile,
    scopes: Vec<Scope>,
    end: Option<Timestamp>,
    note: &str,
) -> anyhow::Result<TokenText> {
    let (token, text) = Token::make(scopes, end, note.to_owned())?;
    let is_free = file.change(|tokens| {
        let is_free = tokens.iter().all(|other| other.id != token.id);
        if is_free {
            tokens.push(token);
        }
        is_free
    })?;
    ensure!(is_free, "its id is taken by chance: make another one");
    Ok(text)
}

fn make(arguments: &MakeArguments) -> anyhow::Result<()> {
    let end = arguments.length.as_deref().map(end_after).transpose()?;
    let scopes = arguments.scopes.clone();
    let text = added(&arguments.tokens.file(), scopes, end, &arguments.note)?;
    say(format_args!("{}", text.reveal()))
}

fn end_after(typed: &str) -> anyhow::Result<Timestamp> {
    let length = calendar::length(typed).ok().filter(|length| *length > 0);
    let length = length.and_then(|length| i64::try_from(length).ok());
    let end = length.map(SignedDuration::from_nanos);
    match end.and_then(|length| Timestamp::now().checked_add(length).ok()) {
        Some(end) => Ok(end.round(jiff::Unit::Second).unwrap_or(end)),
        None => bail!(
            "--for: found {typed:?}, expected a length such as 12h or 90d, of at most 290 years"
        ),
    }
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    for token in arguments.tokens.file().read()? {
        let scopes = token.scopes.iter().map(ToString::to_string);
        let scopes = scopes.collect::<Vec<_>>().join(" ");
        let end = match token.end {
            None => String::new(),
            Some(end) if end <= Timestamp::now() => format!("  ended {end}"),
            Some(end) => format!("  until {end}"),
        };
        let note = match token.note.as_str() {
            "" => String::new(),
            note => format!("  # {note}"),
        };
        say(format_args!("{}  {scopes}{end}{note}", token.id))?;
    }
    Ok(())
}

fn revoke(arguments: &RevokeArguments) -> anyhow::Result<()> {
    let file = arguments.tokens.file();
    let known = file.read()?;
    for id in &arguments.ids {
        let is_known = known.iter().any(|token| token.id == *id);
        ensure!(
            is_known,
            "there is no token {id:?}; `gpu-credit token list` lists them"
        );
    }
    file.change(|tokens| tokens.retain(|token| !arguments.ids.contains(&token.id)))?;
    say(format_args!("revoked {}", arguments.ids.join(" ")))
}
