"""Tables into the store: in one call, as often as one likes."""

import random
from datetime import datetime, timedelta

import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, Ingested
from service import open_store


@pytest.fixture
def store(path):
    with open_store(path) as store:
        yield store


def events(count=2_000, accounts=30, seed=3):
    generator = random.Random(seed)
    for number in range(count):
        is_grant, time = generator.random() < 0.3, generator.randrange(500)
        until = time + 9 if not is_grant and generator.random() < 0.2 else None
        yield {
            "id": f"record {number}",
            "kind": "grant" if is_grant else "usage",
            "account": f"account {generator.randrange(accounts)}",
            "credit_id": "a grant" if is_grant else None,
            "amount": generator.randrange(30),
            "timestamp": time,
            "expiration": generator.randrange(90) if is_grant else None,
            "priority": generator.randrange(3) if is_grant else None,
            "until": until,
        }


def revisions(store):
    return {name: store.revision(name) for name in store.accounts()}


def test_a_table_is_posted_once_however_often_it_is_ingested(store):
    """A cell of a notebook that ran twice doubled everything; one by one, 147,000 rows took 3 minutes."""
    table = pyarrow.Table.from_pylist([*events()])
    names = set(table["account"].to_pylist())
    assert store.ingest(table) == Ingested(posted=2_000, already_posted=0, accounts=len(names))
    assert store.ingest(table) == (0, 2_000, 0)
    for same in (polars.DataFrame(table), pyarrow.Table.from_batches(table.to_batches(max_chunksize=7))):
        assert store.ingest(same) == (0, 2_000, 0)
    more = pyarrow.Table.from_pylist([*events(2_100)])
    assert store.ingest(more)[:2] == (100, 2_000)
    assert store.check() == []
    assert store.history("account 3")[0]["id"] == "open"

    book = CreditBook()
    book.ingest(more, policy="carry")
    copied = store.to_book()
    assert copied.keys() == book.keys() == sorted(store.accounts())
    ask = dict(first=0, last=600)
    assert copied.statements(**ask) == book.statements(**ask)
    assert copied.series(**ask, step=7) == book.series(**ask, step=7)
    some = store.to_book(accounts=["account 1", "account 2", "account 1"])
    assert some.keys() == ["account 1", "account 2"]
    assert some.grants() == book.grants(accounts=some.keys())


def test_a_record_with_other_content_is_refused_and_nothing_is_posted(store):
    table = [*events(50)]
    store.ingest(pyarrow.Table.from_pylist(table[:40]))
    before = revisions(store)
    table[30] = table[30] | {"amount": 31}
    with pytest.raises(ValueError, match="record 30"):
        store.ingest(pyarrow.Table.from_pylist(table))
    assert revisions(store) == before
    too_much = [{"id": "x", "account": "new", "amount": 2**62, "timestamp": 0}, ]
    twice = too_much + [too_much[0] | {"id": "y"}]
    with pytest.raises(OverflowError):
        store.ingest(pyarrow.Table.from_pylist(twice), kind="usage")
    assert "new" not in store.accounts()


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"id": None}, ValueError, "row 1 has no id"),
        ({"kind": "use"}, ValueError, 'row 1 is of kind "use": it is "grant" or "usage"; kind="usage" says so'),
        ({"amount": -1}, ValueError, "the amount of row 1 must not be negative: -1"),
        ({"account": None}, ValueError, "row 1 has no account"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(store, changed, error, message):
    row = {"id": "a", "kind": "usage", "account": "ada", "amount": 1, "timestamp": 0}
    with pytest.raises(error, match=message):
        store.ingest(pyarrow.Table.from_pylist([row | {"id": "b"}, row | changed]))
    with pytest.raises(KeyError, match='no column \\\\?"id'):
        store.ingest(pandas.DataFrame({"account": ["ada"], "amount": [1], "timestamp": [0]}), kind="usage")
    assert store.accounts() == []


def test_accounts_keep_the_policy_they_have(store):
    store.open_account("ada", "forfeit")
    row = {"id": "a", "account": "ada", "amount": 1, "timestamp": 0}
    store.ingest(pyarrow.Table.from_pylist([row, row | {"account": "bob"}]), kind="usage", policy="carry:5")
    assert [store.account(name).policy for name in ("ada", "bob")] == ["forfeit", "carry:5"]


def test_times_and_integer_ids_are_taken(path):
    frame = pandas.DataFrame({
        "id": [1, 2],
        "account": [10, 10],
        "amount": [5, 3],
        "timestamp": [datetime(2024, 1, 15), datetime(2024, 1, 16)],
        "until": [pandas.NaT, datetime(2024, 1, 16, 0, 0, 9)],
    })
    grants = pandas.DataFrame({
        "id": ["g"], "account": [10], "amount": [100], "timestamp": [datetime(2024, 1, 1)], "expiration": [timedelta(days=31)],
    })
    with open_store(path, unit="s") as store:
        store.ingest(frame, kind="usage")
        store.ingest(grants, kind="grant")
        assert store.get_balance("10", datetime(2024, 1, 20)) == 100 - 5 - 3 * 9
        assert store.to_book().unit == "s"


def test_progress_is_reported(store):
    reports = []
    table = pyarrow.Table.from_pylist([*events(100)])
    store.ingest(table, progress=lambda done, of: reports.append((done, of)))
    assert reports == [(100, 100)]

    def tired(done, of):
        raise RuntimeError("enough")

    many = pyarrow.table({"id": range(150_000), "account": ["ada"] * 150_000, "amount": range(150_000), "timestamp": range(150_000)})
    with pytest.raises(RuntimeError, match="enough"):
        store.ingest(many, kind="usage", progress=tired)
    assert "ada" not in store.accounts()
