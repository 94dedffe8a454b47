//! Reads the output of `sacct`, job by job.

use std::io::BufRead;

use jiff::Timestamp;

use super::columns::{Column, Columns, Fields};
use super::time::{parse_limit, parse_time};
use super::{JobEnd, PassedOver, Payer, SacctError, SacctJob, SacctOptions};
use crate::ImportError;
use crate::transfer::lines::Lines;

/// Reads the output of `sacct --parsable2`, and holds one line at a time.
///
/// ```
/// use gpu_credit_store::sacct::{JobEnd, SacctOptions, SacctReader};
/// use jiff::{Timestamp, tz::TimeZone};
///
/// let output = "\
/// JobIDRaw|Cluster|Account|User|Submit|Start|End|Timelimit|AllocTRES|State
/// 17|tiger|acme|ada|2026-01-31T11:59:00|2026-01-31T12:00:00|Unknown|08:00:00|gres/gpu=8|RUNNING
/// 17.batch|tiger|acme||2026-01-31T12:00:00|2026-01-31T12:00:00|Unknown||gres/gpu=8|RUNNING
/// ";
/// let options = SacctOptions {
///     timezone: TimeZone::UTC,
///     now: Timestamp::from_second(1_769_864_400)?,
///     resource: Default::default(),
///     payer: Default::default(),
/// };
/// let mut jobs = SacctReader::new(output.as_bytes(), &options)?;
/// let job = jobs.read()?.unwrap();
/// assert_eq!((job.account.as_str(), job.rate), ("acme", 8));
/// assert_eq!(job.until.to_string(), "2026-01-31T20:00:00Z");
/// assert_eq!(job.end, JobEnd::TimeLimit);
/// assert_eq!(job.id().as_str(), "tiger/17/2026-01-31T11:59:00Z");
/// assert_eq!(jobs.read()?, None);
/// assert_eq!(jobs.passed_over().steps, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SacctReader<'o, R> {
    lines: Lines<R>,
    columns: Columns,
    options: &'o SacctOptions,
    passed_over: PassedOver,
}

impl<'o, R: BufRead> SacctReader<'o, R> {
    /// Starts reading, and reads the header.
    ///
    /// # Errors
    /// If the input cannot be read or has another header.
    pub fn new(input: R, options: &'o SacctOptions) -> Result<Self, ImportError> {
        let mut lines = Lines::new(input);
        let columns = match lines.next()? {
            Some((line, header)) => Columns::of_header(line, without_end(header))?,
            None => Columns::of_header(1, "")?,
        };
        Ok(SacctReader {
            lines,
            columns,
            options,
            passed_over: PassedOver::default(),
        })
    }

    /// The next job that has started; `None` at the end.
    ///
    /// # Errors
    /// If the input cannot be read, or a line is not what `sacct` prints. After
    /// [`ImportError::Sacct`] the next line can be read.
    pub fn read(&mut self) -> Result<Option<SacctJob>, ImportError> {
        while let Some((line, row)) = self.lines.next()? {
            let fields = self.columns.row(line, without_end(row))?;
            if fields.get(Column::JobIdRaw).contains('.') {
                self.passed_over.steps += 1;
            } else if let Some(job) = job(&fields, self.options)? {
                return Ok(Some(job));
            } else {
                self.passed_over.not_started += 1;
            }
        }
        Ok(None)
    }

    /// What was ignored so far.
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over
    }
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// The job of a row; `None` if it has not started.
fn job(fields: &Fields<'_>, options: &SacctOptions) -> Result<Option<SacctJob>, SacctError> {
    let time = |column| {
        let parsed = parse_time(fields.get(column), &options.timezone);
        parsed.map_err(|expected| fields.wrong(column, expected))
    };
    let is_pending = fields.get(Column::State).starts_with("PENDING");
    let Some(start) = time(Column::Start)?.filter(|_| !is_pending) else {
        return Ok(None);
    };
    let digits = fields.get(Column::JobIdRaw);
    let number = digits.parse().ok().filter(|_| !digits.starts_with('+'));
    let number = number.ok_or_else(|| fields.wrong(Column::JobIdRaw, "the number of a job"))?;
    let cluster = fields.name(Column::Cluster)?.to_owned();
    let account = match options.payer {
        Payer::Account => fields.name(Column::Account)?,
        Payer::User => fields.name(Column::User)?,
    };
    let submit = time(Column::Submit)?;
    let submit = submit.ok_or_else(|| fields.wrong(Column::Submit, "a time"))?;
    let rate = options.resource.of(fields.get(Column::AllocTres));
    let rate = rate.map_err(|expected| fields.wrong(Column::AllocTres, expected))?;
    let limit = parse_limit(fields.get(Column::Timelimit));
    let limit = limit.map_err(|expected| fields.wrong(Column::Timelimit, expected))?;
    let (until, end) = match (time(Column::End)?, limit) {
        (Some(end), _) if end < start => {
            let expected = format!("no time before Start, {}", fields.get(Column::Start));
            return Err(fields.wrong(Column::End, expected));
        }
        (Some(end), _) => (end, JobEnd::Final),
        (None, Some(limit)) => {
            let until = Timestamp::from_second(start.as_second() + limit);
            let beyond = |_| fields.wrong(Column::Timelimit, "an end that the calendar reaches");
            (until.map_err(beyond)?, JobEnd::TimeLimit)
        }
        (None, None) => (options.now, JobEnd::Now),
    };
    Ok(Some(SacctJob {
        line: fields.line,
        cluster,
        number,
        submit,
        account: account.to_owned(),
        rate,
        start,
        until,
        end,
    }))
}
