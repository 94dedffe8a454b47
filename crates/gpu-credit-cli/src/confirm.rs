//! What is asked before something is done that cannot be undone.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anyhow::bail;

use crate::escape::printable;

/// Goes on if somebody at a terminal says yes. If nobody is there to be asked, it is `what` that needs
/// `--yes`.
pub(crate) fn confirm(
    question: fmt::Arguments<'_>,
    what: fmt::Arguments<'_>,
) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("{what}: repeat it with --yes");
    }
    let question = question.to_string();
    write!(io::stderr(), "{} [y/N] ", printable(&question))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("not confirmed: nothing was changed"),
    }
}
