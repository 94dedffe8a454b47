"""A book of accounts, loaded from tables of other libraries."""

import copy
import pickle
import random

import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, GPUCredit


def rows(seed=1, count=3_000, accounts=50):
    generator = random.Random(seed)
    for _ in range(count):
        account, time = f"account {generator.randrange(accounts)}", generator.randrange(200)
        if generator.random() < 0.4:
            yield "grant", account, "a grant", generator.randrange(30), time, generator.randrange(60)
        else:
            yield "usage", account, None, generator.randrange(9), time, None


NAMES = ("kind", "account", "credit_id", "amount", "timestamp", "expiration")


def columns(events):
    return dict(zip(NAMES, map(list, zip(*events))))


def pandas_table(events):
    table = pandas.DataFrame(columns(events))
    return table.astype({"expiration": "Int64", "credit_id": "string", "kind": "string", "account": "string"})


TABLES = {
    "pyarrow": lambda events: pyarrow.table(columns(events)),
    "polars": lambda events: polars.DataFrame(columns(events)),
    "pandas": pandas_table,
    "narrow": lambda events: polars.DataFrame(columns(events)).with_columns(
        polars.col("amount").cast(polars.UInt8), polars.col("timestamp").cast(polars.Int16)
    ),
    "in batches": lambda events: pyarrow.Table.from_batches(
        pyarrow.table(columns(events)).to_batches(max_chunksize=7)
    ),
}


def one_by_one(events, policy="carry"):
    accounts = {}
    for kind, account, credit_id, amount, timestamp, expiration in events:
        ledger = accounts.setdefault(account, GPUCredit(policy))
        if kind == "grant":
            ledger.add_credit(credit_id, amount, timestamp, expiration)
        else:
            ledger.subtract(amount, timestamp)
    return accounts


@pytest.mark.parametrize("policy", ["carry", "forfeit"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_book_answers_as_its_accounts_do(table, policy):
    events = list(rows())
    book, accounts = CreditBook(), one_by_one(events, policy)
    book.ingest(table(events[:2_000]), policy=policy)
    book.ingest(table(events[2_000:]), policy=policy)
    assert book.names() == sorted(accounts) == list(book)
    assert len(book) == len(accounts)
    for name, account in accounts.items():
        assert book[name].grants() == account.grants()
        for time in range(0, 250, 7):
            assert book.balance_at(name, time) == account.balance_at(time)
            assert book.get_balance(name, time) == account.get_balance(time)
    for time in (10, 100, 200):
        balances = [account.get_balance(time) for account in accounts.values()]
        names = [*accounts, "nobody"]
        assert book.get_balances(names, [time] * len(names)).tolist() == balances + [None]
        assert book.total_at(time).balance == sum(balance or 0 for balance in balances)


def test_an_account_is_taken_out_corrected_and_put_back():
    book = CreditBook()
    book.open("ada", policy="forfeit")
    account = book["ada"]
    mistaken = account.post_grant("twice", amount=10, timestamp=0, expiration=100)
    account.add_credit("twice", 10, 0, 100)
    assert book.get_balance("ada", 0) is None  # It was a copy.
    book["ada"] = account
    assert book.get_balance("ada", 0) == 20
    account.retract_grant(mistaken)
    book["ada"] = account
    assert (book.get_balance("ada", 0), book["ada"].policy) == (10, "forfeit")
    book["bob"] = account
    assert (len(book), "bob" in book) == (2, True)
    del book["bob"]
    assert "bob" not in book
    assert repr(book) == "<CreditBook: 1 accounts>"
    assert book.memory_used > 0


def test_a_copy_has_every_account():
    book = CreditBook()
    book.ingest(TABLES["pyarrow"](list(rows())), policy="carry")
    for copied in (copy.copy(book), copy.deepcopy(book), pickle.loads(pickle.dumps(book))):
        assert copied.names() == book.names()
        for name in book:
            assert copied[name].grants() == book[name].grants()
            assert copied.balance_at(name, 100) == book.balance_at(name, 100)


GRANT = ("grant", "ada", "a", 10, 0, 5)


@pytest.mark.parametrize(
    "row, error, message",
    [
        (("usage", "eve", None, 1, 0, None), LookupError, "row|record 1"),
        (("usage", "ada", None, 2**63 - 1, 0, None), None, ""),
        (("grant", "ada", "a", 2**63 - 1, 0, 5), OverflowError, "record 1"),
        (("grant", "ada", "a", 1, 2**63 - 1, 5), OverflowError, "record 1"),
        (("grant", "ada", "a", 1, 0, None), ValueError, "row 1 has no expiration"),
        (("usage", "ada", None, None, 0, None), ValueError, "row 1 has no amount"),
        (("usage", "ada", None, 1, None, None), ValueError, "row 1 has no timestamp"),
        (("usage", None, None, 1, 0, None), ValueError, "row 1 has no account"),
        (("refund", "ada", None, 1, 0, None), ValueError, "row 1 has no kind"),
        ((None, "ada", None, 1, 0, None), ValueError, "row 1 has no kind"),
        (("usage", "ada", None, -1, 0, None), ValueError, "row 1 is not negative"),
    ],
)
def test_a_load_is_all_or_nothing(row, error, message):
    book = CreditBook()
    book.open("ada")
    table = pyarrow.table(columns([GRANT, row]))
    if error is None:
        book.ingest(table)
        assert book["ada"].used == row[3]
        return
    with pytest.raises(error, match=message):
        book.ingest(table)
    assert (book["ada"].grant_count, book["ada"].usage_count) == (0, 0)


def test_what_was_opened_for_a_load_that_fails_is_closed_again():
    book = CreditBook()
    late = ("grant", "bob", "b", 1, 2**63 - 1, 5)
    with pytest.raises(OverflowError):
        book.ingest(pyarrow.table(columns([GRANT, late])), policy="carry")
    assert len(book) == 0


def test_what_is_not_there():
    book = CreditBook()
    for ask in (
        lambda: book.get_balance("eve", 0),
        lambda: book.balance_at("eve", 0),
        lambda: book["eve"],
        lambda: book.__delitem__("eve"),
        lambda: book.ingest(pyarrow.table({"kind": ["usage"]})),
    ):
        with pytest.raises(KeyError):
            ask()
    book.open("ada")
    with pytest.raises(ValueError, match="ada"):
        book.open("ada")
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        book.ingest({"kind": ["usage"]})
    with pytest.raises(TypeError, match="amount"):
        book.ingest(pyarrow.table(columns([GRANT])).set_column(3, "amount", pyarrow.array([1.5])))
    with pytest.raises(ValueError, match="lengths"):
        book.get_balances(["ada"], [1, 2])


def test_progress_is_reported():
    reports = []
    usage = [("usage", "ada", None, 1, time, None) for time in range(150_000)]
    table = pyarrow.table(columns([GRANT, *usage]))
    CreditBook().ingest(table, policy="carry", progress=lambda *report: reports.append(report))
    assert reports == [(100_000, None), (150_001, 150_001)]
