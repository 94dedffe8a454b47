//! `gpu-credit plot`: draws the balance of an account over time.
//!
//! [`picture`] asks the account what is to be seen, [`ticks`] finds the marks of the time axis, and
//! [`draw`] draws.

mod draw;
mod labels;
mod picture;
mod ticks;

use anyhow::{anyhow, ensure};
use clap::Args;

use super::{RecordedArguments, StoreArguments};
use crate::escape::Escapes;
use crate::output_file::OutputArguments;
use crate::time::TimeArguments;
use picture::Picture;

pub(crate) const HELP: &str = "\
The line is the balance; below zero it is the deficit. The areas under it are
what remains of each grant, the soonest to expire at the bottom. Below are the
windows of the grants. Marks between show late records: those that take effect
before usage that was posted earlier.

Example:
  gpu-credit plot account-01 --unit s -o account-01.svg";

#[derive(Args)]
pub(crate) struct PlotArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The first instant; that of the first record if not given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// The last instant; that of the last record or end of a window if not given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    times: TimeArguments,
}

pub(crate) fn run(arguments: &PlotArguments) -> anyhow::Result<()> {
    ensure_is_no_other_picture(&arguments.output)?;
    let store = arguments.store.open_to_ask_for(&arguments.times)?;
    let instant = |option, typed: &Option<String>| {
        let typed = typed.as_ref();
        typed
            .map(|typed| arguments.times.instant(option, typed))
            .transpose()
    };
    let (from, to) = (
        instant("--from", &arguments.from)?,
        instant("--to", &arguments.to)?,
    );
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let extent = picture::extent(&account);
    let from = from.or(extent.map(|extent| extent.0));
    let to = to.or(extent.map(|extent| extent.1));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(anyhow!(
            "{}: account {:?} has no records to show",
            store.name,
            arguments.account
        ));
    };
    ensure!(
        from < to,
        "--to: found {}, expected an instant after {}",
        arguments.times.show(to),
        arguments.times.show(from)
    );
    // Refuses what is before the close of the books.
    store.ask_account(&account, |account| Ok(account.balance_at(from)?))?;
    let picture = Picture::new(&store, &account, (from, to))?;
    let svg = draw::draw(&picture, &arguments.times)
        .map_err(|error| anyhow!("the plot cannot be drawn: {error}"))?;
    (arguments.output).write(
        Escapes::Text,
        |output| Ok(output.write_all(svg.as_bytes())?),
    )
}

/// Files of these names are taken for pictures that a plot is not.
const OTHER_PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "gif", "webp", "pdf", "eps"];

fn ensure_is_no_other_picture(output: &OutputArguments) -> anyhow::Result<()> {
    let Some(file) = output.file() else {
        return Ok(());
    };
    let extension = file.extension().unwrap_or_default();
    let extension = extension.to_string_lossy().to_ascii_lowercase();
    ensure!(
        !OTHER_PICTURES.contains(&extension.as_str()),
        "--output: found {:?}, expected a name that ends with .svg: a plot is SVG, which other programs \
         convert",
        file.display()
    );
    Ok(())
}
