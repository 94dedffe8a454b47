"""Datetimes and lengths of time of Python, NumPy and pandas, as nanoseconds: exact, or an error."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NANOSECONDS = {"W": 604_800 * 10**9, "D": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9}
_NANOSECONDS |= {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def instant(time: object) -> tuple[int, bool] | None:
    """An instant in nanoseconds since 1970, UTC, and whether it is a whole day, which begins then. None if
    it is no instant. One without a time zone is in UTC."""
    if hasattr(time, "to_datetime64"):  # pandas.Timestamp: in UTC, and of nanoseconds
        time = time.to_datetime64()
    if isinstance(time, numpy.datetime64):
        return _count(time), False
    if isinstance(time, datetime):
        aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MICROSECOND * 1_000, False
    if isinstance(time, date):
        return (time.toordinal() - _EPOCH.toordinal()) * _NANOSECONDS["D"], True
    return None


def length(time: object) -> int | None:
    """A length of time in nanoseconds. None if it is none."""
    if hasattr(time, "to_timedelta64"):  # pandas.Timedelta
        time = time.to_timedelta64()
    if isinstance(time, numpy.timedelta64):
        return _count(time)
    if isinstance(time, timedelta):
        return time // _MICROSECOND * 1_000
    return None


def _count(time: numpy.datetime64 | numpy.timedelta64) -> int:
    if numpy.isnat(time):
        raise ValueError("NaT is no time")
    unit, steps = numpy.datetime_data(time.dtype)
    if unit in ("Y", "M") and isinstance(time, numpy.datetime64):
        time, unit, steps = time.astype("datetime64[D]"), "D", 1
    if unit not in _NANOSECONDS:
        raise TypeError(f"a time of {time.dtype} is not exact in nanoseconds")
    return int(time.astype("int64")) * steps * _NANOSECONDS[unit]


def column(times: numpy.ndarray) -> tuple[numpy.ndarray, str]:
    """An array of datetime64 or timedelta64 as integers, and in which unit they count."""
    unit, steps = numpy.datetime_data(times.dtype)
    if (unit, steps) not in (("s", 1), ("ms", 1), ("us", 1), ("ns", 1)):
        if unit not in (*_NANOSECONDS, "Y", "M"):
            raise TypeError(f"times of {times.dtype} are not exact in nanoseconds")
        finer = unit if unit in ("s", "ms", "us", "ns") else "s"
        seconds = times.astype(f"{times.dtype.kind}8[{finer}]")
        if not (numpy.isnat(seconds) | (seconds.astype(times.dtype) == times)).all():
            raise OverflowError(f"a time of {times.dtype} does not fit into 64 bits of {finer}")
        times, unit = seconds, finer
    return times.view("int64"), unit


def to_datetime(time: int, nanoseconds: int) -> datetime:
    """The datetime of an instant that counts so many nanoseconds, in UTC."""
    microseconds, rest = divmod(time * nanoseconds, 1_000)
    if rest:
        raise ValueError(f"{time} is no whole number of microseconds, of which a datetime is")
    return _EPOCH + timedelta(microseconds=microseconds)
