"""What the documents show is run: the README, the recipe for a notebook, and the examples."""

import importlib.util
import os
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, CreditStore

import classic

CRATE = Path(__file__).parents[1]
REPOSITORY = CRATE.parents[1]
DAY = timedelta(days=1)
DATA = os.environ.get("GPU_CREDIT_DATA")
START = datetime(2024, 1, 1)


def blocks(document):
    return re.findall(r"^```python\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", ["crates/gpu-credit-python/README.md", "README.md", "docs/recipes/notebook.md"])
def test_python_in_a_document_runs(document, tmp_path, monkeypatch):
    found = blocks(REPOSITORY / document)
    assert found
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    names = {}
    for block in found:
        exec(compile(block, document, "exec"), names)


def example(name):
    spec = importlib.util.spec_from_file_location(name, CRATE / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_draws(tmp_path):
    pytest.importorskip("matplotlib")
    gallery = example("gallery")
    gallery.draw(gallery.month(), tmp_path / "balance.png")
    assert (tmp_path / "balance.png").stat().st_size > 10_000


def sample():
    month_end = example("month_end")
    return pandas.read_csv(month_end.SAMPLE, parse_dates=["timestamp"])


def trace(name):
    """A trace of real usage, with datetimes, as its users would have it."""
    if DATA is None:
        pytest.skip("GPU_CREDIT_DATA does not say where the traces are")
    usage = pandas.read_csv(Path(DATA) / "usage" / f"{name}.csv.gz", usecols=["account", "amount", "timestamp"])
    usage["timestamp"] = START + pandas.to_timedelta(usage["timestamp"], unit="s")
    return usage.assign(id=[f"row-{number}" for number in range(len(usage))])


USAGE = {"sample": sample, "philly": lambda: trace("philly_gpu"), "servegen": lambda: trace("servegen_tokens")}


@pytest.mark.parametrize("usage", USAGE.values(), ids=USAGE)
def test_a_month_end_without_conversions_or_loops(usage):
    """It took five conversions of datetimes, loops over accounts, and the difference of two statements."""
    month_end, usage = example("month_end"), usage()
    grants = month_end.grants_of(usage, START.date(), months=2)
    tables = month_end.month_end(usage, grants, date(2024, 1, 1))
    january = usage[usage["timestamp"] < datetime(2024, 2, 1)]
    accounts = sorted(usage["account"].unique())

    # Against the frames that were ingested.
    statements = tables["statements"].set_index("account")
    assert list(statements.index) == accounts
    used = january.groupby("account")["amount"].sum().reindex(accounts, fill_value=0)
    assert statements["used"].tolist() == used.tolist()
    granted = grants[grants["timestamp"] == START].set_index("account")["amount"].reindex(accounts)
    assert statements["granted"].tolist() == granted.tolist()
    assert (statements["used"] == statements["drawn"] + statements["dropped"] + statements["deficit"]).all()
    went = ["drawn", "lapsed", "forfeited", "revoked", "remaining"]
    assert (statements["granted"] == statements[went].sum(axis=1)).all()
    by_grant = tables["grants"].groupby("account")[["granted", *went]].sum()
    assert by_grant.equals(statements[["granted", *went]])
    # What would lapse if nobody used anything in the last week. It ended with the month, and so it was empty.
    lapses = tables["lapses in a week"].groupby("account")["amount"].sum()
    lapsed = statements["lapsed"]
    assert (lapses.reindex(accounts, fill_value=0) >= lapsed).all()
    paid = tables["paid by month"].reset_index()
    paid = paid[paid["month"] == pandas.Period("2024-01")].groupby("account")["amount"].sum()
    assert paid.reindex(accounts, fill_value=0).tolist() == statements["drawn"].tolist()

    # Against a replay in plain Python, for some accounts.
    balances = tables["balances"]
    assert len(balances) == 31 * len(accounts)
    ran_out = dict(zip(tables["ran out"]["account"], tables["ran out"]["timestamp"]))
    for account in accounts[:: max(1, len(accounts) // 8)]:
        replay = classic.GPUCredit()
        for grant in grants[grants["account"] == account].itertuples():
            replay.add_credit("", grant.amount, grant.timestamp, grant.until - grant.timestamp - timedelta(seconds=1))
        own = january[january["account"] == account].sort_values("timestamp", kind="stable")
        for row in own.itertuples():
            replay.subtract(row.amount, row.timestamp)
        days = balances[balances["account"] == account]
        for row in days.iloc[[0, 10, 30]].itertuples():
            answer = replay.balance_at(row.timestamp)
            assert (None if pandas.isna(row.balance) else row.balance, row.status, row.deficit) == answer
        budget = granted[account]
        beyond = own[own["amount"].cumsum() > budget]
        assert ran_out.get(account) == (beyond["timestamp"].iloc[0] if len(beyond) else None)


@pytest.mark.parametrize("usage", USAGE.values(), ids=USAGE)
def test_a_month_end_is_the_same_from_every_library_and_from_the_store(usage, tmp_path):
    month_end, usage = example("month_end"), usage()
    grants = month_end.grants_of(usage, START.date(), months=2)
    month = dict(first=date(2024, 1, 1), last=date(2024, 1, 31))
    makes = {
        "pandas": lambda table: table,
        "polars": polars.from_pandas,
        "pyarrow": lambda table: pyarrow.Table.from_pandas(table, preserve_index=False),
        "time zones": lambda table: table.assign(
            **{
                name: table[name].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
                for name in table
                if str(table[name].dtype).startswith("datetime64")
            }
        ),
        "categories": lambda table: table.astype({"account": "category"}),
    }
    statements = []
    for make in makes.values():
        book = CreditBook(unit="s")
        book.ingest(make(grants), kind="grant", policy="carry")
        book.ingest(make(usage), kind="usage", policy="carry")
        statements.append(book.statements(**month))
    assert all(found == statements[0] for found in statements)
    with CreditStore(tmp_path / "credit.redb", unit="s") as store:
        rows = len(usage)
        for _ in range(2):
            store.ingest(grants.assign(id=grants["account"].astype(str) + " " + grants["credit_id"]), kind="grant")
            ingested = store.ingest(usage, kind="usage")
        assert ingested == (0, rows, 0)
        assert store.to_book().statements(**month) == statements[0]
