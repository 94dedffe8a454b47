//! Grants as bytes: state, priority, window, amount and name of each, in posting order.

use super::{Grants, State, Window, grant_number};
use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::bytes::writer::{write_signed, write_varint};
use crate::record::{GrantRecord, NewGrant};

const TOO_LARGE: Damage = Damage("grants pass the limits of an account");
const NOT_TEXT: Damage = Damage("a credit id is not UTF-8");
const NO_SUCH_PRIORITY: Damage = Damage("there is no such priority");

/// In bytes a state to which this is added is followed by a priority other than 0.
const RANKED: u8 = 4;

impl Grants {
    /// Writes all grants.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        write_varint(bytes, self.posted as u64);
        for number in (0..self.posted).map(grant_number) {
            let Some((row, grant)) = self.row(number).zip(self.get(number)) else {
                bytes.push(State::Retracted as u8);
                continue;
            };
            let is_ranked = row.priority != 0;
            bytes.push(row.state as u8 | if is_ranked { RANKED } else { 0 });
            if is_ranked {
                write_signed(bytes, row.priority.into());
            }
            write_signed(bytes, row.start);
            write_varint(bytes, row.end.abs_diff(row.start));
            write_varint(bytes, row.amount);
            write_varint(bytes, grant.credit_id.len() as u64);
            bytes.extend_from_slice(grant.credit_id.as_bytes());
        }
    }

    /// Reads what [`write`](Self::write) has written.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let mut grants = Grants::default();
        for _ in 0..reader.count(1)? {
            let word = reader.u8()?;
            let state = match word & !RANKED {
                0 => State::Posted,
                1 => State::Revoked,
                2 => State::NeverLive,
                3 => State::Retracted,
                _ => return Err(Damage("a grant has no such state")),
            };
            if state == State::Retracted {
                let nothing = GrantRecord::new("", 0, 0, 0);
                let number = grants.post(nothing.borrowed()).map_err(|_| TOO_LARGE)?;
                grants.retract(number);
                continue;
            }
            let priority = if word & RANKED == 0 {
                0
            } else {
                reader.signed()?
            };
            let priority = i16::try_from(priority).map_err(|_| NO_SUCH_PRIORITY)?;
            let (start, length, amount) = (reader.signed()?, reader.varint()?, reader.varint()?);
            let name_len = reader.count(1)?;
            let name = str::from_utf8(reader.take(name_len)?).map_err(|_| NOT_TEXT)?;
            let posted = grants.post(NewGrant {
                credit_id: name,
                amount,
                timestamp: start,
                expiration: length,
                priority,
            });
            let number = posted.map_err(|_| TOO_LARGE)?;
            let end = grants.window(number).end;
            if state == State::Revoked && end == i64::MAX {
                return Err(Damage("a grant without end is revoked"));
            }
            grants.set_window(number, Window { end, state });
        }
        Ok(grants)
    }
}
