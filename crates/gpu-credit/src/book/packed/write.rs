//! The bytes of a small account, by its records.

use super::Packed;
use super::column::Width;
use super::layout::{Head, Layout, NEVER};
use super::levels::{Epoch, epochs};
use super::metered::changes;
use super::records::Records;
use super::series::Widths;

impl Packed {
    /// An account with these records, which are few. `None` if they do not fit: epochs are too far
    /// apart, or texts too long.
    pub(super) fn write(name: &str, records: &Records<'_>) -> Option<Self> {
        let changes = changes(&records.jobs);
        let epochs = epochs(records, &changes);
        let first = [
            epochs.first().map(|epoch| epoch.time),
            records.usage.first().map(|entry| entry.0),
            changes.first().map(|change| change.0),
        ];
        let origin = first.into_iter().flatten().min().unwrap_or(0);
        let distance = |time: i64| time.abs_diff(origin);
        let last = epochs.last().map_or(0, |epoch| distance(epoch.time));
        if last > u64::MAX >> 1 {
            return None;
        }
        let opening = |epoch: &Epoch| {
            let key = distance(epoch.time) << 1 | u64::from(epoch.is_live);
            (key, epoch.level)
        };
        let opening = || epochs.iter().map(opening);
        let usage = || {
            records.usage.iter().scan(0, |sum, (time, amount)| {
                *sum += amount;
                Some((distance(*time), *sum))
            })
        };
        let changing = || changes.iter().map(|(time, sum)| (distance(*time), *sum));
        let grants = records.grants.iter();
        let priorities = || {
            grants
                .clone()
                .map(|grant| u64::from(grant.priority.cast_unsigned()))
        };
        let credit_ids = || grants.clone().map(|grant| grant.credit_id.len() as u64);
        let head = Head {
            origin,
            overdraft: records.overdraft,
            name: u32::try_from(name.len()).ok()?,
            credit_ids: u32::try_from(credit_ids().sum::<u64>()).ok()?,
            epochs: u8::try_from(epochs.len()).ok()?,
            grants: u8::try_from(records.grants.len()).ok()?,
            usage: u16::try_from(records.usage.len()).ok()?,
            changes: u16::try_from(changes.len()).ok()?,
            jobs: u16::try_from(records.jobs.len()).ok()?,
            epoch: widths(opening()),
            entry: widths(usage()),
            change: widths(changing()),
            amount: Width::of(grants.clone().map(|grant| grant.amount)),
            priority: Width::of(priorities()),
            credit_id: Width::of(credit_ids()),
            rate: Width::of(records.jobs.iter().map(|job| job.rate)),
        };
        let layout = Layout::of(head);
        let mut bytes = layout.bytes();
        head.write(&mut bytes);
        bytes[layout.name.clone()].copy_from_slice(name.as_bytes());
        layout.epochs.write(&mut bytes, opening());
        layout.usage.write(&mut bytes, usage());
        layout.changes.write(&mut bytes, changing());

        let epoch_of = |time: i64| epochs.partition_point(|epoch| epoch.time < time) as u64;
        let end = |end: i64| end.checked_add(1).map_or(NEVER.into(), epoch_of);
        layout.starts.write(
            &mut bytes,
            grants.clone().map(|grant| epoch_of(grant.start)),
        );
        layout
            .ends
            .write(&mut bytes, grants.clone().map(|grant| end(grant.end)));
        layout
            .amounts
            .write(&mut bytes, grants.clone().map(|grant| grant.amount));
        layout.priorities.write(&mut bytes, priorities());
        layout.credit_id_lengths.write(&mut bytes, credit_ids());
        let change_of = |time: i64| changes.partition_point(|change| change.0 < time) as u64;
        let jobs = records.jobs.iter();
        layout
            .from
            .write(&mut bytes, jobs.clone().map(|job| change_of(job.from)));
        layout
            .until
            .write(&mut bytes, jobs.clone().map(|job| change_of(job.until)));
        layout.rates.write(&mut bytes, jobs.map(|job| job.rate));
        let mut at = layout.credit_ids.start;
        for grant in grants {
            let end = at + grant.credit_id.len();
            bytes[at..end].copy_from_slice(grant.credit_id.as_bytes());
            at = end;
        }
        Some(Packed(bytes))
    }
}

fn widths(entries: impl Iterator<Item = (u64, u64)> + Clone) -> Widths {
    Widths {
        key: Width::of(entries.clone().map(|(key, _)| key)),
        number: Width::of(entries.map(|(_, number)| number)),
    }
}
