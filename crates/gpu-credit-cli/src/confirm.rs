//! What is asked before something is done that cannot be undone.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::escape::printable;

/// Whoever is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// Somebody at a terminal says yes.
    Yes,
    /// Somebody at a terminal says anything else.
    No,
    /// Standard input is no terminal: nobody is there to be asked.
    Nobody,
}

/// Asks whether to go on.
pub(crate) fn confirm(question: fmt::Arguments<'_>) -> io::Result<Confirmed> {
    if !io::stdin().is_terminal() {
        return Ok(Confirmed::Nobody);
    }
    let question = question.to_string();
    write!(io::stderr(), "{} [y/N] ", printable(&question))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(match answer.trim() {
        "y" | "Y" | "yes" => Confirmed::Yes,
        _ => Confirmed::No,
    })
}
