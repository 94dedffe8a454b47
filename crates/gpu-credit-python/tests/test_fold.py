"""The fold of one partition, without an engine around it."""

import itertools
import random

import gpu_credit
import polars
import pyarrow
import pytest
from classic import GPUCredit
from gpu_credit._native import fold

SCHEMA = pyarrow.schema(
    [
        ("kind", pyarrow.int64()),
        ("account", pyarrow.string()),
        ("amount", pyarrow.int64()),
        ("timestamp", pyarrow.int64()),
        ("expiration", pyarrow.int64()),
        ("posted", pyarrow.int64()),
    ]
)
GRANT, USAGE, QUESTION = range(3)


def table(rows):
    columns = [list(column) for column in zip(*rows)] or [[]] * len(SCHEMA)
    return pyarrow.table(dict(zip(SCHEMA.names, columns)), schema=SCHEMA)


def answers(rows, policy="carry"):
    batches = fold(rows, policy)
    return sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())


def expected(rows, policy):
    accounts = {row[1]: GPUCredit(policy) for row in rows}
    grants = [row for row in rows if row[0] == GRANT]
    for _, account, amount, timestamp, expiration, _ in sorted(grants, key=posting_order):
        accounts[account].add_credit("", amount, timestamp, expiration)
    for kind, account, amount, timestamp, *_ in rows:
        if kind == USAGE:
            accounts[account].subtract(amount, timestamp)
    return sorted(
        (account, timestamp, *accounts[account].balance_at(timestamp))
        for kind, account, _, timestamp, *_ in rows
        if kind == QUESTION
    )


def posting_order(grant):
    _, _, amount, timestamp, expiration, posted = grant
    return timestamp, -1 if posted is None else posted, expiration, amount


def random_rows(generator, count):
    for _ in range(count):
        account, timestamp = generator.choice("abc"), generator.randrange(20)
        posted = generator.choice([None, 0, 1, 2])
        yield generator.choice(
            [
                (GRANT, account, generator.randrange(9), timestamp, generator.randrange(9), posted),
                (USAGE, account, generator.randrange(5), timestamp, None, None),
                (QUESTION, account, None, timestamp, None, None),
            ]
        )


@pytest.mark.parametrize("policy", ["carry", "forfeit"])
@pytest.mark.parametrize("seed", range(100))
def test_a_fold_is_a_replay_of_each_account_in_any_order(seed, policy):
    generator = random.Random(seed)
    rows = list(random_rows(generator, generator.randrange(60)))
    right = expected(rows, policy)
    for _ in range(3):
        generator.shuffle(rows)
        assert answers(table(rows), policy) == right


def test_batches_of_any_size_are_taken():
    rows = list(random_rows(random.Random(1), 200))
    batches = table(rows).to_batches(max_chunksize=7)
    assert answers(pyarrow.Table.from_batches(batches), "carry") == expected(rows, "carry")
    assert answers(table([])) == []
    assert fold(table([]), "carry") == []


def test_other_widths_and_other_libraries_are_taken():
    rows = list(random_rows(random.Random(2), 200))
    narrow = pyarrow.schema(
        [(name, pyarrow.large_string() if name == "account" else pyarrow.int16()) for name in SCHEMA.names]
    )
    right = expected(rows, "carry")
    assert answers(table(rows).cast(narrow)) == right
    assert answers(polars.from_arrow(table(rows))) == right


def test_many_answers():
    rows = [(GRANT, "a", 10, 0, 1_000_000, None)]
    rows += [(QUESTION, "a", None, timestamp, None, None) for timestamp in range(150_000)]
    found = answers(table(rows))
    assert found == [("a", timestamp, 10, "available", 0) for timestamp in range(150_000)]


@pytest.mark.parametrize(
    "row, message",
    [
        ((USAGE, None, 1, 0, None, None), "a row has no account"),
        ((USAGE, "ada", None, 0, None, None), "ada\" has no amount"),
        ((USAGE, "ada", 1, None, None, None), "ada\" has no timestamp"),
        ((QUESTION, "ada", None, None, None, None), "ada\" has no timestamp"),
        ((GRANT, "ada", 1, 0, None, None), "ada\" has no expiration"),
        ((None, "ada", 1, 0, None, None), "ada\" has no kind"),
        ((7, "ada", 1, 0, None, None), "ada\" has no kind"),
        ((USAGE, "ada", -1, 0, None, None), "amount of account \"ada\" must not be negative: -1"),
        ((GRANT, "ada", 1, 0, -1, None), "expiration of account \"ada\" must not be negative: -1"),
    ],
)
def test_nulls_and_negative_numbers_are_refused(row, message):
    with pytest.raises(ValueError, match=message):
        answers(table([row]))


@pytest.mark.parametrize("policy", ["carry", "forfeit", "carry:4"])
@pytest.mark.parametrize("seed", range(30))
def test_jobs_and_priorities_are_folded(seed, policy):
    """Grants of one account that start at one instant are posted in the order of the rows here."""
    generator, account, rows, now = random.Random(seed), gpu_credit.GPUCredit(policy), [], itertools.count()
    for _ in range(generator.randrange(40)):
        amount, timestamp, length = generator.randrange(9), generator.randrange(20), generator.randrange(9)
        kind, priority = generator.randrange(3), generator.choice([None, -1, 0, 1])
        if kind == 0:
            account.post_grant("", amount=amount, timestamp=timestamp, expiration=length, priority=priority or 0)
            rows.append((GRANT, "a", amount, timestamp, length, next(now), priority, None))
        elif kind == 1:
            account.subtract(amount, timestamp)
            rows.append((USAGE, "a", amount, timestamp, None, None, None, None))
        else:
            account.post_metered(rate=amount, start=timestamp, until=timestamp + length - 2)
            rows.append((USAGE, "a", amount, timestamp, None, None, None, timestamp + length - 2))
    rows += [(QUESTION, "a", None, timestamp, None, None, None, None) for timestamp in range(30)]
    generator.shuffle(rows)
    schema = SCHEMA.append(pyarrow.field("priority", pyarrow.int16())).append(pyarrow.field("until", pyarrow.int64()))
    columns = [list(column) for column in zip(*rows)]
    found = answers(pyarrow.table(dict(zip(schema.names, columns)), schema=schema), policy)
    assert found == [("a", timestamp, *account.balance_at(timestamp)) for timestamp in range(30)]


@pytest.mark.parametrize(
    "row, error, message",
    [
        ({"kind": GRANT, "until": 5}, ValueError, "a grant of account \"ada\" has no until"),
        ({"kind": USAGE, "priority": 1}, ValueError, "usage of account \"ada\" has no priority"),
        ({"kind": GRANT, "priority": 2**15}, OverflowError, "the priority of account \"ada\" of 32768"),
    ],
)
def test_what_belongs_to_the_other_kind_is_refused(row, error, message):
    whole = {"account": "ada", "amount": 1, "timestamp": 0, "expiration": 1, **row}
    with pytest.raises(error, match=message):
        answers(pyarrow.table({name: [value] for name, value in whole.items()}))


def test_what_does_not_fit_names_the_account():
    large = (USAGE, "ada", 2**63 - 1, 0, None, None)
    question = (QUESTION, "ada", None, 0, None, None)
    with pytest.raises(OverflowError, match='account "ada"'):
        answers(table([large, large, question]))


def test_other_types_are_refused():
    rows = table([(USAGE, "ada", 1, 0, None, None)])
    with pytest.raises(TypeError, match="amount"):
        answers(rows.set_column(2, "amount", pyarrow.array([1.0])))
    with pytest.raises(TypeError, match="account"):
        answers(rows.set_column(1, "account", pyarrow.array([1])))
    with pytest.raises(KeyError, match="expiration"):
        answers(rows.drop_columns(["expiration"]))
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        answers([1, 2, 3])
