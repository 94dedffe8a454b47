//! The rate index as bytes: its jobs in posting order, without their sums.

use super::{JOBS_MAX, Job, RateIndex};
use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::bytes::writer::{write_signed, write_varint};

const STANDS: u8 = 0;
const RETRACTED: u8 = 1;
/// What one job takes at least: whether it stands, and three numbers.
const JOB_BYTES: usize = 4;

impl RateIndex {
    /// Writes all jobs, retracted ones too, whose numbers are not given again. O(j)
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        write_varint(bytes, self.jobs.posted() as u64);
        let mut before = 0_i64;
        for (job, is_retracted) in self.jobs.all() {
            bytes.push(if is_retracted { RETRACTED } else { STANDS });
            write_signed(bytes, job.from.wrapping_sub(before));
            write_signed(bytes, job.until.wrapping_sub(job.from));
            write_varint(bytes, job.rate);
            before = job.from;
        }
    }

    /// Reads what [`write`](Self::write) has written. What all jobs use adds up to `most` at most.
    /// O(j log j)
    pub(crate) fn read(reader: &mut Reader<'_>, width: usize, most: u64) -> Result<Self, Damage> {
        let count = reader.count(JOB_BYTES)?;
        if count > JOBS_MAX as usize {
            return Err(Damage("there are too many jobs"));
        }
        let mut index = RateIndex::new(width);
        let mut before = 0_i64;
        let mut total = 0_u128;
        for _ in 0..count {
            let is_retracted = match reader.u8()? {
                STANDS => false,
                RETRACTED => true,
                _ => return Err(Damage("a job neither stands nor is retracted")),
            };
            let from = before.wrapping_add(reader.signed()?);
            let until = from.wrapping_add(reader.signed()?);
            let rate = reader.varint()?;
            let job = Job { from, until, rate };
            let number = index.jobs.post(job);
            if is_retracted {
                index.jobs.retract(number);
            } else {
                total = total.saturating_add(job.total());
            }
            before = from;
        }
        index.total = u64::try_from(total)
            .ok()
            .filter(|total| *total <= most)
            .ok_or(Damage("usage adds up to too much"))?;
        index.build();
        Ok(index)
    }
}
