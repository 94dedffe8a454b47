"""What the calls take, and what they refuse: always before anything has changed."""

import ast
import re
from decimal import Decimal
from pathlib import Path

import gpu_credit
import numpy
import pytest
from gpu_credit import GPUCredit, KeyedGPUCredit, MeteredId, UsageId

MAX = 2**63 - 1


@pytest.fixture
def account():
    account = GPUCredit()
    account.add_credit("a", 10, 0, 100)
    account.subtract(3, 5)
    return account


@pytest.fixture(autouse=True)
def nothing_changed(account):
    yield
    assert account.get_balance(5) == 7
    assert (account.grant_count, account.usage_count) == (1, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda account: account.add_credit("b", -1, 0, 1),
        lambda account: account.add_credit("b", 1, 0, -1),
        lambda account: account.add_credit("b", -(2**70), 0, 1),
        lambda account: account.subtract(-1, 0),
        lambda account: account.subtract(-(2**64), 0),
        lambda account: account.post_grant("b", amount=1, timestamp=0, expiration=-1),
        lambda account: account.subtract_many(amounts=[1, -1], timestamps=[0, 0]),
        lambda account: account.add_credits("b", amounts=[1, 1], timestamps=[0, 0], expirations=[0, -1]),
        lambda account: account.subtract_many(amounts=[1, 1], timestamps=[0]),
        lambda account: account.add_credits(["b"], amounts=[1, 1], timestamps=[0, 0], expirations=[0, 0]),
        lambda account: account.get_balances(numpy.zeros((2, 2), dtype="int64")),
        lambda account: account.get_balances(numpy.ma.masked_equal([1, 2], 2)),
        lambda account: account.post_metered(rate=-1, start=0, until=5),
        lambda account: account.post_metered_many(rates=[1, -1], starts=[0, 0], untils=[1, 1]),
        lambda account: account.post_metered_many(rates=[1], starts=[0, 0], untils=[1, 1]),
        lambda account: account.add_credits("b", amounts=[1, 1], timestamps=[0, 0], expirations=[0, 0], priorities=[1]),
        lambda account: GPUCredit("never"),
        lambda account: GPUCredit(policy="Carry"),
        lambda account: GPUCredit(policy="carry:-1"),
        lambda account: GPUCredit(policy="forfeit:1"),
    ],
)
def test_a_value_error(account, call):
    with pytest.raises(ValueError):
        call(account)


@pytest.mark.parametrize(
    "call, limit",
    [
        (lambda account: account.add_credit("b", MAX, 0, 1), MAX),
        (lambda account: account.add_credit("b", 2**63, 0, 1), MAX),
        (lambda account: account.add_credit("b", 2**64, 0, 1), MAX),
        (lambda account: account.add_credit("b", 1, MAX, 1), MAX),
        (lambda account: account.add_credit("b", 1, 0, 2**64 - 1), MAX),
        (lambda account: account.add_credit("b", 1, 0, 2**64), 2**64 - 1),
        (lambda account: account.add_credit("b", 1, MAX + 1, 0), MAX),
        (lambda account: account.add_credit("b", 1, -MAX - 2, 0), -MAX - 1),
        (lambda account: account.subtract(MAX, 0), MAX),
        (lambda account: account.subtract(1, 2**64), MAX),
        (lambda account: account.get_balance(2**63), MAX),
        (lambda account: account.subtract_many(amounts=[MAX], timestamps=[0]), MAX),
        (lambda account: account.extend([(1, 1), (MAX, 0)]), MAX),
        (lambda account: account.add_credits("b", amounts=[1, MAX], timestamps=[0, 0], expirations=[1, 1]), MAX),
        (lambda account: account.get_balances(numpy.array([2**63], dtype="uint64")), MAX),
        (lambda account: account.post_metered(rate=MAX, start=0, until=2), MAX),
        (lambda account: account.post_metered(rate=1, start=0, until=2**63), MAX),
        (lambda account: account.post_grant("b", amount=1, timestamp=0, priority=2**15), 2**15 - 1),
        (lambda account: account.change_priority(0, priority=-(2**15) - 1), -(2**15)),
    ],
)
def test_what_does_not_fit_is_an_overflow_error_that_names_the_limit(account, call, limit):
    with pytest.raises(OverflowError, match=str(limit)):
        call(account)


@pytest.mark.parametrize(
    "call",
    [
        lambda account: account.add_credit("b", 1.0, 0, 1),
        lambda account: account.add_credit("b", "1", 0, 1),
        lambda account: account.add_credit("b", None, 0, 1),
        lambda account: account.add_credit("b", 1, 0, 1.5),
        lambda account: account.add_credit("b", 1, Decimal(0), 1),
        lambda account: account.add_credit(7, 1, 0, 1),
        lambda account: account.add_credit(None, 1, 0, 1),
        lambda account: account.add_credit(b"b", 1, 0, 1),
        lambda account: account.add_credit("b", 1, 0),
        lambda account: account.subtract(1.0, 0),
        lambda account: account.subtract(1, numpy.float64(0)),
        lambda account: account.get_balance(0.0),
        lambda account: account.get_balance(None),
        lambda account: account.get_balances([0.5]),
        lambda account: account.get_balances(numpy.array([1, 2], dtype="float64")),
        lambda account: account.get_balances(numpy.array(["1970-01-01"], dtype="datetime64[s]")),
        lambda account: account.extend([(1, 2, 3)]),
        lambda account: account.extend([(1, 2), "a record"]),
        lambda account: account.extend(7),
        lambda account: GPUCredit(policy=1),
        lambda account: GPUCredit("carry", "forfeit"),
    ],
)
def test_a_type_error(account, call):
    with pytest.raises(TypeError):
        call(account)


def test_a_lone_surrogate_is_no_credit_id(account):
    with pytest.raises(UnicodeEncodeError):
        account.add_credit("\ud800", 1, 0, 1)


def test_what_is_not_there_is_a_lookup_error(account):
    for retract in (
        lambda: account.retract_grant(1),
        lambda: account.retract_grant(2**40),
        lambda: account.retract_usage(UsageId(6, 0)),
        lambda: account.retract_usage(UsageId(5, 7)),
        lambda: account.retract_usage(UsageId(5, 2**40)),
        lambda: account.change_usage(UsageId(6, 0), 1),
    ):
        with pytest.raises(LookupError):
            retract()
    assert account.grant(1) is None
    assert account.grant(2**40) is None


def test_bool_is_an_integer_as_it_is_in_python():
    account = GPUCredit()
    account.add_credit("a", True, False, True)
    assert account.get_balance(True) == 1
    assert account.get_balances([True]).tolist() == [1]  # It was refused, and [True, 2] taken.


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint64", "int64"])
def test_numpy_integers_are_integers(kind):
    number = numpy.dtype(kind).type
    account = GPUCredit()
    account.add_credit("a", number(10), number(0), number(100))
    account.subtract(number(3), number(5))
    balance = account.get_balance(number(5))
    assert (balance, type(balance)) == (7, int)


def test_the_ends_of_the_range():
    account = GPUCredit()
    account.add_credit("all of it", MAX, -MAX - 1, 2**64 - 1)
    account.subtract(MAX, MAX)
    assert account.get_balance(-MAX - 1) == MAX
    assert account.get_balance(MAX) == 0
    assert account.grants()[0].end == MAX
    assert account.grants()[0] == account.grant(0)


def test_the_keyed_class_refuses_the_same():
    credits = KeyedGPUCredit()
    with pytest.raises(ValueError):
        credits.addCredit("a", -1, 0, 1)
    with pytest.raises(OverflowError, match=str(MAX)):
        credits.useCredit("a", 0, 2**63)
    with pytest.raises(TypeError):
        credits.getBalance("a", 1.0)
    with pytest.raises(TypeError):
        KeyedGPUCredit("forfeit")


@pytest.mark.parametrize(
    "call",
    [
        lambda account: account.post_grant("a", 1, 0, 5),
        lambda account: account.post_usage(1, 5),
        lambda account: account.subtract_many([1], [5]),
        lambda account: account.add_credits("a", [1], [5], [5]),
        lambda account: account.find_usage(3, 5),
        lambda account: account.revoke_grant(0, 5),
        lambda account: account.change_expiration(0, 5),
        lambda account: account.grant_statement(0, 5),
        lambda account: account.steps(0, 5),
        lambda account: account.series(0, 5, 1),
        lambda account: account.lowest_balance(0, 5),
        lambda account: account.first_below(0, 5, 1),
        lambda account: account.lapsing(0, 5),
        lambda account: account.usage(0, 5),
        lambda account: account.draws(0, 5),
        lambda account: account.post_metered(1, 5, 9),
        lambda account: account.post_metered_many([1], [5], [9]),
        lambda account: account.metered(0, 5),
        lambda account: account.change_priority(0, 1),
        lambda account: account.spendable_rate(0, 5),
        lambda account: account.runs_dry(1, 5),
        lambda account: account.first_uncovered(0, 5),
        lambda account: account.retract_usage(MeteredId(0)),
        lambda account: account.retract_metered(UsageId(5, 0)),
        lambda account: account.retract_metered(0),
        lambda account: account.retract_usage((3, 5)),  # No name, but perhaps a record.
    ],
)
def test_numbers_that_could_be_swapped_have_names(account, call):
    with pytest.raises(TypeError):
        call(account)


CLASSIC = {"add_credit", "subtract", "get_balance", "addCredit", "useCredit", "getBalance"}


def test_every_call_with_two_numbers_names_them():
    """By the stub, which stubtest compares with the package."""
    stub = Path(gpu_credit.__file__).with_name("_native.pyi")
    classes = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ClassDef)]
    calls = [call for each in classes for call in each.body if isinstance(call, ast.FunctionDef)]
    for call in calls:
        numbers = [
            argument.arg
            for argument in call.args.posonlyargs + call.args.args
            if argument.annotation and re.search("SupportsIndex|_Integers|_Instant|_Length|int", ast.unparse(argument.annotation))
        ]
        assert len(numbers) < 2 or call.name in CLASSIC, (call.name, numbers)
    assert len(calls) > 90


def test_a_series_without_a_step_is_refused(account):
    with pytest.raises(ValueError, match="at least 1"):
        account.series(first=0, last=5, step=0)


def test_errors_of_lists_are_those_of_their_items(account):
    """They were of whatever NumPy makes of the list: "of object", "of float64"."""
    for numbers in ([2**64], [2**63, -1]):
        with pytest.raises(OverflowError, match=str(numbers[0])):
            account.get_balances(numbers)


def test_very_large_numbers_are_not_written_out(account):
    """10**5_000 was a ValueError: "Exceeds the limit (4300 digits) for integer string conversion"."""
    with pytest.raises(OverflowError, match=r"2\*\*16609 or more does not fit: it is at most"):
        account.subtract(10**5_000, 0)
    with pytest.raises(ValueError, match="must not be negative: -2"):
        account.subtract(-(10**5_000), 0)


def test_the_record_that_is_refused_is_named(account):
    with pytest.raises(ValueError, match="amount of record 1, counted from 0, must not be negative"):
        account.subtract_many(amounts=[1, -1], timestamps=[0, 0])
    with pytest.raises(OverflowError, match="record 2, counted from 0"):
        account.extend([(1, 0), ("b", 1, 0, 5), (MAX, 0)])


def test_what_is_wrong_in_a_column_is_called_what_it_is():
    """A large amount in a list was called a timestamp, and a single number a row of 0 dimensions."""
    account = GPUCredit()
    with pytest.raises(OverflowError, match=f"an integer of {2**64} does not fit"):
        account.subtract_many(amounts=[2**64], timestamps=[1])
    with pytest.raises(ValueError, match="not one integer: nothing is broadcast"):
        account.add_credits("march", amounts=100, timestamps=[0, 1], expirations=[1, 1])
