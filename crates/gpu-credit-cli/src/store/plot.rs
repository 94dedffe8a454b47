//! `gpu-credit plot`: draws the balance of an account over time.

use std::ops::ControlFlow;

use anyhow::{anyhow, ensure};
use clap::Args;
use gpu_credit_plot::{Marks, Picture, extent};
use gpu_credit_store::{Account, Revision};

use super::{OpenStore, RecordedArguments, StoreArguments};
use crate::escape::Escapes;
use crate::output_file::OutputArguments;
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
The line is the balance; below zero it is the deficit. The areas under it are
what remains of each grant, the soonest to expire at the bottom. Below are the
windows of the grants, and jobs and holds, if there are any. Marks between show
late records: those that take effect before usage that was posted earlier; and
where corrected records are.

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
    store.fetch(&[&arguments.account])?;
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let extent = extent(&account);
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
    let mut picture = Picture::new(&account, (from, to)).with_marks(&marks(&store, &account)?);
    for revision in picture.unnamed_grants() {
        if let Some(id) = record_id(&store, &account, revision)? {
            picture.name_grant(revision, &id);
        }
    }
    let svg = picture.to_svg(arguments.times.unit().map(Into::into));
    (arguments.output).write(
        Escapes::Text,
        |output| Ok(output.write_all(svg.as_bytes())?),
    )
}

/// What was late or corrected up to the revision that the account stands at.
fn marks(store: &OpenStore, account: &Account) -> anyhow::Result<Marks> {
    let name = &account.key().name;
    let mut marks = Marks::default();
    store.ask(|store| {
        store.visit_history(name, Revision::START, |entry| {
            if entry.revision > account.revision() {
                return ControlFlow::Break(());
            }
            marks.see(&entry);
            ControlFlow::Continue(())
        })?;
        marks.resolve(|of| store.entry(name, of))
    })?;
    Ok(marks)
}

/// The record id of an entry.
fn record_id(
    store: &OpenStore,
    account: &Account,
    revision: Revision,
) -> anyhow::Result<Option<String>> {
    let before = Revision::new(revision.get().saturating_sub(1));
    let mut id = None;
    store.ask(|store| {
        store.visit_history(&account.key().name, before, |entry| {
            id = Some(entry.id.to_string());
            ControlFlow::Break(())
        })
    })?;
    Ok(id)
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
