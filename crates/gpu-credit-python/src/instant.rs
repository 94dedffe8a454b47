//! Instants and lengths of time as people give them: integers in the unit of the account, or datetimes
//! of Python, NumPy and pandas. A datetime is a whole number of units, or an error.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};

use gpu_credit_store::TimeUnit;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::array::{Integers, push, with_capacity};
use crate::integer::{Expiration, Timestamp};
use crate::store::time_unit;

/// The unit of time of an account or a book, if somebody has said it.
#[derive(Default)]
pub(crate) struct Unit(AtomicU8);

impl Unit {
    pub(crate) fn new(unit: Option<TimeUnit>) -> Self {
        let new = Unit::default();
        new.set(unit);
        new
    }

    pub(crate) fn get(&self) -> Option<TimeUnit> {
        let place = usize::from(self.0.load(Ordering::Relaxed)).checked_sub(1)?;
        TimeUnit::ALL.get(place).copied()
    }

    pub(crate) fn set(&self, unit: Option<TimeUnit>) {
        let place = match unit {
            None => 0,
            Some(TimeUnit::Nanoseconds) => 1,
            Some(TimeUnit::Microseconds) => 2,
            Some(TimeUnit::Milliseconds) => 3,
            Some(TimeUnit::Seconds) => 4,
        };
        self.0.store(place, Ordering::Relaxed);
    }
}

/// A unit by its symbol.
#[derive(Clone, Copy)]
pub(crate) struct UnitName(pub(crate) TimeUnit);

impl<'py> FromPyObject<'_, 'py> for UnitName {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        time_unit(object.extract()?).map(UnitName)
    }
}

/// What somebody says of time: a number in the unit of the account, or what becomes one.
pub(crate) trait Time {
    type Number;

    /// As a number in the unit of the account, which is looked up if it is needed.
    fn at(self, unit: impl Fn() -> PyResult<Option<TimeUnit>>) -> PyResult<Self::Number>;
}

impl<T: Time> Time for Option<T> {
    type Number = Option<T::Number>;

    #[inline]
    fn at(self, unit: impl Fn() -> PyResult<Option<TimeUnit>>) -> PyResult<Self::Number> {
        self.map(|time| time.at(unit)).transpose()
    }
}

/// An instant.
#[derive(Clone, Copy)]
pub(crate) enum Instant {
    /// In the unit of the account.
    Number(i64),
    /// In nanoseconds since 1970, UTC.
    Time(i128),
}

impl Instant {
    pub(crate) const MIN: Instant = Instant::Number(i64::MIN);
}

impl Time for Instant {
    type Number = i64;

    #[inline]
    fn at(self, unit: impl Fn() -> PyResult<Option<TimeUnit>>) -> PyResult<i64> {
        match self {
            Instant::Number(number) => Ok(number),
            Instant::Time(time) => in_unit(time, unit()?),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Instant {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(Timestamp(number)) => Ok(Instant::Number(number)),
            Err(error) => match time_of(object, &error)? {
                Some((time, _)) => Ok(Instant::Time(time)),
                None => Err(no_instant(object, error)),
            },
        }
    }
}

/// The last instant of a range, which is a part of it: of a date, the last instant of the day.
#[derive(Clone, Copy)]
pub(crate) enum Last {
    At(Instant),
    /// The one before this time, in nanoseconds since 1970, UTC.
    Before(i128),
}

impl Last {
    pub(crate) const MAX: Last = Last::At(Instant::Number(i64::MAX));
}

impl Time for Last {
    type Number = i64;

    fn at(self, unit: impl Fn() -> PyResult<Option<TimeUnit>>) -> PyResult<i64> {
        match self {
            Last::At(instant) => instant.at(unit),
            Last::Before(time) => Ok(in_unit(time, unit()?)? - 1),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Last {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        const DAY: i128 = 86_400 * 1_000_000_000;
        match object.extract() {
            Ok(Timestamp(number)) => Ok(Last::At(Instant::Number(number))),
            Err(error) => match time_of(object, &error)? {
                Some((day, true)) => Ok(Last::Before(day + DAY)),
                Some((time, false)) => Ok(Last::At(Instant::Time(time))),
                None => Err(no_instant(object, error)),
            },
        }
    }
}

/// A length of time: how far the last instant of a window is from its first.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Number(u64),
    /// In nanoseconds.
    Time(i128),
}

impl Time for Length {
    type Number = u64;

    #[inline]
    fn at(self, unit: impl Fn() -> PyResult<Option<TimeUnit>>) -> PyResult<u64> {
        match self {
            Length::Number(number) => Ok(number),
            Length::Time(time) => natural_length(in_unit(time, unit()?)?),
        }
    }
}

fn natural_length(number: i64) -> PyResult<u64> {
    u64::try_from(number).map_err(|_| {
        PyValueError::new_err(format!("a length of time must not be negative: {number}"))
    })
}

impl<'py> FromPyObject<'_, 'py> for Length {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(Expiration(number)) => Ok(Length::Number(number)),
            Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => {
                static LENGTH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                let length = LENGTH.import(object.py(), "gpu_credit.times", "length")?;
                match length.call1((object,))?.extract()? {
                    Some(time) => Ok(Length::Time(time)),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// What is no integer: perhaps a datetime, in nanoseconds, or a whole day.
#[cold]
fn time_of(object: Borrowed<'_, '_, PyAny>, error: &PyErr) -> PyResult<Option<(i128, bool)>> {
    static INSTANT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return Ok(None);
    }
    let instant = INSTANT.import(py, "gpu_credit.times", "instant")?;
    instant.call1((object,))?.extract()
}

/// What is said of an object that is neither an integer nor a time.
#[cold]
fn no_instant(object: Borrowed<'_, '_, PyAny>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(object.py()) {
        return error;
    }
    let remedy = match object.is_instance_of::<PyString>() {
        true => "; datetime.fromisoformat and pandas.Timestamp read text",
        false => "",
    };
    match object.get_type().name() {
        Ok(found) => PyTypeError::new_err(format!(
            "an instant is an integer, or a datetime of Python, NumPy or pandas, not {found}{remedy}"
        )),
        Err(error) => error,
    }
}

/// Nanoseconds in a unit.
fn in_unit(time: i128, unit: Option<TimeUnit>) -> PyResult<i64> {
    let unit = unit.ok_or_else(no_unit)?;
    let steps = i128::from(unit.nanoseconds());
    if time % steps != 0 {
        return Err(PyValueError::new_err(format!(
            "{} is not a whole number of {unit}, the unit of time here: round it first",
            shown(time)
        )));
    }
    i64::try_from(time / steps).map_err(|_| {
        PyOverflowError::new_err(format!(
            "{} does not fit into 64 bits of {unit}, the unit of time here",
            shown(time)
        ))
    })
}

/// A time in a message.
fn shown(time: i128) -> String {
    match jiff::Timestamp::from_nanosecond(time) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{time} ns"),
    }
}

#[cold]
fn no_unit() -> PyErr {
    PyTypeError::new_err(
        "a datetime or a length of time needs a unit, and none is known here: open the account or the book \
         with unit=\"s\", \"ms\", \"us\" or \"ns\", say set_time_unit of a store, or give integers",
    )
}

/// A number of one unit in another. Of many, the message says which.
pub(crate) fn converted(
    number: i64,
    from: TimeUnit,
    unit: Option<TimeUnit>,
    place: impl FnOnce() -> String,
) -> PyResult<i64> {
    let to = unit.ok_or_else(no_unit)?;
    if let Some(number) = from.convert(number, to) {
        return Ok(number);
    }
    let time = i128::from(number) * i128::from(from.nanoseconds());
    let Err(error) = in_unit(time, unit) else {
        unreachable!("{number} {from} is no whole number of {to}, or too large");
    };
    Err(with_place(&error, &place()))
}

/// The same error with the place of what is wrong.
pub(crate) fn with_place(error: &PyErr, place: &str) -> PyErr {
    Python::attach(|py| {
        let message = format!("{place}: {}", error.value(py));
        if error.is_instance_of::<PyOverflowError>(py) {
            PyOverflowError::new_err(message)
        } else if error.is_instance_of::<PyValueError>(py) {
            PyValueError::new_err(message)
        } else {
            PyTypeError::new_err(message)
        }
    })
}

/// A column of instants: integers, an array of datetime64, or a sequence of datetimes.
pub(crate) struct Instants<'py>(Column<'py, Instant>);

/// A column of lengths of time: integers, an array of timedelta64, or a sequence of them.
pub(crate) struct Lengths<'py>(Column<'py, Length>);

fn place(row: usize) -> String {
    format!("record {row}, counted from 0")
}

enum Column<'py, T> {
    Numbers(Integers<'py>),
    /// Numbers of this unit, not of the account's.
    Times(Integers<'py>, TimeUnit),
    Each(Vec<T>),
}

impl<'py, T> Column<'py, T>
where
    T: Copy + for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    /// `kind` is the letter by which NumPy knows an array of such times.
    fn extract(object: Borrowed<'_, 'py, PyAny>, kind: &str) -> PyResult<Self> {
        let error = match object.extract() {
            Ok(numbers) => return Ok(Column::Numbers(numbers)),
            Err(error) => error,
        };
        let py = object.py();
        if !PyErr::is_instance_of::<PyTypeError>(&error, py) {
            return Err(error);
        }
        let numpy = py.import(intern!(py, "numpy"))?;
        let array = numpy.call_method1(intern!(py, "asarray"), (object,))?;
        let found: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
        if found == kind {
            let times = py.import(intern!(py, "gpu_credit.times"))?;
            let column = times.call_method1(intern!(py, "column"), (array,))?;
            let (numbers, unit): (Bound<'_, PyAny>, String) = column.extract()?;
            return Ok(Column::Times(numbers.extract()?, time_unit(&unit)?));
        }
        // Such as pandas makes of datetimes with a time zone.
        let is_of_times = match object.try_iter()?.next().transpose()? {
            Some(first) => first.extract::<i64>().is_err() && first.extract::<T>().is_ok(),
            None => false,
        };
        if !is_of_times {
            return Err(error);
        }
        let mut times = Vec::new();
        for time in object.try_iter()? {
            let time = time?.extract();
            let time = time.map_err(|error| with_place(&error, &place(times.len())))?;
            push(&mut times, time)?;
        }
        Ok(Column::Each(times))
    }

    fn at(
        &self,
        unit: Option<TimeUnit>,
        resolve: impl Fn(T) -> PyResult<i64>,
    ) -> PyResult<Cow<'_, [i64]>> {
        match self {
            Column::Numbers(numbers) => Ok(Cow::Borrowed(numbers.as_slice()?)),
            Column::Times(numbers, from) => {
                let mut converted = with_capacity(numbers.len())?;
                for (row, number) in numbers.as_slice()?.iter().enumerate() {
                    if *number == i64::MIN {
                        let message = format!("{}: NaT is no time", place(row));
                        return Err(PyValueError::new_err(message));
                    }
                    converted.push(self::converted(*number, *from, unit, || place(row))?);
                }
                Ok(Cow::Owned(converted))
            }
            Column::Each(times) => {
                let mut resolved = with_capacity(times.len())?;
                for (row, time) in times.iter().enumerate() {
                    let number = resolve(*time);
                    resolved.push(number.map_err(|error| with_place(&error, &place(row)))?);
                }
                Ok(Cow::Owned(resolved))
            }
        }
    }
}

impl Instants<'_> {
    /// As numbers in the unit of the account.
    pub(crate) fn at(&self, unit: Option<TimeUnit>) -> PyResult<Cow<'_, [i64]>> {
        self.0.at(unit, |time| time.at(|| Ok(unit)))
    }
}

impl Lengths<'_> {
    /// As numbers in the unit of the account; one may be negative.
    pub(crate) fn at(&self, unit: Option<TimeUnit>) -> PyResult<Cow<'_, [i64]>> {
        self.0.at(unit, |time| {
            let length = time.at(|| Ok(unit))?;
            i64::try_from(length).map_err(|_| {
                PyOverflowError::new_err(format!(
                    "an expiration of {length} does not fit: it is at most {}",
                    i64::MAX
                ))
            })
        })
    }
}

impl<'py> FromPyObject<'_, 'py> for Instants<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Column::extract(object, "M").map(Instants)
    }
}

impl<'py> FromPyObject<'_, 'py> for Lengths<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Column::extract(object, "m").map(Lengths)
    }
}
