"""A book of accounts, loaded from tables of other libraries."""

import copy
import pickle
import random
import threading

import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, GPUCredit, GrantRecord, MeteredUsage


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
    assert book.keys() == sorted(accounts) == list(book)
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


@pytest.mark.parametrize("table", [pyarrow.table, polars.DataFrame, lambda c: pandas.DataFrame(c).convert_dtypes()])
def test_a_table_may_have_jobs_and_priorities(table):
    columns = {
        "kind": ["grant", "grant", "usage", "usage", "usage"],
        "account": ["ada"] * 5,
        "amount": [100, 100, 8, 5, 0],
        "timestamp": [0, 0, 3, 3, 2],
        "expiration": [9, 30, None, None, None],
        "until": [None, None, 6, None, 1],
        "priority": [1, None, None, None, None],
    }
    book, account = CreditBook(), GPUCredit()
    book.ingest(table(columns), policy="carry")
    account.extend([GrantRecord("", 100, 0, 9, 1), ("", 100, 0, 30), MeteredUsage(8, 3, 6), (5, 3), MeteredUsage(0, 2, 1)])
    ada = book["ada"]
    assert ada.grants() == account.grants()
    assert [*ada.metered()] == [(1, 0, 2, 1), (0, 8, 3, 6)]
    assert [ada.get_balance(t) for t in range(-1, 32)] == [account.get_balance(t) for t in range(-1, 32)]
    assert ada.get_balance(10) == 100 - 3 * 8 - 5
    job = ada.post_metered(rate=1, start=4, until=5)
    ada.change_metered(job, until=9)
    ada.change_priority(0, priority=-1)
    assert book.get_balance("ada", 10) == 100
    assert book.add_credit("ada", "more", amount=5, timestamp=6, priority=-2) == 2
    for copied in (copy.copy(book), pickle.loads(pickle.dumps(book))):
        assert copied["ada"].metered_usage(job) == (1, 4, 9)
        assert copied["ada"].grants() == ada.grants()


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"until": [5, None]}, ValueError, "row 0 has an expiration and an until: a grant has one"),
        ({"until": [0, None], "expiration": [None, None]}, ValueError, "row 0: the window .* from 0 until 0 contains no"),
        ({"priority": [1, 1]}, ValueError, "row 1 is of kind \"usage\", which has no priority"),
        ({"priority": [2**15, None]}, OverflowError, "the priority of row 0 of 32768 does not fit"),
        ({"amount": [1, 2**62], "until": [None, 9]}, OverflowError, "usage of 4611686018427387904 at each tick"),
        ({"until": [1.5, None]}, TypeError, "until"),
        ({"priority": ["a", None]}, TypeError, "priority"),
    ],
)
def test_what_belongs_to_the_other_kind_is_refused(changed, error, message):
    columns = {"kind": ["grant", "usage"], "account": ["ada"] * 2, "amount": [1, 1], "timestamp": [0, 0], "expiration": [9, None]}
    book = CreditBook()
    with pytest.raises(error, match=message):
        book.ingest(pyarrow.table({**columns, **changed}), policy="carry")
    assert len(book) == 0


def test_an_account_of_a_book_is_posted_to_and_corrected_in_place():
    book = CreditBook()
    book.open("ada", policy="forfeit")
    ada = book["ada"]
    assert isinstance(ada, GPUCredit)
    mistaken = ada.post_grant("twice", amount=10, timestamp=0, expiration=100)
    ada.add_credit("twice", 10, 0, 100)
    assert book.get_balance("ada", 0) == 20
    ada.retract_grant(mistaken)
    ada.subtract(4, 5)
    book["ada"].extend([(1, 5), ("late", 3, 0, 100)])
    ada.subtract_many(amounts=[1], timestamps=[6])
    assert (book.get_balance("ada", 6), ada.get_balance(6), ada.policy) == (7, 7, "forfeit")
    assert book.add_credit("ada", "more", amount=5, timestamp=6) == 3
    job = book.subtract("ada", amount=2, timestamp=7)
    ada.change_usage(job, 1)
    assert book.get_balance("ada", 7) == 11
    assert repr(ada) == "<GPUCredit policy='forfeit': 18 granted in 3 grants, 7 used in 4 records>"
    assert repr(book) == "<CreditBook: 1 accounts>"
    assert min(book.memory_used, ada.memory_used) > 0


def test_a_copy_of_an_account_of_a_book_is_on_its_own():
    book = CreditBook()
    book.open("ada")
    for copied in (copy.copy(book["ada"]), pickle.loads(pickle.dumps(book["ada"]))):
        copied.subtract(1, 5)
        copied.__init__("forfeit")
    assert (book["ada"].used, book["ada"].policy) == (0, "carry")
    with pytest.raises(TypeError, match="account of a book"):
        book["ada"].__init__()


def test_an_account_is_put_under_a_new_name_only():
    """What was posted to the account that stood there, by another thread perhaps, would be lost."""
    book, account = CreditBook(), GPUCredit()
    account.subtract(1, 5)
    book["ada"] = account
    account.subtract(1, 5)
    book["ada"].subtract(10, 5)
    assert (book["ada"].used, account.used) == (11, 2)
    with pytest.raises(ValueError, match="ada"):
        book["ada"] = account
    book["bob"] = book["ada"]
    ada = book["ada"]
    del book["ada"]
    assert ("ada" in book, len(book), book["bob"].used) == (False, 1, 11)
    for call in (lambda: ada.get_balance(5), lambda: ada.subtract(1, 5), lambda: repr(ada)):
        with pytest.raises(KeyError, match="ada"):
            call()


def test_nothing_that_threads_post_through_a_book_is_lost():
    """Of 8,000 usage records that four threads posted through copies, 2,234 were kept."""
    book = CreditBook()
    book.open("ada")

    def post():
        for _ in range(1_000):
            book["ada"].subtract(1, 5)
            book.subtract("ada", amount=1, timestamp=5)

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (book["ada"].used, book["ada"].usage_count) == (8_000, 8_000)


def test_a_copy_has_every_account():
    book = CreditBook()
    book.ingest(TABLES["pyarrow"](list(rows())), policy="carry")
    for copied in (copy.copy(book), copy.deepcopy(book), pickle.loads(pickle.dumps(book))):
        assert copied.keys() == book.keys()
        for name in book:
            assert copied[name].grants() == book[name].grants()
            assert copied.balance_at(name, 100) == book.balance_at(name, 100)


GRANT = ("grant", "ada", "a", 10, 0, 5)


@pytest.mark.parametrize(
    "row, error, message",
    [
        (("usage", "eve", None, 1, 0, None), LookupError, "record 1 is of \"eve\".*with a policy"),
        (("usage", "ada", None, 2**63 - 1, 0, None), None, ""),
        (("grant", "ada", "a", 2**63 - 1, 0, 5), OverflowError, "record 1"),
        (("grant", "ada", "a", 1, 2**63 - 1, 5), OverflowError, "record 1"),
        (("grant", "ada", "a", 1, 0, None), ValueError, "row 1 has no expiration"),
        (("usage", "ada", None, None, 0, None), ValueError, "row 1 has no amount"),
        (("usage", "ada", None, 1, None, None), ValueError, "row 1 has no timestamp"),
        (("usage", None, None, 1, 0, None), ValueError, "row 1 has no account"),
        (("refund", "ada", None, 1, 0, None), ValueError, 'row 1 is of kind "refund"'),
        ((None, "ada", None, 1, 0, None), ValueError, "row 1 has no kind"),
        (("usage", "ada", None, -1, 0, None), ValueError, "row 1 must not be negative"),
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


@pytest.mark.parametrize("table", [TABLES["polars"], TABLES["pandas"], TABLES["pyarrow"]])
def test_columns_of_nothing_but_nulls_are_taken(table):
    """A Polars frame of usage alone, without a type of expiration, was refused."""
    book = CreditBook()
    book.ingest(table([("usage", "ada", None, 1, 0, None)]), policy="carry")
    assert book["ada"].used == 1
    with pytest.raises(ValueError, match="row 0 has no amount"):
        book.ingest(table([("usage", "ada", None, None, 0, None)]))


def test_tables_without_rows_are_taken():
    columns = {name: [] for name in NAMES}
    for table in (polars.DataFrame(columns), pandas.DataFrame(columns), pyarrow.table(columns)):
        book = CreditBook()
        book.ingest(table, policy="carry")
        assert len(book) == 0


def test_usage_needs_no_column_expiration():
    book = CreditBook()
    usage = {"kind": ["usage"], "account": ["ada"], "amount": [1], "timestamp": [0]}
    book.ingest(pyarrow.table(usage), policy="carry")
    assert book["ada"].used == 1
    with pytest.raises(ValueError, match="row 0 has no expiration"):
        book.ingest(pyarrow.table({**usage, "kind": ["grant"]}), policy="carry")


def test_categorical_text_is_taken():
    events = list(rows())
    plain, book = TABLES["pyarrow"](events), CreditBook()
    book.ingest(plain, policy="carry")
    text = ["kind", "account", "credit_id"]
    dictionaries = plain
    for name in text:
        place = dictionaries.column_names.index(name)
        encoded = dictionaries[name].dictionary_encode()
        dictionaries = dictionaries.set_column(place, name, encoded)
    for table in (
        dictionaries,
        pandas_table(events).astype({name: "category" for name in text}),
        TABLES["polars"](events).with_columns(polars.col(name).cast(polars.Categorical) for name in text),
    ):
        other = CreditBook()
        other.ingest(table, policy="carry")
        assert other.keys() == book.keys()
        assert all(other[name].grants() == book[name].grants() for name in book)


def test_names_may_be_categories_of_integers():
    """Integers were names, and categories were, but no categories of integers."""
    usage = {"account": [17, 17, 3], "amount": [1, 2, 4], "timestamp": [0, 0, 0]}
    for table in (
        pandas.DataFrame(usage).astype({"account": "category"}),
        pyarrow.table({**usage, "account": pyarrow.array(usage["account"]).dictionary_encode()}),
    ):
        book = CreditBook()
        book.ingest(table, kind="usage", policy="carry")
        assert {name: book[name].used for name in book} == {"17": 3, "3": 4}


def test_what_is_wrong_with_a_table_is_said_with_the_remedy():
    usage = {"account": ["ada"], "amount": [1], "timestamp": [0]}
    for table, error, message in (
        (pyarrow.table(usage), KeyError, 'no column "kind"; kind="grant" or kind="usage" says it .*: it has account, amount'),
        (polars.LazyFrame(usage), TypeError, r"not LazyFrame: collect\(\) makes one"),
        (usage, TypeError, "not dict: pandas.DataFrame or polars.DataFrame makes one"),
        (pyarrow.table({**usage, "kind": ["usage"], "timestamp": ["2024-01-15"]}), TypeError, r"pandas.to_datetime"),
        (
            pyarrow.table({**usage, "kind": ["usage"], "amount": pyarrow.array([2**63], pyarrow.uint64())}),
            OverflowError,
            'column "amount" has 9223372036854775808, which does not fit',
        ),
        (
            polars.DataFrame({**usage, "kind": ["usage"]}).with_columns(polars.col("amount").cast(polars.Decimal(9, 0))),
            TypeError,
            r"cast\(polars.Int64\)",
        ),
    ):
        with pytest.raises(error, match=message):
            CreditBook().ingest(table, policy="carry")


def test_floats_are_refused_with_the_remedy():
    table = pandas.DataFrame({**columns([GRANT]), "expiration": [5.0]})
    with pytest.raises(TypeError, match=r'astype\("Int64"\)'):
        CreditBook().ingest(table, policy="carry")


def test_errors_of_a_reader_of_batches_keep_their_type():
    """They were a ValueError: "C Data interface error"."""
    table = pyarrow.table(columns([GRANT]))

    def batches():
        yield table.to_batches()[0]
        raise ZeroDivisionError("of the generator")

    book = CreditBook()
    with pytest.raises(ZeroDivisionError, match="of the generator"):
        book.ingest(pyarrow.RecordBatchReader.from_batches(table.schema, batches()), policy="carry")
    assert len(book) == 0
    book.ingest(pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches()), policy="carry")
    assert book["ada"].grant_count == 1
