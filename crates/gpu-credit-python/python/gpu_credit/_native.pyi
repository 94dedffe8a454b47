"""Types of the native half; each docstring is on the class itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias, TypeVar, final, overload

import numpy
from _typeshed import StrPath
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from gpu_credit.table import Table
from gpu_credit.words import (
    Answer,
    Authorised,
    CreditLine,
    Grant,
    GrantRecord,
    GrantStatement,
    Hold,
    Imported,
    Ingested,
    MeteredId,
    MeteredUsage,
    Policy,
    Remainder,
    SacctImported,
    SettlementStatistics,
    Statement,
    Total,
    UsageId,
    UsageRecord,
    UsageStatement,
)

_Integers: TypeAlias = NDArray[numpy.integer[Any]] | Sequence[int] | _Array
_Policy: TypeAlias = Policy | CreditLine | Literal["carry", "forfeit"]
_Kind: TypeAlias = Literal["grant", "usage"]
_TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns"]
_Instant: TypeAlias = SupportsIndex | datetime | date | numpy.datetime64
_Length: TypeAlias = SupportsIndex | timedelta | numpy.timedelta64
_Instants: TypeAlias = _Integers | NDArray[numpy.datetime64] | Sequence[datetime] | Sequence[date]
_Lengths: TypeAlias = _Integers | NDArray[numpy.timedelta64] | Sequence[timedelta]
_Names: TypeAlias = str | Iterable[str] | Iterable[int]
_Masked: TypeAlias = numpy.ma.MaskedArray[tuple[int], numpy.dtype[numpy.int64]]
_Record: TypeAlias = tuple[str, int, int, int] | tuple[int, int] | GrantRecord | MeteredUsage
_Reduced: TypeAlias = tuple[Any, tuple[type[Any]], Any]
_Progress: TypeAlias = Callable[[int, int | None], object]
_Default = TypeVar("_Default")

__version__: str

__all__ = ["__version__", "Columns", "CreditBook", "CreditStore", "GPUCredit", "KeyedGPUCredit", "fold"]

class _Array(Protocol):
    """A column of another library, such as a Series."""

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray[Any]: ...

class _Table(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Columns:
    @property
    def names(self) -> list[str]: ...
    @property
    def unit(self) -> _TimeUnit | None: ...
    def __len__(self) -> int: ...
    def column(self, name: str) -> Any: ...
    def slice(self, *, first: int, count: int) -> Columns: ...
    def datetimes(self, unit: str | None, timezone: str | None) -> Columns: ...
    def equals(self, other: Columns) -> bool: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def fold(rows: _Table, policy: _Policy) -> list[Any]: ...

@disjoint_base
class GPUCredit:
    """One account of credit that expires: exact balances at any instant, whatever the order of calls.

    Timestamps are integers in your unit (seconds, milliseconds ...) and may be negative; amounts are
    non-negative integers of the smallest unit. Both are 64 bits wide, and so are the sum of all grants
    and the sum of all usage: what would not fit is an OverflowError, and changes nothing. Whatever has
    __index__ is an integer, bool and NumPy's among them; a float is a TypeError.

    policy says what becomes of usage beyond the credit: under "carry" it is a deficit, which the grants
    that start later pay; under "carry:C" the deficit grows to the credit line C at most, and the rest is
    dropped; under "forfeit" it forfeits what is live, and is dropped.

    unit says what timestamps count, "s", "ms", "us" or "ns" since 1970 in UTC: datetimes, dates and
    lengths of time of Python, NumPy, pandas and Polars are then taken too. One that is not a whole number
    of units is a ValueError; one without a time zone is in UTC. A date is the first instant of its day,
    and for the last of a range its last. Answers are integers; Table.datetimes and datetime have them as
    datetimes.

    An account may be shared between threads, copied and pickled.

    An account of a book, book[name], is of this class: what is posted to it is posted to the book.

    Examples
    --------
    >>> from gpu_credit import GPUCredit
    >>> account = GPUCredit()
    >>> account.subtract(4, 30)                # reaches the account first, takes effect second
    >>> account.add_credit("march", 10, 20, 30)  # live in [20, 50], both ends included
    >>> [account.get_balance(t) for t in (19, 20, 30, 50, 51)]
    [None, 10, 6, 6, None]
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> GPUCredit: ...
    def __init__(self, policy: _Policy = "carry", *, unit: _TimeUnit | None = None) -> None: ...
    def add_credit(
        self,
        credit_id: str,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length,
    ) -> None:
        """Post a grant that is live in [timestamp, timestamp + expiration], both ends included.

        credit_id is metadata: two grants with one id are two grants.

        After an error the account is as before.

        Parameters
        ----------
        credit_id
            Metadata: two grants with one id are two grants.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.

        Raises
        ------
        OverflowError
            If the window would end after the last timestamp, 2**63 - 1, or the grants of the account
            would add up to more than that.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount or expiration.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("trial", 10, timestamp=0, expiration=5)
        >>> account.get_balance(5), account.get_balance(6)
        (10, None)
        """
    def subtract(self, amount: SupportsIndex, timestamp: _Instant) -> None:
        """Post usage at an instant. It draws from the grants live then, soonest expiry first, and is never
        refused for lack of credit: see the policy.

        After an error the account is as before.

        Parameters
        ----------
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Raises
        ------
        OverflowError
            If the usage of the account would add up to more than 2**63 - 1.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 10, 0, 30)
        >>> account.subtract(14, timestamp=5)
        >>> account.balance_at(5).deficit
        4
        """
    def get_balance(self, timestamp: _Instant) -> int | None:
        """The balance at an instant: live remainders minus deficit, with every record at or before it applied in
        event time. None if no window contains the instant, if the result is negative, or if it is zero under
        "forfeit".

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 10, 0, 30)
        >>> account.get_balance(30), account.get_balance(31)
        (10, None)
        """
    def get_balances(self, timestamps: _Instants) -> _Masked:
        """The balance at each instant, in any order: a numpy.ma.MaskedArray of int64, masked if get_balance
        would answer None.

        A contiguous int64 array is read where it stands; other integers are converted once. Large batches use
        all cores, while other Python threads run. Do not write into the array meanwhile.

        Parameters
        ----------
        timestamps
            Instants, in the unit of timestamps, or datetimes if that is known.

        Returns
        -------
        numpy.ma.MaskedArray
            Of int64, never a float; masked if there is no balance.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> import numpy
        >>> account = GPUCredit()
        >>> account.add_credit("a", 10, 0, 100)
        >>> account.subtract(4, 50)
        >>> account.get_balances(numpy.array([60, 0, 101])).tolist()
        [6, 10, None]
        """
    def balances(self, timestamps: _Instants) -> Table:
        """The balance, its status and the deficit at each instant, in any order: a Table.

        Parameters
        ----------
        timestamps
            Instants, in the unit of timestamps, or datetimes if that is known.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("a", 10, 0, 60)
        >>> account.subtract(14, 30)
        >>> account.balances([30, 0])["deficit"].tolist()
        [4, 0]
        """
    def balance_at(self, timestamp: _Instant) -> Answer:
        """The balance at an instant, and why it is what it is: an Answer of balance, status, deficit.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Answer
            balance, status and deficit.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract(4, 5)
        >>> account.add_credit("late", 3, 10, 10)
        >>> account.balance_at(10)
        Answer(balance=None, status=<Status.OVERDRAWN: 'overdrawn'>, deficit=1)
        """
    def remainders_at(self, timestamp: _Instant) -> list[Remainder]:
        """The remainder of each live grant at an instant, in the order in which usage draws: a list of
        Remainder(grant, amount). Grants without a remainder are left out.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        list[Remainder]
            Those that are not 0.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("long", 10, 0, 100)
        >>> account.add_credit("short", 5, 0, 50)
        >>> account.subtract(7, 20)  # the short one ends sooner, and is spent
        >>> account.remainders_at(20)
        [Remainder(grant=0, amount=8)]
        """
    def steps(self, *, first: _Instant, last: _Instant) -> Table:
        """The balance from one instant to another, both included, in steps: stretches over which it, and the
        deficit, are constant, or linear because usage is metered. A Table of first, last, balance, status,
        deficit and rate.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("a", 10, 0, 100)
        >>> account.subtract(4, 50)
        >>> job = account.post_metered(rate=2, start=60, until=63)
        >>> steps = account.steps(first=-10, last=1_000)
        >>> steps["first"].tolist(), steps["balance"].tolist(), steps["rate"].tolist()
        ([-10, 0, 50, 60, 63, 101], [None, 10, 6, 4, 0, None], [0, 0, 0, 2, 0, 0])
        """
    def post_grant(
        self,
        credit_id: str,
        *,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length | None = None,
        until: _Instant | None = None,
        priority: SupportsIndex = 0,
    ) -> int:
        """Post a grant as add_credit does, and return its number: its place in posting order, from 0 on. Its
        window is [timestamp, timestamp + expiration], or [timestamp, until), which is one month if until is
        the first of the next. With neither the grant never ends. Of lower priority it is drawn first, and of
        one priority the grant that ends soonest.

        Parameters
        ----------
        credit_id
            Metadata: two grants with one id are two grants.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.
        until
            The first instant that is no longer in it.
        priority
            From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.

        Returns
        -------
        int
            A number.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If both are given, or if until is not later than timestamp.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.post_grant("gift", amount=10, timestamp=0, priority=1)
        0
        >>> account.get_balance(2**63 - 1)
        10
        """
    def post_usage(self, *, amount: SupportsIndex, timestamp: _Instant) -> UsageId:
        """Post usage as subtract does, and return its identity: a UsageId(timestamp, nth). It never changes:
        taking other usage back does not move it.

        Parameters
        ----------
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        UsageId
            Its identity, which never changes.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.post_usage(amount=4, timestamp=10)
        UsageId(timestamp=10, nth=0)
        """
    def add_credits(
        self,
        credit_ids: _Names,
        *,
        amounts: _Integers,
        timestamps: _Instants,
        expirations: _Lengths,
        priorities: _Integers | None = None,
        progress: _Progress | None = None,
    ) -> None:
        """Post many grants from four columns, or five, in their order, all or nothing. A single string is the
        credit id of them all. Without priorities, they are 0.

        progress is called now and then with how many are read and how many there are.

        Parameters
        ----------
        credit_ids
            One for each grant, or a single string for all of them.
        amounts
            One for each record, not negative, in the smallest unit.
        timestamps
            Instants, in the unit of timestamps, or datetimes if that is known.
        expirations
            The last instant of each window, counted from its first.
        priorities
            One for each grant; 0 if they are not given.
        progress
            Called now and then with how many records are read, and how many there are, or None.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credits(["a", "b"], amounts=[10, 20], timestamps=[0, 5], expirations=[9, 9])
        >>> account.get_balance(5)
        30
        """
    def subtract_many(self, *, amounts: _Integers, timestamps: _Instants) -> None:
        """Post many usage records from two columns, in their order, all or nothing.

        Parameters
        ----------
        amounts
            One for each record, not negative, in the smallest unit.
        timestamps
            Instants, in the unit of timestamps, or datetimes if that is known.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("a", 10, 0, 100)
        >>> account.subtract_many(amounts=[4, 1], timestamps=[50, 20])
        >>> account.get_balance(20), account.get_balance(50)
        (9, 5)
        """
    def extend(self, records: Iterable[_Record], *, progress: _Progress | None = None) -> None:
        """Post many records, in their order, all or nothing: a grant is a tuple (credit_id, amount, timestamp,
        expiration), or a GrantRecord, which may have a priority; usage is a tuple (amount, timestamp), or a
        UsageRecord; metered usage is a MeteredUsage.

        progress is called now and then with how many are read and how many there are, or None.

        Parameters
        ----------
        records
            Tuples (amount, timestamp) or (credit_id, amount, timestamp, expiration), GrantRecord,
            MeteredUsage.
        progress
            Called now and then with how many records are read, and how many there are, or None.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits, alone or in sum.
        TypeError
            For what is no record.
        ValueError
            For a negative amount, rate or expiration.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.extend([(4, 30), ("a", 4, 20, 30)])
        >>> account.get_balance(20), account.get_balance(30)
        (4, 0)
        """
    def retract_grant(self, number: SupportsIndex) -> None:
        """Take a grant back, by its number, as if it had never been posted.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.

        Raises
        ------
        LookupError
            If it never was, or is taken back already.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.

        Examples
        --------
        >>> account = GPUCredit()
        >>> mistaken = account.post_grant("twice", amount=10, timestamp=0, expiration=100)
        >>> account.add_credit("twice", 10, 0, 100)
        >>> account.retract_grant(mistaken)
        >>> account.get_balance(0)
        10
        """
    def retract_usage(self, usage: UsageId) -> UsageRecord:
        """Take usage back, by its UsageId, as if it had never been posted, and return the UsageRecord.

        Parameters
        ----------
        usage
            The identity of usage.

        Returns
        -------
        UsageRecord
            As it was posted or corrected.

        Raises
        ------
        LookupError
            If it never was, or is taken back already.
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> job = account.post_usage(amount=40, timestamp=10)
        >>> account.retract_usage(job)
        UsageRecord(amount=40, timestamp=10)
        >>> account.get_balance(10)
        100
        """
    def change_usage(self, usage: UsageId, amount: SupportsIndex) -> None:
        """Change the amount of usage, by its UsageId; it keeps its place in posting order.

        Parameters
        ----------
        usage
            The identity of usage.
        amount
            Not negative, in the smallest unit.

        Raises
        ------
        LookupError
            If it was never posted or is taken back.
        OverflowError
            If usage would add up to too much.
        TypeError
            For what is no such identity.
        ValueError
            For a negative amount, rate or length.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.subtract(40, 10)
        >>> account.change_usage(account.find_usage(amount=40, timestamp=10), 4)
        >>> account.get_balance(10)
        96
        """
    def revoke_grant(self, number: SupportsIndex, *, timestamp: _Instant) -> None:
        """Revoke a grant from an instant on: its window then ends the instant before, and its remainder there is
        revoked and does not lapse. From its start on, or earlier, it was never live.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Raises
        ------
        LookupError
            If the grant is not posted or is taken back.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If its window ends before that instant or it is revoked already.

        Examples
        --------
        >>> account = GPUCredit()
        >>> trial = account.post_grant("trial", amount=100, timestamp=0, expiration=30)
        >>> account.revoke_grant(trial, timestamp=10)
        >>> account.get_balance(9), account.get_balance(10)
        (100, None)
        """
    def change_expiration(
        self, number: SupportsIndex, *, expiration: _Length | None
    ) -> None:
        """Extend or shorten the window of a grant: it is live in [start, start + expiration], and always was;
        with None it never ends.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.

        Raises
        ------
        LookupError
            If the grant is not posted or is taken back.
        OverflowError
            If the window does not fit.
        TypeError
            For what is no integer.
        ValueError
            If it is revoked.

        Examples
        --------
        >>> account = GPUCredit()
        >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
        >>> account.change_expiration(march, expiration=50)
        >>> account.get_balance(40)
        100
        """
    def change_priority(self, number: SupportsIndex, *, priority: SupportsIndex) -> None:
        """Give a grant another priority; it keeps its place in posting order.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.
        priority
            From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.

        Raises
        ------
        LookupError
            If the grant is not posted or is taken back.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.

        Examples
        --------
        >>> account = GPUCredit()
        >>> bought = account.post_grant("bought", amount=100, timestamp=0, expiration=9)
        >>> plan = account.post_grant("plan", amount=100, timestamp=0, expiration=30)
        >>> account.subtract(40, 5)                        # from what was bought, which ends first
        >>> account.change_priority(bought, priority=1)    # now from the plan
        >>> account.get_balance(10)
        60
        """
    def post_metered(
        self, *, rate: SupportsIndex, start: _Instant, until: _Instant
    ) -> MeteredId:
        """Post metered usage, a job: rate units at each tick of [start, until), and return its identity, a
        MeteredId. Within a tick it comes after usage at that instant; under "forfeit" the metered usage of a
        tick is drawn whole, or it forfeits what is left and is dropped whole.

        A job that still runs is posted with the end that is planned; when it has ended, change_metered says
        so. If until is not later than start, it is nothing, but can be changed into something.

        After an error the account is as before.

        Parameters
        ----------
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Returns
        -------
        MeteredId
            Its identity, which never changes.

        Raises
        ------
        OverflowError
            If the usage of the account would add up to more than 2**63 - 1.
        TypeError
            For what is no integer.
        ValueError
            For a negative rate.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("today", 100, 0, 9)
        >>> account.add_credit("tomorrow", 100, 10, 9)
        >>> account.post_metered(rate=8, start=5, until=12)
        MeteredId(number=0)
        >>> [account.get_balance(t) for t in (5, 9, 11, 12)]  # two ticks are paid by tomorrow's credit
        [92, 60, 84, 84]
        """
    def post_metered_many(
        self, *, rates: _Integers, starts: _Instants, untils: _Instants
    ) -> None:
        """Post much metered usage from three columns, in their order, all or nothing.

        Parameters
        ----------
        rates
            What each tick of each job uses.
        starts
            The first tick of each job.
        untils
            The first tick after each job.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.post_metered_many(rates=[8, 1], starts=[5, 0], untils=[12, 100])
        >>> account.metered_count, account.used
        (2, 156)
        """
    def change_metered(
        self,
        job: MeteredId,
        *,
        rate: SupportsIndex | None = None,
        start: _Instant | None = None,
        until: _Instant | None = None,
    ) -> None:
        """Give metered usage another rate, first tick or end, by its MeteredId; what is not given stays. It
        keeps its identity and its place in posting order.

        After an error the account is as before.

        Parameters
        ----------
        job
            The identity of metered usage.
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Raises
        ------
        LookupError
            If it was never posted or is taken back.
        OverflowError
            If usage would add up to too much.
        TypeError
            For what is no such identity.
        ValueError
            If nothing is given.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> job = account.post_metered(rate=8, start=5, until=12)
        >>> account.change_metered(job, until=7)  # it has ended early
        >>> account.get_balance(30)
        84
        """
    def retract_metered(self, job: MeteredId) -> MeteredUsage:
        """Take metered usage back, by its MeteredId, as if it had never been posted, and return the
        MeteredUsage.

        Parameters
        ----------
        job
            The identity of metered usage.

        Returns
        -------
        MeteredUsage
            As it was posted or corrected.

        Raises
        ------
        LookupError
            If it never was, or is taken back already.
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> job = account.post_metered(rate=8, start=5, until=12)
        >>> account.retract_metered(job)
        MeteredUsage(rate=8, start=5, until=12)
        """
    def metered_usage(self, job: MeteredId) -> MeteredUsage | None:
        """Metered usage by its identity: a MeteredUsage(rate, start, until); None if it was never posted, or is
        taken back.

        Parameters
        ----------
        job
            The identity of metered usage.

        Returns
        -------
        MeteredUsage | None
            As it was posted or corrected; None if there is none.

        Raises
        ------
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.metered_usage(account.post_metered(rate=8, start=5, until=12))
        MeteredUsage(rate=8, start=5, until=12)
        """
    def metered(
        self, *, first: _Instant = ..., last: _Instant = ...
    ) -> Table:
        """The metered usage that starts from one tick to another, both included, or all of it, by when it
        starts, and at one tick in posting order: a Table of number, rate, start and until. A number makes a
        MeteredId.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.post_metered_many(rates=[8, 1], starts=[5, 0], untils=[12, 100])
        >>> [tuple(job) for job in account.metered()]
        [(1, 1, 0, 100), (0, 8, 5, 12)]
        """
    def metered_statement(self, job: MeteredId) -> UsageStatement | None:
        """What a job has cost and which grants paid for it, now or later, by its MeteredId: a UsageStatement.
        None if it was never posted, or is taken back.

        Parameters
        ----------
        job
            The identity of metered usage.

        Returns
        -------
        UsageStatement | None
            amount = the sum of its draws + deficit + dropped; None if there is none.

        Raises
        ------
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("today", 20, 0, 9)
        >>> job = account.post_metered(rate=8, start=6, until=10)
        >>> account.metered_statement(job)
        UsageStatement(amount=32, draws=[Draw(usage=MeteredId(number=0), grant=0, amount=20, first=6, last=8, drawn_at=6)], deficit=12, dropped=0)
        """
    def series(
        self, *, first: _Instant, last: _Instant, step: _Length
    ) -> Table:
        """The balance, its status and the deficit from one instant to another, both included: at the first, and
        every step after it. A Table.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        step
            How far the instants are apart: not 0.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a step of 0.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("a", 10, 0, 60)
        >>> account.subtract(4, 30)
        >>> series = account.series(first=0, last=72, step=24)
        >>> series["timestamp"].tolist(), series["balance"].tolist()
        ([0, 24, 48, 72], [10, 10, 6, None])
        """
    def lowest_balance(
        self, *, first: _Instant, last: _Instant
    ) -> tuple[int, Answer] | None:
        """The lowest balance from one instant to another, both included: the first instant at which it stands,
        and the Answer there. Instants at which no grant is live are skipped; None if none ever is.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        tuple[int, Answer] | None
            The instant and the answer there; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.subtract(70, 10)
        >>> account.lowest_balance(first=0, last=1_000)
        (10, Answer(balance=30, status=<Status.AVAILABLE: 'available'>, deficit=0))
        """
    def first_below(
        self, *, first: _Instant, last: _Instant, amount: SupportsIndex
    ) -> int | None:
        """The first instant, from one to another, both included, at which the balance is below an amount; below
        0 is overdrawn. Instants at which no grant is live are skipped; None if there is none.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        amount
            The balance that is looked for is below it.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.subtract(70, 10)
        >>> account.first_below(first=0, last=30, amount=50)
        10
        """
    def spendable(self, timestamp: _Instant) -> int:
        """The largest amount that may be used at an instant without taking from anything that is posted, planned
        usage included: posted last, usage of that amount fits the limits, is drawn whole, and leaves the
        deficit and what is dropped as they are, at every instant. 0 if no grant is live.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int
            A number.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.subtract(60, 20)                 # planned
        >>> account.get_balance(10), account.spendable(10)
        (100, 40)
        """
    def spendable_rate(self, *, start: _Instant, until: _Instant) -> int:
        """The largest rate of a job at each tick of [start, until), posted last, in the sense of spendable: does
        a job of 40 hours fit, and of how many GPUs?

        Parameters
        ----------
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Returns
        -------
        int
            A number.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If there are no ticks.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("today", 100, 0, 9)
        >>> account.add_credit("march", 30, 0, 99)
        >>> account.spendable_rate(start=0, until=10), account.spendable_rate(start=0, until=20)
        (13, 3)
        """
    def runs_dry(self, *, rate: SupportsIndex, start: _Instant) -> int | None:
        """The first tick that a job of this rate could not pay for, in the sense of spendable: until then it
        fits, one tick longer it does not. None if there is no such tick, and for a rate of 0.

        Parameters
        ----------
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("today", 100, 0, 9)
        >>> account.add_credit("march", 30, 0, 99)
        >>> account.runs_dry(rate=4, start=0)
        17
        """
    def first_uncovered(
        self, *, first: _Instant = ..., last: _Instant = ...
    ) -> int | None:
        """The first tick, from one to another, both included, or of all, at which usage that is posted is not
        drawn whole as it falls: when the account runs dry. None if there is none.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 70, 0, 30)
        >>> job = account.post_metered(rate=4, start=0, until=20)
        >>> account.first_uncovered()
        17
        """
    def lapsing(self, *, after: _Instant, by: _Instant) -> Table:
        """What will lapse after an instant and up to another if nothing is used after the first: a Table of
        grant, credit_id, amount and timestamp, the instant after the window: what ends with March lapses at
        the first instant of April.

        Parameters
        ----------
        after
            The last instant at which something is used.
        by
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("trial", 50, 0, 9)
        >>> account.subtract(20, 5)
        >>> account.lapsing(after=5, by=10)[0]
        Row(grant=0, credit_id='trial', amount=30, timestamp=10)
        """
    def draws(self, *, first: _Instant = ..., last: _Instant = ...) -> Table:
        """The draws, each the part of one usage record that one grant paid, from one instant to another, both
        included, or all of them, in the order in which they happen: a Table. Of each row, either nth is null
        or job: UsageId(first, nth) and MeteredId(job) are the usage. One of metered usage has a first and a
        last tick, both perhaps drawn in part. drawn_at is when it was drawn.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("trial", 5, 0, 10)
        >>> account.subtract(8, 3)                   # 3 more than there is
        >>> account.add_credit("march", 100, 20, 30)
        >>> draws = account.draws()
        >>> draws["credit_id"], draws["amount"].tolist(), draws["drawn_at"].tolist()
        (['trial', 'march'], [5, 3], [3, 20])
        """
    def statement(self, timestamp: _Instant) -> Statement:
        """Where everything went, as of an instant: every grant that has started by then, and all usage at or
        before it. A Statement.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Statement
            used = drawn + deficit + dropped, and a GrantStatement for each grant.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("trial", 50, 10, 5)
        >>> account.subtract(60, 12)
        >>> statement = account.statement(12)
        >>> statement.used, statement.drawn, statement.deficit, statement.grants[0].drawn
        (60, 50, 10, 50)
        """
    def grant_statements(self, *, first: _Instant, last: _Instant) -> Table:
        """What became of each grant from one instant to another, both included: a Table of grant, credit_id,
        remaining_before and granted, which add up to drawn, lapsed, forfeited, revoked and remaining. A grant
        whose last instant is in the period, or is its end, has lapsed in it. Grants that were over before are
        left out.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If first is later than last.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.subtract(60, 10)
        >>> account.grant_statements(first=20, last=40)[0]
        Row(grant=0, credit_id='march', remaining_before=40, granted=0, drawn=0, lapsed=40, forfeited=0, revoked=0, remaining=0)
        """
    def grant_statement(
        self, number: SupportsIndex, *, timestamp: _Instant
    ) -> GrantStatement | None:
        """Where one grant went, as of an instant: a GrantStatement, whose parts add up to its amount. None if it
        has not started by then, was never posted, or is taken back.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        GrantStatement | None
            Its parts add up to its amount; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
        >>> account.subtract(60, 10)
        >>> statement = account.grant_statement(march, timestamp=31)
        >>> statement.drawn, statement.lapsed
        (60, 40)
        """
    def usage_statement(self, usage: UsageId) -> UsageStatement | None:
        """Where the usage of one record went, by its UsageId: a UsageStatement. None if it was never posted, or
        is taken back.

        Parameters
        ----------
        usage
            The identity of usage.

        Returns
        -------
        UsageStatement | None
            amount = the sum of its draws + deficit + dropped; None if there is none.

        Raises
        ------
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("trial", 5, 0, 10)
        >>> job = account.post_usage(amount=8, timestamp=3)
        >>> account.usage_statement(job)
        UsageStatement(amount=8, draws=[Draw(usage=UsageId(timestamp=3, nth=0), grant=0, amount=5, first=3, last=3, drawn_at=3)], deficit=3, dropped=0)
        """
    def balance_if(self, record: _Record, timestamp: _Instant) -> Answer:
        """What balance_at would answer if a record were posted, which is not done. A record is a tuple as extend
        takes it.

        Parameters
        ----------
        record
            A tuple as extend takes it.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Answer
            balance, status and deficit.

        Raises
        ------
        OverflowError
            If it would be refused.
        TypeError
            For what is no record.
        ValueError
            For a negative amount, rate or expiration.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.balance_if((120, 10), 20).deficit
        20
        >>> account.balance_if(("refill", 50, 5, 30), 20).balance
        150
        """
    def what_if(
        self,
        records: Iterable[_Record] = (),
        *,
        retract: Iterable[UsageId | MeteredId] = (),
        change_usage: dict[UsageId, int] = ...,
        change_metered: dict[MeteredId, MeteredUsage] = ...,
        retract_grants: Iterable[SupportsIndex] = (),
        revoke_grants: dict[int, int] = ...,
        change_expirations: dict[int, int | None] = ...,
        change_priorities: dict[int, int] = ...,
    ) -> GPUCredit:
        """This account as it would be if records were posted, as extend takes them, and others corrected: a
        GPUCredit that answers every question. Nothing is posted to this one, and nobody who asks it sees a
        plan; what is posted to it later, its plans see.

        retract has identities of usage, metered or not; change_usage has the new amount for a UsageId;
        change_metered has a MeteredUsage for a MeteredId. Of grants, by their numbers, retract_grants takes
        some back, revoke_grants has the instant from which each is revoked, change_expirations the new
        expiration, or None, and change_priorities the priority. Corrections are made first.

        Each question costs what posting and taking back the changes costs, beside what it costs itself. A
        plan cannot be posted to, copied or pickled, which is a TypeError: what_if of a plan adds to it.
        Raises what the calls of these names would raise; so does a question, if the account has changed
        since.

        Parameters
        ----------
        records
            Tuples (amount, timestamp) or (credit_id, amount, timestamp, expiration), GrantRecord,
            MeteredUsage.
        retract
            Identities of usage, metered or not.
        change_usage
            A new amount for a UsageId.
        change_metered
            A MeteredUsage for a MeteredId.
        retract_grants
            Numbers of grants.
        revoke_grants
            The instant from which it is revoked, for the number of a grant.
        change_expirations
            A new expiration, or None, for the number of a grant.
        change_priorities
            A new priority for the number of a grant.

        Returns
        -------
        GPUCredit
            An account that answers every question.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits, alone or in sum.
        TypeError
            For what is no record.
        ValueError
            For a negative amount, rate or expiration.

        Examples
        --------
        >>> from gpu_credit import MeteredUsage
        >>> account = GPUCredit()
        >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
        >>> job = MeteredUsage(rate=8, start=10, until=50)
        >>> account.what_if([job]).first_uncovered()
        22
        >>> plan = account.what_if([job, ("april", 250, 20, 40)], change_expirations={march: 60})
        >>> plan.first_uncovered(), plan.get_balance(50)
        (None, 30)
        >>> account.get_balance(30)
        100
        """
    def settle(self) -> None:
        """Bring the account up to date after late records, so that no question has to. It changes cost, never an
        answer.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.extend([("march", 10, start, 30) for start in range(1_000)])
        >>> account.settle()
        >>> account.is_settled
        True
        """
    def settle_to(self, timestamp: _Instant) -> None:
        """As settle, but only so far that questions up to an instant have nothing left to do.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 10, 0, 30)
        >>> account.settle_to(15)
        >>> account.get_balance(15)
        10
        """
    def settlement(self) -> SettlementStatistics:
        """What settling has done since the account was opened: SettlementStatistics.

        Returns
        -------
        SettlementStatistics
            Counts.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.settlement().repairs
        0
        """
    def grant(self, number: SupportsIndex) -> Grant | None:
        """A grant by its number: a Grant; None if it was never posted, or is taken back.

        Parameters
        ----------
        number
            The number of a grant: its place in posting order, from 0 on.

        Returns
        -------
        Grant | None
            None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.

        Examples
        --------
        >>> account = GPUCredit()
        >>> number = account.post_grant("march", amount=100, timestamp=0, expiration=30)
        >>> account.grant(number).end
        30
        """
    def grants(self) -> Table:
        """All grants that are not taken back, in posting order: a Table of number, credit_id, amount, start,
        end, revoked_from, null if it is not revoked, and priority.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.add_credit("march", 100, 0, 30)
        >>> account.grants()[0]
        Row(number=0, credit_id='march', amount=100, start=0, end=30, revoked_from=None, priority=0)
        """
    def usage(
        self, *, first: _Instant = ..., last: _Instant = ...
    ) -> Table:
        """The usage from one instant to another, both included, or all of it, in event order: a Table of
        timestamp, nth and amount. A timestamp and its nth make a UsageId.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract(4, 30)
        >>> account.subtract(1, 10)
        >>> usage = account.usage()
        >>> usage["amount"].tolist(), usage["timestamp"].tolist(), usage["nth"].tolist()
        ([1, 4], [10, 30], [0, 0])
        """
    def usage_record(self, usage: UsageId) -> UsageRecord | None:
        """A usage record by its identity: a UsageRecord(amount, timestamp); None if it was never posted, or is
        taken back.

        Parameters
        ----------
        usage
            The identity of usage.

        Returns
        -------
        UsageRecord | None
            As it was posted or corrected; None if there is none.

        Raises
        ------
        TypeError
            For what is no such identity.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.usage_record(account.post_usage(amount=4, timestamp=30))
        UsageRecord(amount=4, timestamp=30)
        """
    def find_usage(
        self, *, amount: SupportsIndex, timestamp: _Instant
    ) -> UsageId | None:
        """The identity of usage that is known by what was posted: of equal records, the one posted last. None if
        there is none.

        Parameters
        ----------
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        UsageId | None
            Its identity; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract(4, 30)
        >>> account.find_usage(amount=4, timestamp=30)
        UsageId(timestamp=30, nth=0)
        """
    def next_usage_id(self, timestamp: _Instant) -> UsageId:
        """The identity that the next usage posted at an instant will have: a UsageId.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        UsageId
            Its identity, which never changes.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract(4, 30)
        >>> account.next_usage_id(30)
        UsageId(timestamp=30, nth=1)
        """
    def used_at(self, timestamp: _Instant) -> int:
        """The sum of all usage at or before an instant, paid or not.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int
            A number.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract_many(amounts=[4, 1], timestamps=[30, 10])
        >>> account.used_at(29), account.used_at(30)
        (1, 5)
        """
    def first_used_above(self, amount: SupportsIndex) -> int | None:
        """The first instant by which more than an amount has been used, paid or not; None if there is none.

        Parameters
        ----------
        amount
            More than it has been used.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount, rate or length.

        Examples
        --------
        >>> account = GPUCredit()
        >>> account.subtract_many(amounts=[4, 1], timestamps=[30, 10])
        >>> account.first_used_above(1), account.first_used_above(5)
        (30, None)
        """
    @property
    def policy(self) -> Policy | CreditLine:
        """The policy with which the account was opened: a Policy, or a CreditLine. Each is a string."""
    @property
    def unit(self) -> _TimeUnit | None:
        """The unit of timestamps, "s", "ms", "us" or "ns" since 1970 in UTC; None if nobody has said it."""
    @property
    def is_settled(self) -> bool:
        """Whether settle would have nothing to do."""
    @property
    def grant_count(self) -> int:
        """The number of grants that are not taken back."""
    @property
    def granted(self) -> int:
        """The sum of their amounts."""
    @property
    def usage_count(self) -> int:
        """The number of usage records at instants."""
    @property
    def metered_count(self) -> int:
        """The number of jobs that are not taken back."""
    @property
    def used(self) -> int:
        """The sum of the amounts of all usage, paid or not."""
    @property
    def memory_used(self) -> int:
        """Bytes that the records and their indexes take."""
    @property
    def checkpoint_count(self) -> int:
        """The number of checkpoints kept."""
    def __reduce__(self) -> _Reduced: ...
    def equals(self, other: GPUCredit, /) -> bool:
        """Whether another account has the same contents: unit, policy, and all records under the same
        identities. How far they are settled does not matter. account == other is true only of one and the
        same account.

        Parameters
        ----------
        other
            What it is compared with.

        Returns
        -------
        bool
            Whether it is so.

        Examples
        --------
        >>> account, other = GPUCredit(), GPUCredit()
        >>> account.subtract(4, 30)
        >>> account.equals(other)
        False
        >>> other.subtract(4, 30)
        >>> account.equals(other), account == other
        (True, False)
        """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def _repr_html_(self) -> str: ...
    def __getstate__(self) -> tuple[bytes, Any, str | None]: ...
    def __setstate__(self, state: tuple[bytes, Any, str | None]) -> None: ...

@disjoint_base
class KeyedGPUCredit:
    """The classic keyed exercise: an account for each credit id, under the policy "forfeit".

    It answers as the classic does for calls in the order of time, and by event time whatever the order of
    the calls. Units, limits and errors are those of GPUCredit.

    Examples
    --------
    >>> from gpu_credit import KeyedGPUCredit
    >>> credits = KeyedGPUCredit()
    >>> credits.addCredit("otter", 10, 0, 100)
    >>> credits.useCredit("otter", 20, 4)
    >>> credits.getBalance("otter", 20), credits.getBalance("heron", 20)
    (6, None)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> KeyedGPUCredit: ...
    def __init__(self) -> None: ...
    def addCredit(
        self,
        creditId: str,
        amount: SupportsIndex,
        timestamp: SupportsIndex,
        expiration: SupportsIndex,
    ) -> None:
        """Post a grant of a credit id, live in [timestamp, timestamp + expiration], both ends included. Errors
        as GPUCredit.add_credit.

        Parameters
        ----------
        creditId
            The credit id.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount, rate or length.

        Examples
        --------
        >>> credits = KeyedGPUCredit()
        >>> credits.addCredit("otter", 10, timestamp=0, expiration=20)
        >>> credits.getBalance("otter", 20)
        10
        """
    def getBalance(self, creditId: str, timestamp: SupportsIndex) -> int | None:
        """The balance of a credit id at an instant; None if there is none: no window contains the instant, or
        nothing is left.

        Parameters
        ----------
        creditId
            The credit id.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.

        Examples
        --------
        >>> credits = KeyedGPUCredit()
        >>> credits.addCredit("otter", 10, 0, 20)
        >>> credits.getBalance("otter", 21) is None
        True
        """
    def useCredit(
        self, creditId: str, timestamp: SupportsIndex, amount: SupportsIndex
    ) -> None:
        """Post usage of a credit id. Beyond what is available it forfeits that, and is dropped. Errors as
        GPUCredit.subtract.

        Parameters
        ----------
        creditId
            The credit id.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        amount
            Not negative, in the smallest unit.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount, rate or length.

        Examples
        --------
        >>> credits = KeyedGPUCredit()
        >>> credits.addCredit("otter", 10, 0, 20)
        >>> credits.useCredit("otter", timestamp=5, amount=11)
        >>> credits.getBalance("otter", 5) is None
        True
        """
    def __reduce__(self) -> _Reduced: ...
    def __getstate__(self) -> tuple[bytes, Any]: ...
    def __setstate__(self, state: tuple[bytes, Any]) -> None: ...

@final
class CreditBook:
    """Many accounts by name, each with its own policy: small ones in less than a kilobyte each.

    unit is that of GPUCredit, for all accounts. What GPUCredit answers for one account, series, draws,
    lapsing and others answer for all or some, on all cores: a Table that begins with the column account.

    It is like a dictionary of GPUCredit: book[name] is the account itself, to ask it anything, to post to
    it and to correct it, and stays so until the account is deleted: it is then a KeyError. book[name] =
    account puts a copy of an account under a new name. A book may be shared between threads: nothing that
    two of them post is lost.

    Examples
    --------
    >>> from gpu_credit import CreditBook
    >>> import pyarrow
    >>> book = CreditBook()
    >>> book.ingest(pyarrow.table({
    ...     "kind": ["grant", "usage", "grant"],
    ...     "account": ["ada", "ada", "bob"],
    ...     "credit_id": ["march", None, "trial"],
    ...     "amount": [100, 40, 50],
    ...     "timestamp": [0, 10, 0],
    ...     "expiration": [30, None, 30],
    ... }), policy="carry")
    >>> book.get_balance("ada", 10), len(book), "eve" in book
    (60, 2, False)
    >>> book["ada"].subtract(10, 20)
    >>> book.get_balance("ada", 20)
    50
    >>> book.total_at(10)
    Total(balance=110, deficit=0, available=2)
    """

    def __new__(cls, *, unit: _TimeUnit | None = None) -> CreditBook: ...
    @property
    def unit(self) -> _TimeUnit | None:
        """The unit of all timestamps, "s", "ms", "us" or "ns" since 1970 in UTC; None if nobody has said it."""
    def open(self, name: str, policy: _Policy = "carry") -> None:
        """Open an account, without records.

        Parameters
        ----------
        name
            The name of an account.
        policy
            What becomes of usage beyond the credit: see Policy and CreditLine.

        Raises
        ------
        ValueError
            If one of this name is open.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada", policy="forfeit")
        >>> book["ada"].policy
        <Policy.FORFEIT: 'forfeit'>
        """
    def add_credit(
        self,
        name: str,
        credit_id: str,
        *,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length | None = None,
        until: _Instant | None = None,
        priority: SupportsIndex = 0,
    ) -> int:
        """Post a grant to an account, live in [timestamp, timestamp + expiration], both ends included, or in
        [timestamp, until), or without either forever, and return its number, as GPUCredit.post_grant. Of
        lower priority it is drawn first.

        Parameters
        ----------
        name
            The name of an account.
        credit_id
            Metadata: two grants with one id are two grants.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.
        until
            The first instant that is no longer in it.
        priority
            From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        0
        """
    def subtract(
        self, name: str, *, amount: SupportsIndex, timestamp: _Instant
    ) -> UsageId:
        """Post usage to an account, and return its UsageId, as GPUCredit.post_usage.

        Parameters
        ----------
        name
            The name of an account.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        UsageId
            Its identity, which never changes.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> job = book.subtract("ada", amount=40, timestamp=10)
        >>> book["ada"].change_usage(job, 4)
        >>> book["ada"].used
        4
        """
    def ingest(
        self,
        events: _Table,
        *,
        kind: _Kind | None = None,
        policy: _Policy | None = None,
        progress: _Progress | None = None,
    ) -> None:
        """Post the records of a table, those of one account in the order of the rows, all or nothing.

        The table is of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__. Its columns are
        account, amount, timestamp, and kind, "grant" or "usage", unless kind says it of all rows. A grant has
        an expiration, or an until, the first instant after its window. If there are, credit_id is kept, and
        priority is that of grants, 0 if null; until makes usage metered, if it is not null: amount at each
        tick from timestamp on and before until. Integers may be of any width; with the unit of the book,
        instants may be datetimes or dates and an expiration a duration. Text may be categorical, and names
        may be integers. Accounts that are not open are opened with the policy, if one is given.

        progress is called now and then with how many rows are read, and None; at the end with how many there
        were, twice.

        After an error the book is as before.

        Parameters
        ----------
        events
            A table of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__.
        kind
            What all rows are, if there is no column of this name.
        policy
            Of accounts that are opened; without one, all have to be open.
        progress
            Called now and then with how many records are read, and how many there are, or None.

        Raises
        ------
        KeyError
            For a column that is missing.
        LookupError
            For an account that is not open.
        OverflowError
            For what does not fit.
        TypeError
            For one of another type.
        ValueError
            For a null, a negative amount, another kind or a time that is no whole number of units.

        Examples
        --------
        >>> import pyarrow
        >>> book = CreditBook()
        >>> usage = pyarrow.table({"account": ["ada", "bob"], "amount": [8, 1], "timestamp": [5, 6]})
        >>> book.ingest(usage, kind="usage", policy="carry")
        >>> book.balance_at("ada", 5).deficit
        8
        """
    def get_balance(self, name: str, timestamp: _Instant) -> int | None:
        """The balance of an account at an instant, as GPUCredit.get_balance.

        Parameters
        ----------
        name
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.get_balance("ada", 30)
        100
        """
    def balance_at(self, name: str, timestamp: _Instant) -> Answer:
        """The balance of an account at an instant, and why: an Answer.

        Parameters
        ----------
        name
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Answer
            balance, status and deficit.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.balance_at("ada", 30)
        Answer(balance=None, status=<Status.INACTIVE: 'inactive'>, deficit=0)
        """
    def get_balances(self, names: _Names, timestamps: _Instants | _Instant) -> _Masked:
        """The balance of each account at the instant beside it, or at one instant: a numpy.ma.MaskedArray of
        int64, masked if there is no balance, or no such account.

        Parameters
        ----------
        names
            The account of each question; a single string is that of them all.
        timestamps
            The instant of each question, or one of them all.

        Returns
        -------
        numpy.ma.MaskedArray
            Of int64, never a float; masked if there is no balance.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.get_balances(["ada", "ada", "eve"], [30, 31, 30]).tolist()
        [100, None, None]
        """
    def balances(self, names: _Names, timestamps: _Instants | _Instant) -> Table:
        """The balance, its status and the deficit of each account at the instant beside it, or at one instant: a
        Table of account, timestamp, balance, status and deficit. Status and deficit are null if there is no
        such account. balances(book, now) has all accounts.

        Parameters
        ----------
        names
            The account of each question; a single string is that of them all.
        timestamps
            The instant of each question, or one of them all.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.balances(["ada", "eve"], [5, 5])["status"]
        ['inactive', None]
        """
    def series(
        self, *, first: _Instant, last: _Instant, step: _Length, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.series of all accounts, or of some: a Table of account, timestamp, balance, status and
        deficit.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        step
            How far the instants are apart: not 0.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.series(first=0, last=60, step=30)["balance"].tolist()
        [100, 100, None]
        """
    def first_below(
        self, *, first: _Instant, last: _Instant, amount: SupportsIndex, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.first_below of all accounts, or of some: a Table of account and timestamp, which is null if
        the balance never is below the amount.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        amount
            The balance that is looked for is below it.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> job = book.subtract("ada", amount=70, timestamp=10)
        >>> book.first_below(first=0, last=30, amount=50)[0]
        Row(account='ada', timestamp=10)
        """
    def first_uncovered(
        self, *, first: _Instant = ..., last: _Instant = ..., accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.first_uncovered of all accounts, or of some: a Table of account and timestamp, which is null
        if all usage is drawn whole as it falls.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> job = book.subtract("ada", amount=4, timestamp=10)
        >>> book.first_uncovered()[0]
        Row(account='ada', timestamp=10)
        """
    def steps(self, *, first: _Instant, last: _Instant, accounts: _Names | None = None) -> Table:
        """GPUCredit.steps of all accounts, or of some: a Table of account, first, last, balance, status, deficit
        and rate.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> [(row.account, row.first, row.balance) for row in book.steps(first=0, last=60)]
        [('ada', 0, 100), ('ada', 31, None)]
        """
    def metered(
        self, *, first: _Instant = ..., last: _Instant = ..., accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.metered of all accounts, or of some: a Table of account, number, rate, start and until.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> job = book["ada"].post_metered(rate=8, start=5, until=45)
        >>> book.metered()[0]
        Row(account='ada', number=0, rate=8, start=5, until=45)
        """
    def spendable(self, timestamp: _Instant, *, accounts: _Names | None = None) -> Table:
        """GPUCredit.spendable of all accounts, or of some: a Table of account and amount.

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> planned = book.subtract("ada", amount=60, timestamp=20)
        >>> book.spendable(10)[0]
        Row(account='ada', amount=40)
        """
    def spendable_rate(
        self, *, start: _Instant, until: _Instant, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.spendable_rate of all accounts, or of some: how many GPUs a job may have that runs in
        [start, until), a Table of account and rate.

        Parameters
        ----------
        start
            The first tick.
        until
            The first tick after the job.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If there are no ticks.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.spendable_rate(start=0, until=20)[0]
        Row(account='ada', rate=5)
        """
    def runs_dry(
        self, *, rate: SupportsIndex, start: _Instant, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.runs_dry of all accounts, or of some: the first tick that a job of this rate could not pay
        for, a Table of account and timestamp, which is null if there is no such tick.

        Parameters
        ----------
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.runs_dry(rate=8, start=0)[0]
        Row(account='ada', timestamp=12)
        """
    def lowest_balance(
        self, *, first: _Instant, last: _Instant, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.lowest_balance of all accounts, or of some: a Table of account, timestamp, balance, status
        and deficit, which are null if no grant ever is live.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> job = book.subtract("ada", amount=70, timestamp=10)
        >>> book.lowest_balance(first=0, last=60)["balance"].tolist()
        [30]
        """
    def lapsing(
        self, *, after: _Instant, by: _Instant, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.lapsing of all accounts, or of some: a Table of account, grant, credit_id, amount and
        timestamp, the instant after the window: what ends with March lapses at the first instant of April.

        Parameters
        ----------
        after
            The last instant at which something is used.
        by
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.lapsing(after=0, by=60)[0]
        Row(account='ada', grant=0, credit_id='march', amount=100, timestamp=31)
        """
    def draws(
        self, *, first: _Instant = ..., last: _Instant = ..., accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.draws of all accounts, or of some: which grant paid what, a Table of account, first, last,
        nth, job, grant, credit_id, amount and drawn_at.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> job = book.subtract("ada", amount=70, timestamp=10)
        >>> draws = book.draws()
        >>> draws["account"], draws["credit_id"], draws["amount"].tolist()
        (['ada'], ['march'], [70])
        """
    def usage(
        self, *, first: _Instant = ..., last: _Instant = ..., accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.usage of all accounts, or of some: a Table of account, timestamp, nth and amount.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> job = book.subtract("ada", amount=70, timestamp=10)
        >>> book.usage()[0]
        Row(account='ada', timestamp=10, nth=0, amount=70)
        """
    def grants(self, *, accounts: _Names | None = None) -> Table:
        """GPUCredit.grants of all accounts, or of some: a Table of account, number, credit_id, amount, start,
        end, revoked_from and priority.

        Parameters
        ----------
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> book.grants()["end"].tolist()
        [30]
        """
    def statements(
        self, *, first: _Instant, last: _Instant, accounts: _Names | None = None
    ) -> Table:
        """What happened to each account from one instant to another, both included: a Table of a row for each,
        of remaining_before and granted, which add up to drawn, lapsed, forfeited, revoked and remaining, and
        of deficit_before and used, which add up to drawn, dropped and deficit. A grant whose last instant is
        in the period, or is its end, has lapsed in it, so that two months add up to both. A date is a whole
        day.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            If first is later than last.

        Examples
        --------
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> job = book.subtract("ada", amount=60, timestamp=10)
        >>> statement = book.statements(first=5, last=40)[0]
        >>> statement.remaining_before, statement.used, statement.drawn, statement.lapsed, statement.remaining
        (100, 60, 60, 40, 0)
        """
    def grant_statements(
        self, *, first: _Instant, last: _Instant, accounts: _Names | None = None
    ) -> Table:
        """GPUCredit.grant_statements of all accounts, or of some: where each grant went from one instant to
        another, both included. A Table of account, grant, credit_id, remaining_before, granted, drawn,
        lapsed, forfeited, revoked and remaining.

        Parameters
        ----------
        first
            The first instant of the range.
        last
            The last instant, which is a part of the range; of a date, the last of the day.
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        Table
            Columns that pandas, Polars and PyArrow read where they stand, and rows that are named tuples.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
        >>> statement = book.grant_statements(first=0, last=60)[0]
        >>> statement.credit_id, statement.granted, statement.lapsed
        ('march', 100, 100)
        """
    def total_at(self, timestamp: _Instant) -> Total:
        """What all accounts add up to at an instant: Total(balance, deficit, available).

        Parameters
        ----------
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Total
            balance, deficit and available.

        Raises
        ------
        OverflowError
            For what does not fit into 64 bits.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> book = CreditBook()
        >>> for name in ("ada", "bob"):
        ...     book.open(name)
        ...     number = book.add_credit(name, "march", amount=100, timestamp=0, expiration=30)
        >>> book.total_at(30)
        Total(balance=200, deficit=0, available=2)
        """
    def keys(self) -> list[str]:
        """The names of all accounts, in the order of their bytes.

        Returns
        -------
        list[str]
            A line or a name each.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("bob"), book.open("ada")
        (None, None)
        >>> book.keys()
        ['ada', 'bob']
        """
    def values(self) -> list[GPUCredit]:
        """All accounts, in the order of their names.

        Returns
        -------
        list[GPUCredit]
            Of the accounts themselves, not copies.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.values() == [book["ada"]]
        True
        """
    def items(self) -> list[tuple[str, GPUCredit]]:
        """All names, each with its account, in the order of the names.

        Returns
        -------
        list[tuple[str, GPUCredit]]
            Pairs.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> for name, account in book.items():
        ...     account.subtract(4, 30)
        >>> book["ada"].used
        4
        """
    @overload
    def get(self, name: str, default: None = None) -> GPUCredit | None:
        """The account of a name, or default if there is none.

        Parameters
        ----------
        name
            The name of an account.
        default
            What is returned if there is no such account.

        Returns
        -------
        GPUCredit | None
            The account itself, not a copy.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.get("ada") == book["ada"], book.get("eve")
        (True, None)
        """
    @overload
    def get(self, name: str, default: _Default) -> GPUCredit | _Default:
        """The account of a name, or default if there is none.

        Parameters
        ----------
        name
            The name of an account.
        default
            What is returned if there is no such account.

        Returns
        -------
        GPUCredit | _Default
            The account itself, not a copy.

        Examples
        --------
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.get("ada") == book["ada"], book.get("eve")
        (True, None)
        """
    @property
    def memory_used(self) -> int:
        """Bytes that the accounts and their names take."""
    def __len__(self) -> int: ...
    def __contains__(self, key: str, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, key: str, /) -> GPUCredit: ...
    def __setitem__(self, key: str, value: GPUCredit, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def __reduce__(self) -> _Reduced: ...
    def equals(self, other: CreditBook, /) -> bool:
        """Whether another book has the same unit and, under the same names, accounts of the same contents.

        Parameters
        ----------
        other
            What it is compared with.

        Returns
        -------
        bool
            Whether it is so.

        Examples
        --------
        >>> import copy
        >>> from gpu_credit import CreditBook
        >>> book = CreditBook()
        >>> book.open("ada")
        >>> book.equals(copy.copy(book))
        True
        """
    def _repr_html_(self) -> str: ...
    def __getstate__(self) -> tuple[bytes, str | None]: ...
    def __setstate__(self, state: tuple[bytes, str | None]) -> None: ...

@final
class CreditStore:
    """CreditStore(path, *, unit=None): many accounts in one file, without a server, nothing lost; or, with
    "postgres://USER@HOST/DATABASE" for the path, on PostgreSQL, shared with other processes.

    Opens the file, or creates it. What a call has posted when it returns survives a power cut. Each
    record has an id of your choosing, unique within its account: the same id with the same content is
    posted once, however often it is sent, with other content it is a ValueError. A call that posts
    returns whether it was posted only now. Threads that post at the same time share one write.

    unit says what timestamps count, for good: "s", "ms", "us" or "ns" since 1970 in UTC. Datetimes are
    then taken as by GPUCredit.

    A store belongs to the process that opened it: in a forked child, as of multiprocessing, every call is
    a RuntimeError, and the child opens its own. One process at a time has a file open: let the others ask
    that one. On PostgreSQL, 15 or later, any number of processes on any number of machines serve the same
    accounts: each call sees what earlier calls have posted. The database is to be the store's own; a
    password comes from PGPASSWORD. Ctrl-C ends the wait for a server that does not answer: whether that
    call has posted is settled by posting it again.

    Raises
    ------
    KeyError
        If there is no account of a name.
    LookupError
        If there is no record of an id.
    OSError
        If the file or the server fails.
    OverflowError
        As GPUCredit does.
    ValueError
        And.

    Examples
    --------
    >>> from gpu_credit import CreditStore
    >>> with CreditStore(path) as store:
    ...     store.open_account("acme")
    ...     store.add_credit("acme", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    ...     store.subtract("acme", "job-17", amount=20, timestamp=12)
    ...     store.subtract("acme", "job-17", amount=20, timestamp=12)   # a retry
    True
    True
    True
    False
    >>> with CreditStore(path) as store:
    ...     store.get_balance("acme", 12)
    80
    """

    def __new__(cls, path: StrPath, *, unit: _TimeUnit | None = None) -> CreditStore: ...
    def open_account(self, name: str, policy: _Policy = "carry") -> bool:
        """Open an account, with its policy for good.

        Parameters
        ----------
        name
            The name of an account.
        policy
            What becomes of usage beyond the credit: see Policy and CreditLine.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.open_account("bob", "forfeit"), store.open_account("bob", "forfeit")
        (True, False)
        """
    def add_credit(
        self,
        account: str,
        id: str,
        credit_id: str,
        *,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length | None = None,
        until: _Instant | None = None,
        priority: SupportsIndex = 0,
    ) -> bool:
        """Post a grant, live in [timestamp, timestamp + expiration] or in [timestamp, until); without either it
        never ends. Of lower priority it is drawn first.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        credit_id
            Metadata: two grants with one id are two grants.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.
        until
            The first instant that is no longer in it.
        priority
            From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.get_balance("ada", 30)
        True
        100
        """
    def subtract(
        self, account: str, id: str, *, amount: SupportsIndex, timestamp: _Instant
    ) -> bool:
        """Post usage at an instant.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        amount
            Not negative, in the smallest unit.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)   # a retry
        True
        False
        """
    def run(
        self,
        account: str,
        id: str,
        *,
        rate: SupportsIndex,
        start: _Instant,
        until: _Instant,
    ) -> bool:
        """Post metered usage, a job: rate units at each tick of [start, until). A job that still runs is posted
        with the end that is planned; stop and change_metered say when it ended.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> from gpu_credit import CreditStore
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.run("ada", "job-17", rate=8, start=5, until=45)
        ...     store.stop("ada", "job-17", at=9)
        ...     store.stop("ada", "job-17", at=11)   # a retry
        ...     store.get_balance("ada", 30), store.usage_statement("ada", "job-17").amount
        True
        True
        True
        False
        (68, 32)
        """
    def stop(self, account: str, of: str, *, at: _Instant) -> bool:
        """Stop the job of an id: its ticks from an instant on are not used. If it has ended by then, or was
        stopped before, it stays as it is: a retry never charges more. Returns whether it stopped only now.

        Parameters
        ----------
        account
            The name of an account.
        of
            The id of the record that is corrected.
        at
            The first tick that is no longer used.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.run("ada", "job-17", rate=8, start=5, until=45), store.stop("ada", "job-17", at=9)
        ...     store.usage_statement("ada", "job-17").amount
        (True, True)
        32
        """
    def change_metered(
        self,
        account: str,
        id: str,
        of: str,
        *,
        rate: SupportsIndex | None = None,
        start: _Instant | None = None,
        until: _Instant | None = None,
    ) -> bool:
        """Give the job of an id another rate, first tick or end; what is not given stays.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.run("ada", "job-17", rate=8, start=5, until=45)
        ...     store.change_metered("ada", "correction-1", "job-17", rate=4)
        ...     store.usage_statement("ada", "job-17").amount
        True
        True
        160
        """
    def retract(self, account: str, id: str, of: str) -> bool:
        """Take the grant or the usage of an id back, as if it had never been posted.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            For an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.retract("ada", "correction-1", "job-17")
        ...     store.account("ada").used
        True
        True
        0
        """
    def change_usage(self, account: str, id: str, of: str, amount: SupportsIndex) -> bool:
        """Give the usage of an id another amount.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.
        amount
            Not negative, in the smallest unit.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount, rate or length, or an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.change_usage("ada", "correction-1", "job-17", 6)
        ...     store.account("ada").used
        True
        True
        6
        """
    def revoke_grant(self, account: str, id: str, of: str, timestamp: _Instant) -> bool:
        """Revoke the grant of an id from an instant on.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units, or an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.revoke_grant("ada", "dispute-1", "invoice-1", 10)
        ...     store.get_balance("ada", 9), store.get_balance("ada", 10)
        True
        True
        (100, None)
        """
    def change_expiration(
        self, account: str, id: str, of: str, expiration: _Length | None
    ) -> bool:
        """Give the window of the grant of an id another end; with None it never ends.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.
        expiration
            The last instant of the window, counted from the first: not negative. With None it never ends.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer.
        ValueError
            For a negative amount, rate or length, or an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.change_expiration("ada", "longer", "invoice-1", 50)
        ...     store.get_balance("ada", 50)
        True
        True
        100
        """
    def change_priority(
        self, account: str, id: str, of: str, *, priority: SupportsIndex
    ) -> bool:
        """Give the grant of an id another priority, in its place in posting order.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        of
            The id of the record that is corrected.
        priority
            From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer.
        ValueError
            For an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0)
        ...     store.change_priority("ada", "last", "invoice-1", priority=5)
        ...     store.account("ada").grant(0).priority
        True
        True
        5
        """
    def close_books(self, account: str, id: str, until: _Instant) -> bool:
        """Close the books: records and questions before an instant are refused from now on.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        until
            Before it, nothing may be posted or asked any more.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units, or an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.close_books("ada", "march is over", 100)
        True
        """
    def delete_account(self, account: str, id: str) -> bool:
        """Delete an account, with all its entries.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of the deletion.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            For an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.delete_account("ada", "ticket-5")
        ...     store.accounts()
        True
        []
        """
    def get_balance(self, account: str, timestamp: _Instant) -> int | None:
        """The balance of an account at an instant, as GPUCredit.get_balance.

        Parameters
        ----------
        account
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.get_balance("ada", 30), store.get_balance("ada", 31)
        True
        (100, None)
        """
    def balance_at(self, account: str, timestamp: _Instant) -> Answer:
        """The balance of an account at an instant, and why: an Answer.

        Parameters
        ----------
        account
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        Answer
            balance, status and deficit.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.balance_at("ada", 5).deficit
        True
        8
        """
    def authorise(
        self,
        accounts: str | Iterable[str],
        id: str,
        *,
        amount: SupportsIndex | None = None,
        rate: SupportsIndex | None = None,
        start: _Instant | None = None,
        until: _Instant | None = None,
        length: _Length | None = None,
        up_to: bool = False,
    ) -> Authorised:
        """May this be spent, and will it be kept? The hold is given on all accounts or on none: an Authorised.
        It is given if and only if it is at most what spendable answers for each. It is open from start until
        until, or for a length of time, and then keeps nothing: no sweep is needed, and it can still be
        settled. With rate it is for a job that runs for that length. With up_to it takes less, if not all
        fits; nothing is a refusal. The same id gets the same answer for ever; start is now if it is not
        given, and a retry is not compared in it.

        Parameters
        ----------
        accounts
            The names of the accounts, or one of them.
        id
            The idempotency key of this entry, unique within the account.
        amount
            Not negative, in the smallest unit.
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            Its first instant: now if it is not given.
        until
            The first instant that is no longer in it.
        length
            How long it is open; with a rate, how long the job runs.
        up_to
            Whether it takes less, if not all of it fits.

        Returns
        -------
        Authorised
            is_new, hold and refused.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).hold.amount
        ...     store.authorise("ada", "req-2", amount=70, start=6, length=10).refused["ada"]
        ...     store.settle("ada", "req-1/end", "req-1", 50)
        ...     store.get_balance("ada", 5), store.held("ada", 5)
        True
        70
        Funds(balance=100, held=70, available=30, spendable=30)
        True
        (50, 0)
        """
    def settle(
        self,
        account: str,
        id: str,
        hold: str,
        amount: SupportsIndex | None = None,
        *,
        timestamp: _Instant | None = None,
        rate: SupportsIndex | None = None,
        until: _Instant | None = None,
    ) -> bool:
        """Settle a hold: what was used is posted in full in its place, on all its accounts, and what it kept
        besides is free. With an amount it takes effect at the start of the hold, or at timestamp; without one
        it is a job, of the hold's rate and from its start until its end unless others are given. What comes
        after the end of the hold, or after it was released, is recorded too. It is corrected by change_usage
        under its id.

        Parameters
        ----------
        account
            The name of one of the accounts of the hold.
        id
            The idempotency key of this entry, unique within the account.
        hold
            The id of a hold.
        amount
            Not negative, in the smallest unit.
        timestamp
            When it takes effect: at the start of the hold if it is not given.
        rate
            What each tick uses: not negative, in the smallest unit.
        until
            The first tick after the job.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units, or an id
            under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.authorise("ada", "job-1", rate=2, start=5, length=20).is_new
        ...     store.settle("ada", "job-1/end", "job-1", until=15)
        ...     store.get_balance("ada", 30)
        True
        True
        True
        80
        """
    def release(self, account: str, id: str, hold: str) -> bool:
        """Release a hold: nothing is posted in its place, on all its accounts. It can still be settled.

        Parameters
        ----------
        account
            The name of one of the accounts of the hold.
        id
            The idempotency key of this entry, unique within the account.
        hold
            The id of a hold.

        Returns
        -------
        bool
            Whether it was posted only now: a retry is not.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            For an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
        ...     store.release("ada", "req-1/end", "req-1"), store.available("ada", 5)
        True
        True
        (True, 100)
        """
    def held(self, account: str, timestamp: _Instant) -> int:
        """The sum of the holds that are open at an instant: of jobs, all of their ticks.

        Parameters
        ----------
        account
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
        ...     store.held("ada", 4), store.held("ada", 5), store.held("ada", 15)
        True
        True
        (0, 70, 0)
        """
    def available(self, account: str, timestamp: _Instant) -> int:
        """The balance with the holds that are open at an instant as usage at their starts, never below 0. Credit
        that has lapsed since a hold began pays for it first: it may be more than the balance less what is
        held.

        Parameters
        ----------
        account
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "short", "trial", amount=100, timestamp=0, expiration=10)
        ...     store.add_credit("ada", "long", "march", amount=50, timestamp=0, expiration=100)
        ...     store.authorise("ada", "req-1", amount=60, start=5, length=45).is_new
        ...     store.get_balance("ada", 20), store.held("ada", 20), store.available("ada", 20)
        True
        True
        True
        (50, 60, 50)
        """
    def holds(self, account: str) -> dict[str, Hold]:
        """The holds of an account that are neither settled nor released, those that have ended too: a Hold for
        each id.

        Parameters
        ----------
        account
            The name of an account.

        Returns
        -------
        dict[str, Hold]
            A Hold for each id.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
        ...     store.holds("ada")["req-1"].until
        True
        True
        15
        """
    def spendable(self, account: str, timestamp: _Instant) -> int:
        """The largest amount that may be used at an instant without taking from anything that is posted, as
        GPUCredit.spendable.

        Parameters
        ----------
        account
            The name of an account.
        timestamp
            An instant, in the unit of timestamps, or a datetime if that is known.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> from gpu_credit import CreditStore
        >>> with CreditStore(path) as store:
        ...     store.open_account("heron", "carry:5")
        ...     store.add_credit("heron", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.run("heron", "job-17", rate=8, start=5, until=15)
        ...     store.spendable("heron", 5), store.runs_dry("heron", rate=1, start=5), store.first_uncovered("heron")
        True
        True
        True
        (20, 25, None)
        """
    def spendable_rate(
        self, account: str, *, start: _Instant, until: _Instant
    ) -> int:
        """The largest rate of a job at each tick of [start, until), as GPUCredit.spendable_rate.

        Parameters
        ----------
        account
            The name of an account.
        start
            The first tick.
        until
            The first instant that is no longer in it.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.spendable_rate("ada", start=0, until=20)
        True
        5
        """
    def runs_dry(
        self, account: str, *, rate: SupportsIndex, start: _Instant
    ) -> int | None:
        """The first tick that a job of this rate could not pay for, as GPUCredit.runs_dry.

        Parameters
        ----------
        account
            The name of an account.
        rate
            What each tick uses: not negative, in the smallest unit.
        start
            The first tick.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a negative amount, rate or length, or a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
        ...     store.runs_dry("ada", rate=8, start=0)
        True
        12
        """
    def first_uncovered(self, account: str, *, first: _Instant | None = None) -> int | None:
        """The first tick, from one on, at which usage that is posted is not drawn whole as it falls, as
        GPUCredit.first_uncovered. Without a tick, from where the books are open.

        Parameters
        ----------
        account
            The name of an account.
        first
            The first instant; from where the books are open if it is not given.

        Returns
        -------
        int | None
            A number; None if there is none.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        OverflowError
            For what does not fit into 64 bits.
        RuntimeError
            In a process forked from the one that opened the store.
        TypeError
            For what is no integer and no time, and for a time if no unit is known.
        ValueError
            For a time that is no whole number of units.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.first_uncovered("ada")
        True
        5
        """
    def account(self, name: str, as_recorded: SupportsIndex | None = None) -> GPUCredit:
        """A copy of an account, to ask it anything: a GPUCredit. Its grants are numbered in their own order;
        what is posted to it is not stored. With as_recorded, the account as it stood at that revision.

        Parameters
        ----------
        name
            The name of an account.
        as_recorded
            A revision: the account as it stood when that entry was its last one. Without it, as it
            stands.

        Returns
        -------
        GPUCredit
            An account that answers every question.

        Raises
        ------
        KeyError
            If there is no account of this name.
        LookupError
            If the account has not so many revisions.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.account("ada").used, store.account("ada", as_recorded=1).used
        True
        (8, 0)
        """
    def usage_statement(
        self, account: str, id: str, as_recorded: SupportsIndex | None = None
    ) -> UsageStatement:
        """What the usage of an id, metered or not, has cost and which grants paid for it, now or later: a
        UsageStatement. Grants are numbered as in account(name). With as_recorded, as the account stood at
        that revision.

        Parameters
        ----------
        account
            The name of an account.
        id
            The idempotency key of this entry, unique within the account.
        as_recorded
            A revision: the account as it stood when that entry was its last one. Without it, as it
            stands.

        Returns
        -------
        UsageStatement
            amount = the sum of its draws + deficit + dropped.

        Raises
        ------
        KeyError
            If there is no account of this name.
        LookupError
            If the account has not so many revisions.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            For an id under which something else is posted.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.usage_statement("ada", "job-17")
        True
        UsageStatement(amount=8, draws=[], deficit=8, dropped=0)
        """
    def accounts(self) -> list[str]:
        """The names of all accounts, in their order.

        Returns
        -------
        list[str]
            A line or a name each.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.accounts()
        ['ada']
        """
    def history(self, account: str) -> list[dict[str, Any]]:
        """How an account came about: its entries, each a dictionary with revision, recorded_at (in milliseconds
        since 1970), id, kind, and what belongs to the kind.

        Parameters
        ----------
        account
            The name of an account.

        Returns
        -------
        list[dict[str, Any]]
            A dictionary for each entry.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     [(entry["kind"], entry["id"]) for entry in store.history("ada")]
        True
        [('open_account', 'open'), ('usage', 'job-17')]
        """
    @property
    def time_unit(self) -> _TimeUnit | None:
        """The unit of all timestamps: "s", "ms", "us" or "ns", counted from the beginning of 1970, UTC; None if
        nobody has said it yet. The gpu-credit program reads and writes times by it.
        """
    def set_time_unit(self, unit: _TimeUnit) -> None:
        """Say the unit of all timestamps, for good: ValueError if the store has another one. Timestamps that are
        there stay as they are.

        Parameters
        ----------
        unit
            What timestamps count since 1970 in UTC.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.set_time_unit("s")
        ...     store.time_unit
        's'
        """
    def check(self, instants: int = 10) -> list[str]:
        """What is wrong with the store, a line each; nothing if the list is empty. At so many instants of each
        account the engine is compared with a replay.

        Parameters
        ----------
        instants
            At so many of each account the engine is compared with a replay.

        Returns
        -------
        list[str]
            A line or a name each.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.check()
        []
        """
    def import_events(
        self,
        path: StrPath,
        *,
        policy: _Policy | None = "carry",
        again: bool = False,
        unit: _TimeUnit | None = None,
        skip_refused: bool = False,
        dry_run: bool = False,
    ) -> Imported:
        """Post the records of an events file, plain or gzip, in their order, all or nothing. Its columns are
        kind, account, credit_id, amount, timestamp and expiration; id, until and priority may follow.
        Accounts that are not open are opened with the policy; with None their rows are refused.

        A row with an id is posted once, however often it is imported; with other content it is a ValueError.
        A file without ids that begins with all rows of one imported before continues it: what follows is
        posted. Any other row without id has to differ from those imported before, unless again is true. unit
        is that of the file, if it is not that of the store: times are converted exactly. With skip_refused
        rows with ids that are refused are left out and listed, and the others posted. With dry_run all is
        checked, and nothing posted.

        Ctrl-C, or another signal whose handler raises, ends it within a second, and nothing is posted.

        Parameters
        ----------
        path
            Of a file.
        policy
            Of accounts that are opened; with None all have to be open.
        again
            Whether rows without ids are posted that equal some that were imported before.
        unit
            That of the file, if it is not that of the store.
        skip_refused
            Whether rows that are refused are left out and listed, and the others posted.
        dry_run
            Whether all is checked, and nothing posted.

        Returns
        -------
        Imported
            posted, already_posted, opened, questions, continued and refused.

        Raises
        ------
        OSError
            If the file cannot be read.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            Names the line.

        Examples
        --------
        >>> from gpu_credit import CreditStore
        >>> events = path.with_name("events.csv")
        >>> text = "kind,account,credit_id,amount,timestamp,expiration,id,until\\n"
        >>> _ = events.write_text(text + "usage,tiger,,8,5,,job-17,45\\n")
        >>> with CreditStore(path) as store:
        ...     store.import_events(events)
        ...     store.import_events(events)
        Imported(posted=2, already_posted=0, opened=['tiger'], questions=0, continued=0, refused=[])
        Imported(posted=0, already_posted=1, opened=[], questions=0, continued=0, refused=[])
        """
    def import_sacct(
        self,
        path: StrPath,
        *,
        policy: _Policy | None = "carry",
        timezone: str = "UTC",
        now: _Instant | None = None,
        resource: str = "gpu",
        payer: Literal["account", "user"] = "account",
        unit: _TimeUnit = "s",
        skip_refused: bool = False,
        dry_run: bool = False,
    ) -> SacctImported:
        """Post the jobs of a Slurm cluster, all or nothing, from a file that `sacct --parsable2 --allusers` has
        written, with at least the columns JobIDRaw, Cluster, Account, User, Submit, Start, End, AllocTRES and
        State: one metered record a job. It uses the resource, "gpu", "cpu", "billing" or another of
        AllocTRES, at each second, and is paid by the account of payer, "account" or "user". Times are those
        of a timezone such as "Europe/Berlin". A job that runs ends at its Timelimit if there is one, else at
        now, in seconds since 1970.

        The output grown since is imported again: what is new is posted, and provisional ends move or become
        final. A final end is never moved, and nothing is charged twice. Any other difference is a ValueError
        that shows both; with skip_refused such a row, and any other that is refused, is left out and listed,
        and the others are posted. unit is that of a store that has none yet.

        Ctrl-C, or another signal whose handler raises, ends it within a second, and nothing is posted.

        Parameters
        ----------
        path
            Of a file.
        policy
            Of accounts that are opened; with None all have to be open.
        timezone
            Of the times in the file, such as "Europe/Berlin".
        now
            The instant at which the file was written; the present if it is not given.
        resource
            Of which the use is posted: "gpu", "cpu", "billing" or another of AllocTRES.
        payer
            Whose account pays for a job: that of its Slurm account, or of its user.
        unit
            That of the store, if it has none yet.
        skip_refused
            Whether rows that are refused are left out and listed, and the others posted.
        dry_run
            Whether all is checked, and nothing posted.

        Returns
        -------
        SacctImported
            Counts of jobs, and the names of those that somebody should look at.

        Raises
        ------
        OSError
            If the file cannot be read.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            Names the line.

        Examples
        --------
        >>> jobs = path.with_name("jobs.txt")
        >>> _ = jobs.write_text(\"\"\"JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State
        ... 17|tiger|vision|ada|2026-01-05T08:00:00|2026-01-05T09:00:00|2026-01-05T10:00:00|gres/gpu=8|COMPLETED
        ... \"\"\")
        >>> with CreditStore(path) as store:
        ...     store.import_sacct(jobs).posted
        ...     store.account("vision").used
        1
        28800
        """
    def ingest(
        self,
        events: _Table,
        *,
        kind: _Kind | None = None,
        policy: _Policy = "carry",
        progress: _Progress | None = None,
    ) -> Ingested:
        """Post the records of a table, in the order of the rows, all or nothing: as CreditBook.ingest, with a
        column id. A record is posted once, however often the table is ingested; with other content it is a
        ValueError. Accounts that are not open are opened with the policy. Returns Ingested(posted,
        already_posted, accounts). When it returns, all is durable.

        Parameters
        ----------
        events
            A table of pandas, Polars, PyArrow, or whatever else has __arrow_c_stream__.
        kind
            What all rows are, if there is no column of this name.
        policy
            Of accounts that are opened.
        progress
            Called now and then with how many records are read, and how many there are, or None.

        Returns
        -------
        Ingested
            posted, already_posted and accounts.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> from gpu_credit import CreditStore
        >>> import pyarrow
        >>> usage = pyarrow.table({"id": ["job-17"], "account": ["lynx"], "amount": [8], "timestamp": [5]})
        >>> with CreditStore(path) as store:
        ...     store.ingest(usage, kind="usage")
        ...     store.ingest(usage, kind="usage")
        Ingested(posted=1, already_posted=0, accounts=1)
        Ingested(posted=0, already_posted=1, accounts=0)
        """
    def to_book(self, *, accounts: _Names | None = None) -> CreditBook:
        """A copy of all accounts, or of some, to ask them anything at once: a CreditBook. What is posted to it
        is not stored.

        Parameters
        ----------
        accounts
            The names of the accounts; all of them if it is not given.

        Returns
        -------
        CreditBook
            A copy.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.to_book().first_uncovered()[0]
        True
        Row(account='ada', timestamp=5)
        """
    def import_journal(
        self, path: StrPath, *, unit: _TimeUnit | None = None, dry_run: bool = False
    ) -> Imported:
        """Post the entries of a journal that export_journal, or the gpu-credit program, has written: all or
        nothing. Entries that are here already, under their ids, are passed over. An empty store becomes what
        was exported, numbers and times of recording included. unit is that of a journal that says none. With
        dry_run all is checked, and nothing posted.

        Ctrl-C, or another signal whose handler raises, ends it within a second, and nothing is posted.

        Parameters
        ----------
        path
            Of a file.
        unit
            That of a journal that says none.
        dry_run
            Whether all is checked, and nothing posted.

        Returns
        -------
        Imported
            posted, already_posted, opened, questions, continued and refused.

        Raises
        ------
        OSError
            If the file cannot be read.
        RuntimeError
            In a process forked from the one that opened the store.
        ValueError
            Names the line.

        Examples
        --------
        >>> from gpu_credit import CreditStore
        >>> journal, copy = path.with_name("journal.jsonl"), path.with_name("copy.redb")
        >>> with CreditStore(path.with_name("panda.redb")) as store, CreditStore(copy) as other:
        ...     store.subtract("panda", "job-17", amount=8, timestamp=5) if store.open_account("panda") else None
        ...     store.export_journal(journal)
        ...     other.import_journal(journal).posted, other.account("panda").equals(store.account("panda"))
        True
        2
        (2, True)
        """
    def export_journal(self, path: StrPath) -> int:
        """Write all entries as JSON lines to a new file, as of one moment, and return how many they are.

        Ctrl-C, or another signal whose handler raises, ends it within a second, and no file is left.

        Parameters
        ----------
        path
            Of a file.

        Returns
        -------
        int
            A number.

        Raises
        ------
        OSError
            If there is such a file, or it cannot be written.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.export_journal(path.with_name("ada.jsonl"))
        1
        """
    def copy_to(self, path: StrPath) -> None:
        """Copy the store to another file, as it stands, while it is in use. From a file to an empty database, or
        from a database, accounts go with all entries, revisions and ids, and the copy is read and compared:
        post nothing meanwhile.

        Parameters
        ----------
        path
            Of a file.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> copy = path.with_name("another.redb")
        >>> with CreditStore(path) as store:
        ...     store.copy_to(copy)
        >>> with CreditStore(copy) as store:
        ...     store.accounts()
        ['ada']
        """
    def close(self) -> None:
        """Let go of the file or the connections, as soon as no other thread is in the middle of a call.

        Raises
        ------
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> store = CreditStore(path)
        >>> store.close()
        """
    def revision(self, account: str) -> int:
        """The revision that an account is at: how many entries it has. What posts takes the next one.

        Parameters
        ----------
        account
            The name of an account.

        Returns
        -------
        int
            A number.

        Raises
        ------
        KeyError
            If there is no account of this name.
        OSError
            If the file fails.
        RuntimeError
            In a process forked from the one that opened the store.

        Examples
        --------
        >>> with CreditStore(path) as store:
        ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
        ...     store.revision("ada")
        True
        2
        """
    def _repr_html_(self) -> str: ...
    def __enter__(self) -> CreditStore: ...
    def __exit__(self, _type: object, _value: object, _traceback: object) -> None: ...
