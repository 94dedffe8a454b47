//! What is advised about an option that a command does not have.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::help;
use crate::store::nearest;

/// Names the commands that have the option. One of other letters that the command has is not advised.
pub(crate) fn improve(error: &mut clap::Error) {
    if error.kind() != ErrorKind::UnknownArgument {
        return;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return;
    };
    let option = option.clone();
    if let Some(ContextValue::String(near)) = error.get(ContextKind::SuggestedArg)
        && nearest(letters(&option), [letters(near)].into_iter()).is_none()
    {
        error.remove(ContextKind::SuggestedArg);
    }
    if let Some(tip) = commands_with(&option) {
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
}

/// An option without its dashes.
fn letters(option: &str) -> &str {
    option.trim_start_matches('-')
}

/// The commands that have an option; `None` if none has.
fn commands_with(option: &str) -> Option<String> {
    let name = option.strip_prefix("--")?;
    let command = help::command();
    let has_it = |command: &&clap::Command| {
        let mut arguments = command.get_arguments();
        arguments.any(|argument| argument.get_long() == Some(name))
    };
    let names = command.get_subcommands().filter(has_it);
    let names: Vec<&str> = names.map(clap::Command::get_name).collect();
    match names.split_last()? {
        (last, []) => Some(format!("{option} is an option of {last}")),
        (last, others) => Some(format!(
            "{option} is an option of {} and {last}",
            others.join(", ")
        )),
    }
}
