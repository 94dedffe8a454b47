"""Datetimes and lengths of time in and out: exact, or an error that says where."""

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy
import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, CreditStore, GPUCredit, GrantRecord, MeteredUsage
from service import Service, open_store

STEPS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
NOON = 1_705_320_000  # 2024-01-15T12:00:00Z
DAY = 86_400

BERLIN = ZoneInfo("Europe/Berlin")
NOONS = [
    datetime(2024, 1, 15, 12),
    datetime(2024, 1, 15, 12, tzinfo=UTC),
    datetime(2024, 1, 15, 13, tzinfo=BERLIN),
    datetime(2024, 1, 15, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    numpy.datetime64("2024-01-15T12"),
    numpy.datetime64("2024-01-15T12:00:00.000000000"),
    pandas.Timestamp("2024-01-15T12:00"),
    pandas.Timestamp("2024-01-15T13:00", tz="Europe/Berlin"),
    pandas.Timestamp("2024-01-15T12:00").as_unit("s"),
    polars.Series([datetime(2024, 1, 15, 12)])[0],
]


@pytest.mark.parametrize("unit", STEPS)
@pytest.mark.parametrize("noon", NOONS, ids=repr)
def test_an_instant_is_exact_in_every_unit(unit, noon):
    account = GPUCredit(unit=unit)
    assert account.unit == unit
    assert account.next_usage_id(noon).timestamp == NOON * STEPS[unit]


def test_times_before_1970_and_of_summer():
    account = GPUCredit(unit="s")
    at = lambda time: account.next_usage_id(time).timestamp
    assert at(datetime(1969, 12, 31, 23, 59, 59)) == at(numpy.datetime64("1969-12-31T23:59:59")) == -1
    assert at(date(1969, 12, 31)) == -DAY
    # The hour that summer time ends comes twice.
    first = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)
    assert at(first.replace(fold=1)) - at(first) == 3_600
    assert at(pandas.Timestamp(first)) == at(first)
    assert at(numpy.datetime64("2024-02")) == at(date(2024, 2, 1)) == at(numpy.datetime64("2024-02-01"))


@pytest.mark.parametrize(
    "time",
    [
        datetime(2024, 1, 15, 12, 0, 0, 500_000),
        numpy.datetime64("2024-01-15T12:00:00.5"),
        pandas.Timestamp("2024-01-15T12:00:00.5"),
    ],
)
def test_what_is_no_whole_number_of_units_is_refused(time):
    with pytest.raises(ValueError, match=r"2024-01-15T12:00:00\.5Z is not a whole number of s.*round it first"):
        GPUCredit(unit="s").subtract(1, time)
    GPUCredit(unit="ms").subtract(1, time)
    with pytest.raises(ValueError, match="12:00:00.000000001Z is not a whole number of us"):
        GPUCredit(unit="us").get_balance(pandas.Timestamp("2024-01-15T12:00:00.000000001"))


def test_what_does_not_fit_or_is_no_time_is_refused():
    account = GPUCredit(unit="ns")
    with pytest.raises(OverflowError, match="does not fit into 64 bits of ns"):
        account.subtract(1, datetime(2500, 1, 1))
    with pytest.raises(OverflowError, match="does not fit"):
        GPUCredit(unit="ns").get_balances(numpy.array(["2500-01-01"], dtype="M8[D]"))
    for nat in (pandas.NaT, numpy.datetime64("NaT")):
        with pytest.raises((ValueError, TypeError)):
            account.subtract(1, nat)
    for wrong in (timedelta(1), "2024-01-15", 1.5, numpy.timedelta64(1, "s"), None):
        with pytest.raises(TypeError):
            account.subtract(1, wrong)
    for wrong in (datetime(2024, 1, 1), numpy.datetime64("2024-01-01"), date(2024, 1, 1)):
        with pytest.raises(TypeError):
            account.add_credit("a", 1, 0, wrong)
    with pytest.raises(ValueError, match="expected s, ms, us or ns"):
        GPUCredit(unit="h")
    assert (account.used, account.granted) == (0, 0)


def test_without_a_unit_a_datetime_is_refused_with_the_remedy(tmp_path):
    account, book = GPUCredit(), CreditBook()
    book.open("ada")
    with CreditStore(tmp_path / "credit.redb") as store:
        store.open_account("ada")
        for ask in (
            account.get_balance,
            lambda time: account.get_balances([time]),
            lambda time: account.get_balances(numpy.array([time])),
            lambda time: book.get_balance("ada", time),
            lambda time: store.get_balance("ada", time),
            lambda time: account.extend([(1, time)]),
        ):
            with pytest.raises(TypeError, match='unit="s"|interpreted as an integer'):
                ask(datetime(2024, 1, 15))
    assert account.unit is None


def test_a_grant_of_a_month_and_a_length_of_time():
    """A month was expiration = stop - start - 1, and everyone forgot the 1."""
    account, start, until = GPUCredit(unit="s"), date(2024, 2, 1), date(2024, 3, 1)
    account.post_grant("february", amount=10, timestamp=start, until=until)
    account.add_credit("an hour", 5, datetime(2024, 2, 1), timedelta(hours=1))
    account.add_credit("an hour", 5, numpy.datetime64("2024-02-01"), pandas.Timedelta("1h"))
    account.add_credit("an hour", 5, pandas.Timestamp("2024-02-01"), numpy.timedelta64(60, "m"))
    first, *hours = account.grants()
    assert first.end == account.next_usage_id(until).timestamp - 1 == first.start + 29 * DAY - 1
    assert [hour.end - hour.start for hour in hours] == [3_600] * 3
    assert account.get_balance(datetime(2024, 2, 29, 23, 59, 59)) == 10
    assert account.get_balance(until) is None
    for wrong, error in (({"until": start}, ValueError), ({"until": until, "expiration": 5}, ValueError)):
        with pytest.raises(error, match="until"):
            account.post_grant("a", amount=1, timestamp=start, **wrong)
    with pytest.raises(ValueError, match="not be negative"):
        account.add_credit("a", 1, start, timedelta(seconds=-1))
    account.change_expiration(0, expiration=timedelta(days=1))
    account.revoke_grant(1, timestamp=datetime(2024, 2, 1, 0, 30))
    assert account.grant(0).end == first.start + DAY
    assert account.grant(1).revoked_from == first.start + 1_800


def test_a_date_is_a_whole_day_as_the_end_of_a_range():
    account = GPUCredit(unit="ms")
    for hour in range(49):
        account.subtract(1, datetime(2024, 1, 30) + timedelta(hours=hour))
    day = dict(first=date(2024, 1, 31), last=date(2024, 1, 31))
    assert len(account.usage(**day)) == 24
    assert len(account.usage(first=day["first"], last=datetime(2024, 1, 31))) == 1
    with pytest.raises(TypeError):
        account.usage(first=1.5)


COLUMNS = {
    "list": lambda times: times,
    "dates of pandas": lambda times: pandas.Series(times),
    "index of pandas": lambda times: pandas.DatetimeIndex(times),
    "in Berlin": lambda times: pandas.Series(times).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
    "numpy": lambda times: numpy.array(times, dtype="M8[ms]"),
    "seconds": lambda times: numpy.array(times, dtype="M8[s]"),
    "hours": lambda times: numpy.array(times, dtype="M8[h]"),
    "objects": lambda times: numpy.array(times, dtype=object),
    "polars": lambda times: polars.Series(times),
    "strided": lambda times: numpy.repeat(numpy.array(times, dtype="M8[us]"), 2)[::2],
}


@pytest.mark.parametrize("unit", STEPS)
@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_a_column_of_times_is_exact(unit, make):
    times = [datetime(2024, 1, 15, hour) for hour in (12, 9, 17)]
    exact = [int(time.replace(tzinfo=UTC).timestamp()) * STEPS[unit] for time in times]
    account = GPUCredit(unit=unit)
    account.subtract_many(amounts=[1, 2, 4], timestamps=make(times))
    assert account.usage()["timestamp"].tolist() == sorted(exact)
    account.add_credits("a", amounts=[9] * 3, timestamps=make(times), expirations=[5, 6, 7])
    assert account.grants()["start"].tolist() == exact
    account.post_metered_many(rates=[1] * 3, starts=make(times), untils=make(times))
    assert account.metered()["until"].tolist() == sorted(exact)
    assert account.balances(make(times))["timestamp"].tolist() == exact
    assert account.get_balances(make(times)).tolist() == account.get_balances(exact).tolist()
    book = CreditBook(unit=unit)
    book["ada"] = account
    assert book.balances("ada", make(times))["timestamp"].tolist() == exact


def test_a_column_that_is_not_exact_names_the_row():
    account = GPUCredit(unit="s")
    times = numpy.array(["2024-01-15T12:00:00.000", "2024-01-15T12:00:00.250"], dtype="M8[ms]")
    for column in (times, pandas.Series(times), polars.Series(times), [*times], times.astype(object)):
        with pytest.raises(ValueError, match=r"record 1, counted from 0: 2024-01-15T12:00:00\.25Z is not a whole"):
            account.get_balances(column)
    missing = numpy.array(["2024-01-15", "NaT"], dtype="M8[s]")
    for column in (missing, pandas.Series(missing)):
        with pytest.raises(ValueError, match="record 1, counted from 0: NaT"):
            account.get_balances(column)
    for column in (numpy.array([1, 2], dtype="m8[s]"), numpy.array([5], dtype="M8[ps]")):
        with pytest.raises(TypeError):
            account.get_balances(column)
    lengths = numpy.array([1, 2], dtype="m8[h]")
    account.add_credits("a", amounts=[1, 1], timestamps=[0, 0], expirations=lengths)
    assert account.grants()["end"].tolist() == [3_600, 7_200]
    with pytest.raises(ValueError, match="expiration of record 1, counted from 0, must not be negative"):
        account.add_credits("a", amounts=[1, 1], timestamps=[0, 0], expirations=lengths * [1, -1])


def test_records_jobs_and_plans_take_times():
    account, noon = GPUCredit(unit="s"), datetime(2024, 1, 15, 12)
    account.extend([
        ("a", 100, noon, timedelta(days=1)),
        GrantRecord("b", 5, noon, timedelta(hours=1), priority=1),
        (4, noon + timedelta(minutes=1)),
        MeteredUsage(1, noon, noon + timedelta(seconds=9)),
    ])
    assert (account.used, account.granted) == (13, 105)
    job = account.post_metered(rate=2, start=noon, until=noon + timedelta(seconds=5))
    account.change_metered(job, until=noon + timedelta(seconds=2))
    assert account.metered_usage(job) == (2, NOON, NOON + 2)
    plan = account.what_if(
        [(1, noon)],
        change_metered={job: MeteredUsage(1, noon, noon + timedelta(seconds=1))},
        change_expirations={0: timedelta(0)},
        revoke_grants={1: noon + timedelta(minutes=30)},
    )
    assert plan.unit == "s"
    assert plan.used == 15 and plan.grant(0).end == NOON
    assert account.balance_if((100, noon), noon + timedelta(days=1)).balance is None


def test_a_table_with_times_is_posted_exactly():
    times = [datetime(2024, 1, 15, 12), datetime(2024, 1, 15, 13), datetime(2024, 1, 15, 14)]
    columns = {
        "kind": ["grant", "usage", "usage"],
        "account": [7, 7, 8],
        "amount": [100, 30, 2],
        "timestamp": times,
        "expiration": [timedelta(hours=2), None, None],
        "until": [None, None, datetime(2024, 1, 15, 14, 0, 5)],
    }
    frame = pandas.DataFrame(columns)
    tables = {
        "pandas": frame,
        "pandas in Berlin": frame.assign(timestamp=frame["timestamp"].dt.tz_localize("UTC").dt.tz_convert(BERLIN)),
        "polars": polars.DataFrame(columns),
        "pyarrow": pyarrow.table(columns),
        "seconds": pyarrow.table(columns).set_column(3, "timestamp", pyarrow.array(times, pyarrow.timestamp("s"))),
        "date64": pyarrow.table(columns).set_column(
            3, "timestamp", pyarrow.array(times, pyarrow.timestamp("ns", "Asia/Tokyo"))
        ),
    }
    for name, table in tables.items():
        for unit, steps in STEPS.items():
            book = CreditBook(unit=unit)
            book.ingest(table, policy="carry")
            assert [*book.grants()] == [("7", 0, "", 100, NOON * steps, (NOON + 7_200) * steps, None, 0)], name
            assert [*book.usage()] == [("7", (NOON + 3_600) * steps, 0, 30)]
            assert [*book["8"].metered()] == [(0, 2, (NOON + 7_200) * steps, (NOON + 7_205) * steps)]
    with pytest.raises(TypeError, match='unit="s"'):
        CreditBook().ingest(frame, policy="carry")


def test_a_table_of_dates():
    days = pyarrow.array([date(2024, 2, 1), date(2024, 3, 1)])
    for column in (days, days.cast(pyarrow.date64()), pyarrow.array(days.to_pandas())):
        grants = pyarrow.table({"account": ["ada"], "amount": [1], "timestamp": column[:1], "until": column[1:]})
        book = CreditBook(unit="s")
        book.ingest(grants, kind="grant", policy="carry")
        start = int(datetime(2024, 2, 1, tzinfo=UTC).timestamp())
        assert (book["ada"].grant(0).start, book["ada"].grant(0).end) == (start, start + 29 * DAY - 1)


def test_a_table_that_is_not_exact_names_row_and_value():
    def refused(error, message, **changed):
        table = pyarrow.table({"account": ["ada"] * 2, "amount": [1, 1], "timestamp": [0, 0]} | changed)
        book = CreditBook(unit="s")
        with pytest.raises(error, match=message):
            batches = table.to_batches(max_chunksize=1)
            book.ingest(pyarrow.Table.from_batches(batches), kind="usage", policy="carry")
        assert len(book) == 0

    half = datetime(2024, 1, 15, 12, 0, 0, 500_000)
    message = r'row 1 of column "timestamp": 2024-01-15T12:00:00\.5Z is not a whole number of s'
    refused(ValueError, message, timestamp=[datetime(2024, 1, 15), half])
    refused(ValueError, "row 1 has no timestamp", timestamp=[datetime(2024, 1, 15), None])
    refused(TypeError, '"timestamp" is of Duration.*instants are expected', timestamp=[timedelta(1), timedelta(2)])
    refused(TypeError, '"amount" is of Duration.*integers are expected', amount=[timedelta(1), timedelta(2)])
    late = pyarrow.array([0, 2**62], pyarrow.timestamp("s"))
    book = CreditBook(unit="ms")
    with pytest.raises(OverflowError, match='row 1 of column "timestamp".*does not fit'):
        book.ingest(pyarrow.table({"account": ["a"] * 2, "amount": [1, 1], "timestamp": late}), kind="usage")


def test_tables_have_datetimes_on_request():
    account = GPUCredit(unit="ms")
    account.post_grant("for ever", amount=5, timestamp=datetime(2024, 1, 15, 12))
    account.add_credit("march", 5, datetime(2024, 1, 15, 12), timedelta(hours=1))
    table = account.grants().datetimes()
    assert table.unit == "ms"
    assert pyarrow.table(table).schema.field("start").type == pyarrow.timestamp("ms", "UTC")
    noon = datetime(2024, 1, 15, 12, tzinfo=UTC)
    assert pyarrow.table(table)["end"].to_pylist() == [None, noon + timedelta(hours=1)]
    assert polars.DataFrame(table)["start"].to_list() == [noon] * 2
    assert pandas.DataFrame.from_arrow(table)["start"].tolist() == [pandas.Timestamp(noon)] * 2
    berlin = account.grants().datetimes(timezone="Europe/Berlin")
    assert pyarrow.table(berlin)["start"].to_pylist()[0].hour == 13
    naive = account.grants().datetimes(timezone=None)
    assert pyarrow.table(naive)["start"].to_pylist() == [noon.replace(tzinfo=None)] * 2
    assert naive["start"].dtype == "M8[ms]" and naive[1].end == datetime(2024, 1, 15, 13)
    assert table != naive and naive == account.grants().datetimes(timezone=None)
    assert "2024" in repr(naive) and "2024" in naive._repr_html_()


def test_text_is_no_instant_and_the_message_has_the_remedy():
    """It was: 'str' object cannot be interpreted as an integer."""
    account = GPUCredit(unit="s")
    for ask in (
        lambda: account.get_balance("2024-01-15"),
        lambda: account.series(first=NOON, last="2024-01-15", step=1),
    ):
        with pytest.raises(TypeError, match="not str; datetime.fromisoformat and pandas.Timestamp read text"):
            ask()
    with pytest.raises(TypeError, match="an instant is an integer, or a datetime .*, not Period"):
        account.get_balance(pandas.Period("2024-01"))


def test_a_time_zone_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match='no time zone "Mars/Phobos"'):
        GPUCredit(unit="s").grants().datetimes(timezone="Mars/Phobos")


def test_a_table_without_a_unit_is_told_one():
    account = GPUCredit()
    account.subtract(1, NOON)
    with pytest.raises(ValueError, match='give unit="s"'):
        account.usage().datetimes()
    assert account.usage().datetimes(unit="s")["timestamp"].tolist() == [datetime(2024, 1, 15, 12)]
    with pytest.raises(ValueError, match="count s, not ms"):
        GPUCredit(unit="s").usage().datetimes(unit="ms")


def test_copies_and_books_keep_the_unit():
    account, book = GPUCredit(unit="us"), CreditBook(unit="us")
    for copied in (copy.copy(account), copy.deepcopy(account), pickle.loads(pickle.dumps(account))):
        assert copied.unit == "us"
    book["ada"] = account
    assert (book["ada"].unit, pickle.loads(pickle.dumps(book)).unit) == ("us", "us")
    with pytest.raises(ValueError, match="counts s, and the book us"):
        book["bob"] = GPUCredit(unit="s")
    book["eve"] = GPUCredit()
    assert book["eve"].unit == "us"
    account.__init__()
    assert account.unit is None


def test_a_store_has_a_unit(path):
    noon = datetime(2024, 1, 15, 12)
    with open_store(path, unit="s") as store:
        store.open_account("ada")
        store.add_credit("ada", "invoice-1", "january", amount=100, timestamp=noon, until=date(2024, 2, 1))
        store.subtract("ada", "job-1", amount=4, timestamp=noon + timedelta(hours=1))
        store.run("ada", "job-2", rate=1, start=noon, until=noon + timedelta(seconds=9))
        assert store.stop("ada", "job-2", at=noon + timedelta(seconds=5))
        store.change_metered("ada", "later", "job-2", until=noon + timedelta(seconds=6))
        assert store.get_balance("ada", date(2024, 1, 31)) == 90
        assert store.balance_at("ada", noon).balance == 99
        assert store.spendable("ada", noon) == 90
        assert store.first_uncovered("ada", first=noon) is None
        account = store.account("ada")
        assert account.unit == "s" and account.grant(0).start == NOON
    with open_store(path) as store:
        assert store.get_balance("ada", noon) == 99
        with pytest.raises(ValueError, match="s, "):
            store.set_time_unit("ms")
    if isinstance(path, Service):
        return
    with pytest.raises(ValueError, match="s, "):
        CreditStore(path, unit="ms")
