"""Many at once: arrays in, arrays out, and all or nothing."""

import array
import time
import tracemalloc
from typing import NamedTuple

import numpy
import pandas
import pytest
from gpu_credit import GPUCredit, UsageId, UsageRecord

TIMES = numpy.arange(0, 200, dtype="int64")


@pytest.fixture
def account():
    account = GPUCredit()
    days = numpy.arange(20) * 10
    account.add_credits("daily", amounts=[10] * 20, timestamps=days, expirations=[9] * 20)
    account.subtract_many(amounts=numpy.full(100, 1), timestamps=numpy.arange(0, 200, 2))
    return account


def one_by_one(account, times):
    return [account.get_balance(int(time)) for time in times]


def test_a_batch_is_a_masked_array_of_int64(account):
    balances = account.get_balances(numpy.array([-1, 0, 9, 200]))
    assert isinstance(balances, numpy.ma.MaskedArray)
    assert balances.dtype == numpy.int64
    assert balances.tolist() == [None, 9, 5, None]
    assert balances.sum() == 14


@pytest.mark.parametrize(
    "times",
    [
        TIMES,
        TIMES[::-1],
        TIMES[::3],
        TIMES.astype("int32"),
        TIMES.astype("uint64"),
        TIMES.astype(">i8"),
        TIMES.tolist(),
        range(200),
        array.array("q", range(200)),
        numpy.ma.masked_equal(TIMES, -1),
        numpy.asfortranarray(TIMES),
        numpy.frombuffer(b"." + TIMES.tobytes(), dtype="int64", offset=1),
        TIMES[:0],
        [],
    ],
    ids=lambda times: f"{type(times).__name__}-{getattr(times, 'dtype', '')}-{len(times)}",
)
def test_whatever_holds_integers_is_taken(account, times):
    assert account.get_balances(times).tolist() == one_by_one(account, times)


def test_an_array_is_read_where_it_stands(account):
    times = numpy.arange(1_000_000, dtype="int64")
    times.setflags(write=False)
    assert bytes_numpy_allocates(lambda: account.get_balances(times)) < 100_000
    # Other integers are converted: 8 bytes each.
    narrow = times.astype("int32")
    assert bytes_numpy_allocates(lambda: account.get_balances(narrow)) >= 8_000_000


def bytes_numpy_allocates(call):
    """At most at one time. The answers are not among them: they are made in Rust."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_large_batch_equals_single_questions(account):
    generator = numpy.random.default_rng(1)
    times = generator.integers(-100, 300, 100_000)
    expected = dict(zip(range(-100, 300), one_by_one(account, range(-100, 300))))
    assert account.get_balances(times).tolist() == [expected[time] for time in times.tolist()]


def test_a_large_batch_right_after_late_records(account):
    generator = numpy.random.default_rng(2)
    times = generator.integers(-100, 300, 20_000)
    for _ in range(5):
        amounts, timestamps = generator.integers(0, 3, 10), generator.integers(0, 200, 10)
        account.subtract_many(amounts=amounts, timestamps=timestamps)
        account.add_credit("late", 5, int(generator.integers(0, 200)), 20)
        expected = dict(zip(range(-100, 300), one_by_one(account, range(-100, 300))))
        account.add_credit("nothing new", 0, 100, 5)
        account.subtract(0, 3)
        expected |= dict(zip(range(100, 106), one_by_one(account, range(100, 106))))
        assert account.get_balances(times).tolist() == [expected[time] for time in times.tolist()]


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_bulk_loads_are_all_or_nothing(size):
    account = GPUCredit()
    account.add_credit("a", 7, 0, 10)
    too_large, zeros = [1] * size + [2**62, 2**62], [0] * (size + 2)
    no_text, ones = ["b"] * size + [None], [1] * (size + 1)
    for load in (
        lambda: account.add_credits("b", amounts=too_large, timestamps=zeros, expirations=zeros),
        lambda: account.subtract_many(amounts=too_large, timestamps=zeros),
        lambda: account.extend([(1, 0)] * size + [("b", 1, 2**62, 2**63)]),
        lambda: account.extend([(1, 0)] * size + [None]),
        lambda: account.add_credits(no_text, amounts=ones, timestamps=ones, expirations=ones),
    ):
        with pytest.raises((OverflowError, TypeError)):
            load()
    assert account.get_balance(0) == 7
    assert (account.grant_count, account.usage_count) == (1, 0)


def test_credit_ids_come_from_any_sequence_of_strings():
    account = GPUCredit()
    zeros = numpy.zeros(2, dtype="int64")
    columns = {"amounts": zeros, "timestamps": zeros, "expirations": zeros}
    account.add_credits(["a", "b"], **columns)
    account.add_credits(numpy.array(["c", "d"]), **columns)
    account.add_credits(numpy.array(["e", "f"], dtype=object), **columns)
    account.add_credits("same", **columns)
    assert [grant.credit_id for grant in account.grants()] == [*"abcdef", "same", "same"]


class FewerThanPromised:
    def __len__(self):
        return 3

    def __iter__(self):
        return iter(["a"])


def test_credit_ids_are_counted():
    """Ids that were fewer than their length dropped rows: one of three was posted, and no error."""
    account = GPUCredit()
    columns = {"amounts": [1] * 3, "timestamps": [0] * 3, "expirations": [9] * 3}
    account.add_credits((f"id {number}" for number in range(3)), **columns)
    assert account.granted == 3
    for credit_ids in (FewerThanPromised(), ["a"] * 2, ["a"] * 4, iter(["a"] * 4), []):
        with pytest.raises(ValueError, match="lengths"):
            account.add_credits(credit_ids, **columns)
    account.add_credits("the same", amounts=[], timestamps=[], expirations=[])
    assert (account.granted, account.grant_count) == (3, 3)


def test_arrays_that_change_during_a_load_are_checked_when_they_are_read():
    """-7, set by the iterator of the ids, passed the check that there had been: 7 was posted."""
    account = GPUCredit()
    for name in ("amounts", "expirations"):
        columns = {each: numpy.ones(3, dtype="int64") for each in ("amounts", "timestamps", "expirations")}

        def credit_ids():
            yield from "ab"
            columns[name][1] = -7
            yield "c"

        with pytest.raises(ValueError, match="record 1, counted from 0, must not be negative: -7"):
            account.add_credits(credit_ids(), **columns)
    assert account.grant_count == 0


class Swapped(NamedTuple):
    timestamp: int
    amount: int


class Later(NamedTuple):
    expiration: int
    timestamp: int
    amount: int
    credit_id: str


class Other(NamedTuple):
    index: int
    amount: int


def test_named_tuples_are_read_by_their_names():
    """They were read by position: a row of (timestamp, amount) swapped the two."""
    account = GPUCredit()
    account.extend([Swapped(timestamp=1_700_000_000, amount=5), Later(9, 3, 7, "a")])
    assert (account.used, account.used_at(1_699_999_999), account.get_balance(3)) == (5, 0, 7)
    assert account.balance_if(Swapped(timestamp=3, amount=2), 4).balance == 5
    frame = pandas.DataFrame({"timestamp": [1_700_000_000], "amount": [5]})
    account.extend(frame.itertuples(index=False))
    assert account.used == 10
    account.extend([UsageRecord(amount=1, timestamp=2)])
    assert account.used_at(2) == 1


def test_named_tuples_of_other_names_are_refused():
    account = GPUCredit()
    frame = pandas.DataFrame({"amount": [5]}, index=[1_700_000_000])
    for record in (Other(1, 2), UsageId(1, 2), next(frame.itertuples()), time.gmtime(0)):
        with pytest.raises(TypeError, match="named tuple"):
            account.extend([record])
    assert account.usage_count == 0


def test_usage_comes_back_as_it_is_posted(account):
    other = GPUCredit()
    usage = account.usage()
    other.subtract_many(amounts=usage["amount"], timestamps=usage["timestamp"])
    assert usage["nth"].tolist() == [0] * 100
    assert other.used == account.used == 100
    assert other.used_at(0) == account.used_at(0) == 1
    assert other.first_used_above(50) == account.first_used_above(50) == 100
    assert other.first_used_above(100) is None


def test_progress_is_reported():
    account, reports = GPUCredit(), []
    report = lambda done, of: reports.append((done, of))
    account.extend(((1, time) for time in range(250_000)), progress=report)
    account.extend([(1, 0)] * 150_000, progress=report)
    zeros = numpy.zeros(150_000, dtype="int64")
    account.add_credits("a", amounts=zeros, timestamps=zeros, expirations=zeros, progress=report)
    assert reports == [
        (100_000, None),
        (200_000, None),
        (250_000, 250_000),
        (100_000, 150_000),
        (150_000, 150_000),
        (100_000, 150_000),
        (150_000, 150_000),
    ]


def test_progress_may_end_a_load():
    def tired(done, of):
        raise RuntimeError("enough")

    account = GPUCredit()
    with pytest.raises(RuntimeError, match="enough"):
        account.extend(((1, time) for time in range(250_000)), progress=tired)
    assert account.usage_count == 0
