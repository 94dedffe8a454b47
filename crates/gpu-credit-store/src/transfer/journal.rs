//! The journal as JSON lines: one entry each, nothing left out.

use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::lines::Lines;
use super::{Batch, ImportMode, Imported};
use crate::draft::Place;
use crate::{Change, Entry, Error, ImportError, Journal, Posting, RecordId, Sequence, Store};

/// An entry as a line.
#[derive(Serialize)]
struct Line {
    sequence: Sequence,
    recorded_at: i64,
    account: String,
    id: RecordId,
    #[serde(flatten)]
    change: Change,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Line {
            sequence: entry.sequence,
            recorded_at: entry.recorded_at,
            account: entry.account.name.to_string(),
            id: entry.id,
            change: entry.change,
        }
    }
}

impl Line {
    /// Reads a line that has every field, one change, and nothing else.
    fn parse(text: &str) -> serde_json::Result<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(text)?;
        let mut field = |name| {
            let value = fields.remove(name);
            value.ok_or_else(|| serde_json::Error::custom(format_args!("no field `{name}`")))
        };
        Ok(Line {
            sequence: serde_json::from_value(field("sequence")?)?,
            recorded_at: serde_json::from_value(field("recorded_at")?)?,
            account: serde_json::from_value(field("account")?)?,
            id: serde_json::from_value(field("id")?)?,
            change: serde_json::from_value(Value::Object(fields))?,
        })
    }
}

impl<J: Journal> Store<J> {
    /// Writes the journal as JSON lines, an entry each, and returns their number: account by account,
    /// in the order in which they were opened, each in the order of its entries. All of it is as of
    /// one entry of the journal; an account that is deleted meanwhile is in it or not. `progress` is
    /// told the number of lines so far.
    ///
    /// ```text
    /// {"sequence":1,"recorded_at":1790000000000,"account":"acme","id":"open","open_account":{"policy":"carry"}}
    /// {"sequence":2,"recorded_at":1790000000000,"account":"acme","id":"i1","grant":{"credit_id":"march","amount":100,"timestamp":0,"expiration":30}}
    /// {"sequence":3,"recorded_at":1790000000000,"account":"acme","id":"j17","usage":{"amount":20,"timestamp":12}}
    /// {"sequence":4,"recorded_at":1790000000000,"account":"acme","id":"f1","change_usage":{"of":"j17","amount":15}}
    /// ```
    ///
    /// # Errors
    /// If the journal fails, or the output cannot be written.
    pub fn export_journal(
        &self,
        mut output: impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let through = self.last_sequence();
        let mut accounts = self.accounts()?;
        accounts.sort_unstable_by_key(|account| account.opened);
        let mut lines = 0;
        for account in accounts {
            let mut written = Ok(());
            self.journal()
                .entries(&account, Sequence::START, through, &mut |entry| {
                    written = write_line(&mut output, &Line::from(entry));
                    lines += 1;
                    progress(lines);
                    match written {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })?;
            written?;
        }
        output
            .flush()
            .map_err(|error| Error::Export(Arc::new(error)))?;
        Ok(lines)
    }

    /// Posts the entries of an exported journal, in the order in which they were recorded: all of them
    /// or none. Entries that are here already, under their ids, are passed over. A store that holds
    /// nothing yet becomes what was exported, to the last sequence number of it; another gives the
    /// entries numbers of its own. Of accounts that were deleted nothing goes out, so nothing comes
    /// in: a line that deletes an account is refused. A line has 1 MiB at most. `progress` is told the number of lines so far.
    ///
    /// # Errors
    /// If a line is not an entry, an entry is refused, or the storage fails; nothing is posted.
    pub fn import_journal(
        &self,
        input: impl BufRead,
        mode: ImportMode,
        mut progress: impl FnMut(u64),
    ) -> Result<Imported, Error> {
        let mut lines = Vec::new();
        let mut texts = Lines::new(input);
        while let Some((number, text)) = texts.next()? {
            let wrong = |problem| ImportError::Line {
                line: number,
                problem,
            };
            let line = Line::parse(text).map_err(|error| wrong(error.to_string()))?;
            if line.change == Change::DeleteAccount {
                let name = &line.account;
                return Err(wrong(format!(
                    "it deletes account {name:?}, and an import deletes none"
                ))
                .into());
            }
            lines.push((number, line));
            progress(number);
        }
        lines.sort_by_key(|(_, line)| line.sequence);
        check_sequences(&lines)?;
        let mut batch = Batch::default();
        for (number, line) in lines {
            batch.places.push(Place {
                sequence: line.sequence,
                recorded_at: line.recorded_at,
            });
            batch.push(number, Posting::new(line.account, line.id, line.change));
        }
        batch.submit(self, mode)
    }
}

/// There is room for as many entries again.
const LAST_PLACE: Sequence = Sequence::new(u64::MAX / 4);

/// No two entries have one place, and places are counted from 1.
fn check_sequences(lines: &[(u64, Line)]) -> Result<(), ImportError> {
    let mut last = Sequence::START;
    for (number, line) in lines {
        if line.sequence <= last || line.sequence > LAST_PLACE {
            return Err(ImportError::Line {
                line: *number,
                problem: format!("there is no place {} for another entry", line.sequence),
            });
        }
        last = line.sequence;
    }
    Ok(())
}

fn write_line(output: &mut impl Write, line: &Line) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Export(Arc::new(error));
    serde_json::to_writer(&mut *output, line).map_err(|error| failed(error.into()))?;
    output.write_all(b"\n").map_err(failed)
}
