//! What `gpu-credit --help` and `gpu-credit help` say: the commands in groups, and what holds for all of
//! them, once.

use std::io::{self, Write};
use std::iter;

use clap::{Args, Command, CommandFactory};

use crate::arguments::Arguments;

/// The commands in the order in which somebody meets them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Accounts", &["account", "accounts", "close"]),
    ("Record", &["grant", "use", "run", "stop", "import"]),
    ("Hold", &["authorise", "settle", "release", "holds"]),
    ("Correct", &["change", "retract", "revoke"]),
    (
        "Ask",
        &[
            "balance",
            "spendable",
            "runs-dry",
            "statement",
            "draws",
            "history",
            "plot",
        ],
    ),
    ("File", &["check", "export", "copy"]),
    #[cfg(feature = "server")]
    ("Service", &["serve", "token"]),
    (
        "Develop",
        &["replay", "verify", "generate", "completions", "man"],
    ),
];

/// A page that several commands refer to.
struct Topic {
    name: &'static str,
    about: &'static str,
    text: &'static str,
}

const TOPICS: [Topic; 4] = [
    Topic {
        name: "units",
        about: "Times, lengths, units and amounts",
        text: UNITS,
    },
    Topic {
        name: "policies",
        about: "What happens to usage beyond the credit",
        text: POLICIES,
    },
    Topic {
        name: "ids",
        about: "Record ids, credit ids and revisions",
        text: IDS,
    },
    Topic {
        name: "output",
        about: "Tables, CSV, JSON, files and exit codes",
        text: OUTPUT,
    },
];

const START: &str = "\
Start here:
  gpu-credit account create acme --unit s
  gpu-credit grant acme 1000 --at now --for 30d
  gpu-credit balance acme";

const STORE: &str = "\
The store is the file gpu-credit.redb in the working directory, unless --db or
the variable GPU_CREDIT_DB names another file, or a database on PostgreSQL,
which several programs use at once:
postgres://USER@HOST/DATABASE, with the password in PGPASSWORD.

Behind a service, which gpu-credit serve is, the same commands ask and post;
check, copy and serve need the store itself, and import takes an events file
with ids. Most answers need all entries of the accounts that are named: they
take as long as an export of them.
The variables GPU_CREDIT_SERVER and GPU_CREDIT_TOKEN name service and token:
  gpu-credit balance acme --server https://HOST --token-file token.txt";

const UNITS: &str = "\
A store counts time in one unit: s, ms, us or ns since 1970. Name it once, with
--unit or the variable GPU_CREDIT_UNIT: the store keeps the first one. Integers
typed with another --unit are converted, exactly or not at all; without --unit
they are in the store's unit. So that nobody reads milliseconds as seconds, an
integer that would be of 2000 to 2099 in another unit is refused, typed or
imported, unless it is of 1980 to 9999 in its own: --any-time takes it.

A TIME is one of
  1740787200             an integer
  2025-03-01T12:00:00Z   RFC 3339, with Z or an offset such as +01:00
  2025-03-01             a date: its first instant, in UTC
  now                    the clock of this machine; queries take it if no
                         instant is given
and a LENGTH one of
  3600                   an integer
  12h, 30d, 1h30m        with units; a day is 24 hours, and months are refused
  40:00:00, 1-16:00:00   a time limit of Slurm: HH:MM:SS, D-HH:MM:SS, D-HH:MM
                         or D-HH. Slurm's 40 is 40 minutes: here type 40m
  never                  a window without end
A store without a unit takes integers alone.

An instant, or tick, is one value of such an integer. A grant with --for 30d,
or until --expires-at, is no longer active at the end, so that two grants of
30d in a row do not overlap. --expiration is the length up to the last active
instant: a grant at 0 with --expiration 720 is active at 720, and one with
--for 720 is not.

An AMOUNT is an integer of the smallest unit, such as GPU-seconds or tokens,
from 0 to 9223372036854775807.

Example:
  gpu-credit balance acme --at 2025-03-01T12:00:00+01:00 --unit s";

const POLICIES: &str = "\
The overdraft policy of an account says what happens to usage beyond the credit
that is active. It stays for good:
  carry     the rest becomes a deficit, which the grants that start next cover
  carry:C   the same, but the deficit is C at most: what goes beyond that
            credit line is dropped, to be billed elsewhere. carry:0 allows no
            deficit
  forfeit   all credit that is active is forfeited, and the usage is dropped
If a customer's next top-up is to cover what went beyond, take carry; if that
is billed, carry:0. forfeit is a penalty: few who prepay expect it.
Usage is never refused for lack of credit: it has happened.

Example:
  gpu-credit account create invoiced --policy carry:0";

const IDS: &str = "\
record_id   names one entry of an account: a grant, usage, a job or a
            correction. --id sets it; if it is not given, a UUID is made and
            printed. It is an idempotency key: posting the same again under it
            does nothing, and says so; posting something else under it is an
            error
credit_id   is what a grant is called, such as a contract. Several grants may
            have one, and nothing depends on it
revision    numbers the entries of an account: 1 is its opening, then 2, 3 and
            so on. Commands that post print it, history lists it, and
            --as-recorded takes it, or a TIME
In tables grant_record_id is the record id of a grant, and corrected_record_id
that of the record that an entry corrects.

Names and ids are compared byte by byte: an accented letter typed as one
character and as two makes two names. Names that are given neither begin nor
end with a space. The id of an account's first entry is
open.

Example:
  gpu-credit use acme 5 --at 2025-03-02 --id call-17 --unit s";

const OUTPUT: &str = "\
--format table is for people: times are shown by the calendar. csv and json are
for programs: times are integers in the store's unit, json is an object on each
line (JSON Lines), and what is none is empty in csv and null in json.

Names that others have chosen are escaped on a terminal. --escape always does
so in CSV files too, and puts a ' before what a spreadsheet would take for a
formula.

A file that --output names appears whole or not at all. It replaces another
only with --force, and never a store.

The exit code is
  0   done, even if nobody reads the output to the end
  1   check found something wrong, or verify a difference
  2   anything else. Standard error says what, in one line (in a few if the
      command line itself is wrong), and nothing has changed unless that line
      says so
  3   not all counts: import --skip-refused has left rows out, which standard
      error lists, and posted the others; or what was posted again under its id
      has been retracted since, and stays so
  4   authorise has refused the hold; its answer has the numbers

Example:
  gpu-credit balance --at 2025-03-01 --format csv --unit s";

#[derive(Args)]
pub(crate) struct HelpArguments {
    /// A command, or one of units, policies, ids and output
    #[arg(value_name = "COMMAND OR TOPIC")]
    words: Vec<String>,
}

pub(crate) const HELP: &str = "\
Example:
  gpu-credit help units";

/// The whole command line, with its help.
pub(crate) fn command() -> Command {
    let command = Arguments::command();
    let page = page(&command);
    without_service(command)
        .help_template(page)
        // It shows times, and is told none.
        .mut_subcommand("retract", |retract| {
            retract
                .mut_arg("unit", |unit| unit.hide(true))
                .mut_arg("any_time", |any_time| any_time.hide(true))
        })
}

/// Commands that need the store itself do not show how a service is named.
fn without_service(mut command: Command) -> Command {
    if cfg!(feature = "client") {
        for name in ["check", "copy", "serve"] {
            if command.find_subcommand(name).is_none() {
                continue;
            }
            command = command.mut_subcommand(name, |command| {
                let options = ["server", "token_file", "ca_certificate", "plain_http"];
                options.into_iter().fold(command, |command, option| {
                    command.mut_arg(option, |argument| argument.hide(true))
                })
            });
        }
    }
    command
}

/// The page of the program itself.
fn page(command: &Command) -> String {
    let about = |name: &&str| {
        let found = command.find_subcommand(name);
        let about = found.and_then(Command::get_about);
        row(name, &about.map(ToString::to_string).unwrap_or_default())
    };
    let groups = GROUPS.iter().map(|(title, names)| {
        let rows: Vec<String> = names.iter().map(about).collect();
        format!("{title}:\n{}", rows.join("\n"))
    });
    let topics: Vec<String> = TOPICS
        .iter()
        .map(|topic| row(topic.name, topic.about))
        .collect();
    let topics = format!(
        "Help on one command: gpu-credit help COMMAND. On all: gpu-credit help with\n{}",
        topics.join("\n")
    );
    let parts: Vec<String> = iter::once("{about}\n\n{usage-heading} {usage}".to_owned())
        .chain(iter::once(START.to_owned()))
        .chain(groups)
        .chain([topics, "Options:\n{options}".to_owned(), STORE.to_owned()])
        .collect();
    parts.join("\n\n")
}

fn row(name: &str, about: &str) -> String {
    format!("  {name:<12} {about}")
}

pub(crate) fn run(arguments: &HelpArguments) -> anyhow::Result<()> {
    let words = &arguments.words;
    if let [word] = words.as_slice()
        && let Some(topic) = TOPICS.iter().find(|topic| topic.name == word)
    {
        return Ok(writeln!(io::stdout(), "{}\n\n{}", topic.about, topic.text)?);
    }
    let typed = ["gpu-credit"].into_iter();
    let typed = typed
        .chain(words.iter().map(String::as_str))
        .chain(["--help"]);
    match command().try_get_matches_from(typed) {
        Err(page) if !page.use_stderr() => crate::show(&page),
        _ => anyhow::bail!(
            "there is no command and no topic {:?}; `gpu-credit --help` lists them",
            words.join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program, its commands and theirs, with their names.
    fn all() -> Vec<(String, Command)> {
        fn visit(name: &str, command: &Command, all: &mut Vec<(String, Command)>) {
            for inner in command.get_subcommands() {
                visit(&format!("{name} {}", inner.get_name()), inner, all);
            }
            all.push((name.to_owned(), command.clone()));
        }
        let mut command = command();
        command.build();
        let mut all = Vec::new();
        visit("gpu-credit", &command, &mut all);
        all
    }

    /// `<ACCOUNT>` had no text in ten commands.
    #[test]
    fn every_argument_has_a_text() {
        for (name, command) in all() {
            for argument in command.get_arguments() {
                let is_hidden = argument.is_hide_set();
                assert!(
                    is_hidden || argument.get_help().is_some(),
                    "{name} {argument}"
                );
            }
        }
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = command();
        let names = command.get_subcommands().map(Command::get_name);
        let mut names: Vec<&str> = names.filter(|name| *name != "help").collect();
        let grouped = GROUPS.iter().flat_map(|(_, names)| names.iter().copied());
        let mut grouped: Vec<&str> = grouped.collect();
        names.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(names, grouped);
    }

    /// Every page: its title, and its text.
    fn pages() -> Vec<(String, String)> {
        let text = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string);
        let mut pages = Vec::new();
        for (name, command) in all() {
            let arguments = command.get_arguments();
            let arguments = arguments.filter_map(|argument| text(argument.get_help()));
            let arguments: Vec<String> = arguments.collect();
            let about = text(command.get_about()).unwrap_or_default();
            let after = text(command.get_after_help()).unwrap_or_default();
            pages.push((name, [about, arguments.join("\n"), after].join("\n")));
        }
        let topics = TOPICS.iter();
        pages.extend(topics.map(|topic| (topic.name.to_owned(), topic.text.to_owned())));
        pages.push(("gpu-credit".to_owned(), page(&command())));
        pages
    }

    #[test]
    fn texts_have_room_on_a_terminal_and_end_with_an_example() {
        for (name, command) in all() {
            let after = command.get_after_help().map(ToString::to_string);
            for line in after.iter().flat_map(|after| after.lines()) {
                assert!(line.chars().count() < 80, "{name}: {line}");
            }
            let has_page = name != "gpu-credit";
            assert_eq!(after.is_some(), has_page, "{name}");
            if let Some(after) = after {
                let (_, example) = after.split_once("Example:\n").expect(&name);
                assert!(example.starts_with("  gpu-credit "), "{name}");
            }
        }
        for topic in TOPICS {
            assert!(topic.text.contains("\n\nExample:\n  gpu-credit "));
            assert!(
                topic.text.lines().all(|line| line.chars().count() < 80),
                "{}",
                topic.name
            );
        }
        for line in page(&command()).lines() {
            assert!(line.chars().count() < 80, "{line}");
        }
    }

    /// The words of the glossary, and none of those that were used for the same before.
    #[test]
    fn one_thing_has_one_word() {
        let retired = [
            " a usage ",
            "owed",
            "debt",
            " paid",
            "unpaid",
            "question",
            " live ",
            "take back",
            "taken back",
            "passed over",
            " is said",
        ];
        for (name, text) in pages() {
            let text = format!(
                " {} ",
                text.replace('\n', " ").replace("a usage record", "it")
            );
            for word in retired {
                assert!(!text.contains(word), "{name}: {word:?} in {text}");
            }
        }
    }
}
