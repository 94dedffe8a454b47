//! The journal as JSON lines: what the store as a whole knows, and then one entry each.

mod checking;
mod export;
mod import;
mod reading;

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use serde::de::Error as _;
use serde_json::{Map, Value, json};

use super::identity::ImportedFile;
use crate::{Change, Entry, Error, RecordId, Sequence, TimeUnit};

/// A line of an exported journal.
enum Line {
    /// The unit of all times.
    Unit(TimeUnit),
    /// A file without ids that was imported.
    File(ImportedFile),
    Entry(EntryLine),
}

/// An entry as a line.
#[derive(Serialize)]
struct EntryLine {
    sequence: Sequence,
    recorded_at: i64,
    account: String,
    id: RecordId,
    #[serde(flatten)]
    change: Change,
}

/// The fields of the lines that are no entries.
const UNIT: &str = "time_unit";
const FILE: &str = "imported_file";

impl From<Entry> for EntryLine {
    fn from(entry: Entry) -> Self {
        EntryLine {
            sequence: entry.sequence,
            recorded_at: entry.recorded_at,
            account: entry.account.name.to_string(),
            id: entry.id,
            change: entry.change,
        }
    }
}

impl Line {
    /// Reads a line that has every field of its kind, and nothing else.
    fn parse(text: &str) -> serde_json::Result<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(text)?;
        if fields.len() == 1 {
            if let Some(Value::String(unit)) = fields.get(UNIT) {
                return unit
                    .parse()
                    .map(Line::Unit)
                    .map_err(serde_json::Error::custom);
            }
            if let Some(file) = fields.remove(FILE) {
                return serde_json::from_value(file).map(Line::File);
            }
        }
        let mut field = |name| {
            let value = fields.remove(name);
            value.ok_or_else(|| serde_json::Error::missing_field(name))
        };
        Ok(Line::Entry(EntryLine {
            sequence: serde_json::from_value(field("sequence")?)?,
            recorded_at: serde_json::from_value(field("recorded_at")?)?,
            account: serde_json::from_value(field("account")?)?,
            id: serde_json::from_value(field("id")?)?,
            change: serde_json::from_value(Value::Object(fields))?,
        }))
    }

    fn write(&self, output: &mut impl Write) -> Result<(), Error> {
        let written = match self {
            Line::Unit(unit) => {
                serde_json::to_writer(&mut *output, &json!({ UNIT: unit.as_str() }))
            }
            Line::File(file) => serde_json::to_writer(&mut *output, &json!({ FILE: file })),
            Line::Entry(entry) => serde_json::to_writer(&mut *output, entry),
        };
        let written = written.map_err(std::io::Error::from);
        let written = written.and_then(|()| output.write_all(b"\n"));
        written.map_err(|error| Error::Export(Arc::new(error)))
    }
}

#[cfg(test)]
#[path = "../../../tests/it/support/workload.rs"]
#[allow(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "it is written for other tests, and its numbers are small"
)]
mod workload;

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use gpu_credit_workload::random::Random;

    use super::workload::Workload;
    use crate::{Change, ImportOptions, Imported, RecordId, Store};

    fn journal(store: &Store) -> Vec<String> {
        let mut lines = Vec::new();
        store.export_journal(&mut lines, |_| ()).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        lines.lines().map(str::to_owned).collect()
    }

    fn import(store: &Store, lines: &[String]) -> Imported {
        let options = ImportOptions::default();
        let imported = store.import_journal(lines.join("\n").as_bytes(), &options, |_| {
            ControlFlow::Continue(())
        });
        imported.unwrap()
    }

    fn post_some(store: &Store, workload: &mut Workload) {
        for _ in 0..30 {
            let _ = store.post_all(workload.batch());
        }
    }

    /// All entries, whatever their places.
    fn content(store: &Store) -> Vec<(String, Vec<(RecordId, Change)>)> {
        let accounts = store.accounts().unwrap().into_iter();
        let history = |name: &str| {
            let entries = store.history(name).unwrap().into_iter();
            entries.map(|entry| (entry.id, entry.change)).collect()
        };
        accounts
            .map(|account| (account.name.to_string(), history(&account.name)))
            .collect()
    }

    fn assert_sound(store: &Store, context: &str) {
        let report = store.check(12, |_| ()).unwrap();
        assert_eq!(report.problems, [""; 0], "{context}");
    }

    /// A few lines are drafted, read and written together here: corrections and closes meet what was
    /// said in other pieces.
    #[test]
    fn a_journal_is_imported_in_pieces_as_if_it_were_one() {
        for seed in 0..60 {
            let from = Store::in_memory().unwrap();
            let mut workload = Workload::new(seed, 3);
            post_some(&from, &mut workload);
            let (first, accounts) = (journal(&from), from.accounts().unwrap());
            post_some(&from, &mut workload);
            let whole = journal(&from);
            let context = format!("seed {seed}");

            let mut shuffled = whole.clone();
            let mut random = Random::new(seed);
            for place in (1..shuffled.len()).rev() {
                let other = random.below(place as u64 + 1);
                shuffled.swap(place, usize::try_from(other).unwrap());
            }
            let to = Store::in_memory().unwrap();
            assert_eq!(
                import(&to, &shuffled).posted,
                whole.len() as u64,
                "{context}"
            );
            assert_eq!(journal(&to), whole, "{context}");
            assert_sound(&to, &context);

            // A journal that has grown, unless an account has been deleted and has another history.
            let mut still = from.accounts().unwrap();
            still.retain(|account| accounts.contains(account));
            if still == accounts {
                let to = Store::in_memory().unwrap();
                to.open_account("other", gpu_credit::Overdraft::Carry)
                    .unwrap();
                let _ = import(&to, &first);
                let imported = import(&to, &shuffled);
                assert_eq!(imported.already_posted, first.len() as u64, "{context}");
                to.delete_account("other", "x").unwrap();
                assert_eq!(content(&to), content(&from), "{context}");
                assert_sound(&to, &context);
            }
        }
    }
}
