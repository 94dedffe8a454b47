"""Tables out: of one account and of many, to pandas, Polars and PyArrow."""

import datetime
import random
import time

import numpy
import pandas
import polars
import pyarrow
import pytest
from gpu_credit import CreditBook, GPUCredit, Table

LARGE = 2**53 + 1


def account_of_everything():
    """Grants that are revoked and never end, usage before any grant, a job, a deficit."""
    account = GPUCredit()
    account.subtract(7, -5)
    account.add_credit("trial", 50, 0, 9)
    account.post_grant("for ever", amount=LARGE, timestamp=20, priority=-3)
    account.revoke_grant(account.post_grant("revoked", amount=9, timestamp=5, expiration=90), timestamp=30)
    account.retract_grant(account.post_grant("mistake", amount=9, timestamp=5, expiration=90))
    account.subtract(20, 3)
    account.post_metered(rate=1, start=8, until=25)
    return account


def tables(account):
    return [
        account.balances([30, -7, 3]),
        account.series(first=-7, last=40, step=4),
        account.steps(first=-7, last=40),
        account.usage(),
        account.metered(),
        account.grants(),
        account.draws(),
        account.lapsing(after=6, by=99),
        account.grant_statements(first=5, last=40),
    ]


def book_of(count, seed=1):
    """Accounts with all there is, some packed and some not, and the same accounts alone."""
    generator, book, alone = random.Random(seed), CreditBook(), {}
    for number in range(count):
        name, policy = f"account {number}", generator.choice(["carry", "carry:9", "forfeit"])
        alone[name] = account = GPUCredit(policy)
        for _ in range(generator.randrange(30)):
            time = generator.randrange(100)
            if generator.random() < 0.3:
                account.add_credit(f"grant {time}", generator.randrange(40), time, generator.randrange(40))
            elif generator.random() < 0.1:
                account.post_metered(rate=generator.randrange(3), start=time, until=time + 9)
            else:
                account.subtract(generator.randrange(9), time)
        if account.grant_count > 3:
            account.retract_grant(0)
            account.revoke_grant(1, timestamp=account.grant(1).start)
        book[name] = account
    return book, alone


def test_a_table_reads_the_same_everywhere():
    for table in tables(account_of_everything()):
        rows = [tuple(row) for row in table]
        assert len(rows) == len(table) > 0
        arrow = pyarrow.table(table)
        arrow.validate(full=True)
        assert [tuple(row.values()) for row in arrow.to_pylist()] == rows
        assert polars.DataFrame(table).rows() == rows
        assert list(pandas.DataFrame.from_arrow(table).columns) == table.column_names == arrow.column_names
        for name in table.column_names:
            column = table[name]
            assert (column if isinstance(column, list) else column.tolist()) == arrow[name].to_pylist()


def test_no_number_becomes_a_float():
    """A masked array of balances was rounded in a column of pandas: 2**53 + 1 was 2**53."""
    account = account_of_everything()
    grants, balances = account.grants(), account.balances([40, -5])
    assert grants["amount"].tolist() == [50, LARGE, 9]
    assert pandas.DataFrame.from_arrow(grants)["amount"].tolist() == [50, LARGE, 9]
    assert polars.DataFrame(grants)["revoked_from"].to_list() == [None, None, 30]
    assert balances["balance"].tolist() == [LARGE - 6, None]
    assert pyarrow.table(balances)["balance"].to_pylist() == [LARGE - 6, None]
    assert polars.DataFrame(balances)["balance"].to_list() == [LARGE - 6, None]
    for table in (grants, balances):
        assert "float" not in f"{pyarrow.table(table).schema} {polars.DataFrame(table).schema}".lower()


def test_pandas_keeps_nulls_and_integers_when_it_is_told_its_own_types():
    balances = account_of_everything().balances([40, -5])
    frame = pyarrow.table(balances).to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)
    assert frame["balance"].tolist() == [LARGE - 6, pandas.NA]


def test_rows_and_slices_of_a_table():
    grants = account_of_everything().grants()
    assert isinstance(grants, Table)
    assert grants[0] == grants[-3] == (0, "trial", 50, 0, 9, None, 0)
    assert (grants[1].credit_id, grants[1].priority, grants[1].end) == ("for ever", -3, 2**63 - 1)
    assert [row.number for row in grants[1:]] == [1, 2] == grants[1:]["number"].tolist()
    assert [*grants[5:]] == [*grants[2:1]] == [] and len(grants[:0]) == 0
    assert pyarrow.table(grants[1:]).to_pylist() == pyarrow.table(grants).to_pylist()[1:]
    for place in (3, -4):
        with pytest.raises(IndexError):
            grants[place]
    with pytest.raises(ValueError, match="step"):
        grants[::2]
    with pytest.raises(KeyError, match="there are number, credit_id"):
        grants["id"]


def test_tables_are_equal_if_their_rows_are():
    one, other = account_of_everything(), account_of_everything()
    assert all(map(Table.__eq__, tables(one), tables(other)))
    assert one.usage() != one.grants() != [*one.grants()]
    other.subtract(1, 50)
    assert one.grants() == other.grants() and one.usage() != other.usage()
    assert one.usage() == other.usage(last=49)
    with pytest.raises(TypeError):
        hash(one.grants())


def test_a_table_is_shown():
    account = GPUCredit()
    account.add_credit("<b>&", 5, 0, 9)
    for time in range(12):
        account.subtract(1, time)
    assert repr(account.grants()) == (
        "<Table of 1 rows: number, credit_id, amount, start, end, revoked_from, priority>\n"
        "Row(number=0, credit_id='<b>&', amount=5, start=0, end=9, revoked_from=None, priority=0)"
    )
    assert repr(account.usage()).endswith("Row(timestamp=9, nth=0, amount=1)\n... and 2 rows more")
    html = account.grants()._repr_html_()
    assert "<td>&lt;b&gt;&amp;</td>" in html and "<td></td>" in html and "None" not in html
    assert account.usage()._repr_html_().endswith("... and 2 rows more")


def test_a_table_outlives_its_account_and_is_read_many_times():
    account = account_of_everything()
    table = account.grants()
    first = pyarrow.table(table)
    account.add_credit("later", 1, 0, 5)
    del account
    assert pyarrow.table(table) == first and len(table) == 3
    assert pyarrow.schema(table) == first.schema
    assert pyarrow.RecordBatchReader.from_stream(table).read_all() == first


def test_empty_tables_have_their_columns():
    account, book = GPUCredit(), CreditBook()
    for table in [*tables(account)[3:], book.grants(), book.statements(first=0, last=9), book.draws()]:
        assert len(table) == 0 and [*table] == []
        frame = polars.DataFrame(table)
        assert frame.columns == table.column_names and len(frame) == 0
        assert pandas.DataFrame.from_arrow(table).shape == (0, len(table.column_names))


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_book_answers_as_its_accounts_do(count):
    book, alone = book_of(count)

    def each(ask):
        return [(name, *row) for name in sorted(alone) for row in ask(alone[name])]

    asked = {
        "series": dict(first=0, last=90, step=13),
        "lapsing": dict(after=40, by=80),
        "draws": dict(first=10, last=70),
        "usage": dict(first=10, last=70),
        "grants": {},
        "grant_statements": dict(first=20, last=60),
        "steps": dict(first=20, last=60),
        "metered": {},
    }
    for name, arguments in asked.items():
        assert [*getattr(book, name)(**arguments)] == each(lambda a: getattr(a, name)(**arguments)), name
    low = dict(first=10, last=90, amount=3)
    assert [*book.first_below(**low)] == each(lambda a: [(a.first_below(**low),)])
    assert [*book.first_uncovered(first=5)] == each(lambda a: [(a.first_uncovered(first=5),)])
    assert [*book.spendable(30)] == each(lambda a: [(a.spendable(30),)])
    assert [*book.spendable_rate(start=30, until=50)] == each(lambda a: [(a.spendable_rate(start=30, until=50),)])
    assert [*book.runs_dry(rate=2, start=30)] == each(lambda a: [(a.runs_dry(rate=2, start=30),)])
    assert [*book.balances(book, 30)] == each(lambda a: [(30, *a.balance_at(30))])
    assert book.get_balances(book, 30).tolist() == [alone[name].get_balance(30) for name in sorted(alone)]
    lowest = ((name, a.lowest_balance(first=10, last=90)) for name, a in sorted(alone.items()))
    expected = [(name, *(None,) * 4) if low is None else (name, low[0], *low[1]) for name, low in lowest]
    assert [*book.lowest_balance(first=10, last=90)] == expected


def test_a_book_is_asked_about_some_accounts():
    book, _ = book_of(9)
    names = ["account 7", "account 0"]
    assert list(dict.fromkeys(book.series(first=0, last=1, step=1, accounts=names)["account"])) == names
    assert book.grants(accounts="account 3") == book.grants(accounts=["account 3"])
    assert book.draws(accounts=[]).column_names == book.draws().column_names
    with pytest.raises(KeyError, match="eve"):
        book.grants(accounts=["account 1", "eve"])


def test_balances_tell_a_missing_account_from_a_missing_balance():
    """Both were masked alike."""
    book, alone = book_of(5)
    names, times = ["account 1", "eve", "account 4", "account 1"], [5, 5, 99, 50]
    found = [*book.balances(names, times)]
    assert found == [
        (name, time, *(alone[name].balance_at(time) if name in alone else (None,) * 3))
        for name, time in zip(names, times)
    ]
    assert [row.balance for row in found] == book.get_balances(names, times).tolist()
    with pytest.raises(ValueError, match="lengths"):
        book.balances(names, times[1:])
    assert [row.balance for row in book.balances("account 1", [5, 50])] == [found[0].balance, found[3].balance]
    with pytest.raises(ValueError, match="ticks"):
        CreditBook().spendable_rate(start=5, until=5)


@pytest.mark.parametrize("seed", range(5))
def test_statements_of_periods_add_up(seed):
    book, alone = book_of(40, seed)
    ends = [-1, 20, 21, 55, 200]
    periods = [(first + 1, last) for first, last in zip(ends, ends[1:])]
    statements = [{row.account: row for row in book.statements(first=f, last=l)} for f, l in periods]
    for name, account in alone.items():
        before, deficit = 0, 0
        for (first, last), rows in zip(periods, statements):
            row, grants = rows[name], book.grant_statements(first=first, last=last, accounts=name)
            assert (row.remaining_before, row.deficit_before) == (before, deficit)
            left = row.drawn + row.lapsed + row.forfeited + row.revoked + row.remaining
            assert row.remaining_before + row.granted == left
            assert row.deficit_before + row.used == row.drawn + row.dropped + row.deficit
            assert row.drawn == account.draws(first=first, last=last)["amount"].sum()
            used = account.used_at(last) - account.used_at(first - 1)
            assert (row.used, row.deficit) == (used, account.balance_at(last).deficit)
            for grant in grants:
                assert grant.remaining_before + grant.granted == sum(grant[5:])
            for part in ("granted", "drawn", "lapsed", "forfeited", "revoked", "remaining"):
                assert getattr(row, part) == grants[part].sum()
            before, deficit = row.remaining, row.deficit
        whole = book.statements(first=-(2**63), last=200, accounts=name)[0]
        as_of = account.statement(201)  # The instant after, at which lapses what ends with the period.
        assert (whole.used, whole.drawn, whole.deficit, whole.dropped) == as_of[1:]
        assert (whole.remaining_before, whole.deficit_before) == (0, 0)
        assert whole.lapsed == sum(grant.lapsed for grant in as_of.grants)


def test_a_grant_of_a_month_has_lapsed_in_the_month():
    """It remained, and lapsed in the next month, unlike in the statements of the program, whose test
    `a_statement_is_of_a_month` has the same account."""
    book = CreditBook(unit="s")
    book.open("bio")
    first, last = datetime.date(2026, 11, 1), datetime.date(2026, 12, 31)
    december, january = datetime.date(2026, 12, 1), datetime.date(2027, 1, 1)
    book.add_credit("bio", "bio", amount=100_000, timestamp=first, until=december)
    book.add_credit("bio", "bio", amount=100_000, timestamp=december, until=january)
    book.subtract("bio", amount=5_000, timestamp=datetime.date(2026, 10, 31))
    night = datetime.datetime(2026, 11, 30, 23)
    book["bio"].post_metered(rate=1, start=night, until=night + datetime.timedelta(hours=2))

    def parts(**period):
        rows = book.grant_statements(**period)
        return [(row.credit_id, *row[3:]) for row in rows]

    november = dict(first=first, last=datetime.date(2026, 11, 30))
    assert parts(**november) == [("bio", 0, 100_000, 8_600, 91_400, 0, 0, 0)]
    assert parts(first=december, last=last) == [("bio", 0, 100_000, 3_600, 96_400, 0, 0, 0)]
    row = book.statements(**november)[0]
    assert (row.lapsed, row.remaining, row.deficit_before, row.used) == (91_400, 0, 5_000, 3_600)
    # As of the last second itself it is active, and one second earlier in a period it has not lapsed.
    second = int(datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc).timestamp()) - 1
    assert book["bio"].statement(second).grants[0].remaining == 91_400
    assert book.statements(first=first, last=second - 1)[0].remaining == 91_401
    assert [lapse.timestamp for lapse in book["bio"].lapsing(after=second, by=second + 1)] == [second + 1]


def test_a_period_has_an_instant():
    for ask in (CreditBook().statements, CreditBook().grant_statements, GPUCredit().grant_statements):
        with pytest.raises(ValueError, match="from 5 to 4 contains no instant"):
            ask(first=5, last=4)


def test_a_plan_and_an_account_of_a_book_have_tables():
    book, alone = book_of(3)
    assert tables(book["account 1"])[:6] == tables(alone["account 1"])[:6]
    account = GPUCredit()
    account.add_credit("march", 10, 0, 9)
    plan = account.what_if([(4, 5)])
    assert plan.series(first=5, last=5, step=1)["balance"].tolist() == [6]
    assert account.series(first=5, last=5, step=1)["balance"].tolist() == [10]


def test_plot_draws_a_line_for_each_account():
    pytest.importorskip("matplotlib").use("Agg")
    book, alone = book_of(3)
    axes = book.series(first=0, last=90, step=1).plot()
    assert [line.get_label() for line in axes.lines] == sorted(alone)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == sorted(alone)
    again = alone["account 0"].steps(first=0, last=90).plot(ax=axes, color="red")
    assert again is axes and len(axes.lines) == 4
    expected = [balance for balance in alone["account 1"].series(first=0, last=90, step=1)["balance"].tolist()]
    drawn = [None if numpy.isnan(height) else height for height in axes.lines[1].get_ydata()]
    assert drawn == expected
    with pytest.raises(ValueError, match="no balances over time"):
        book.grants().plot()


def test_pandas_keeps_nulls_and_every_bit_of_a_number():
    """It made floats of a column with a null: 2**53 + 1 became 2**53."""
    account = GPUCredit(unit="s")
    account.add_credit("march", LARGE, 0, 30)
    book = CreditBook(unit="s")
    book["ada"] = account
    times = [0, 31]
    for table in (account.balances(times), book.balances(["ada", "ada"], times), account.balances(times).datetimes()):
        frame = pandas.DataFrame.from_arrow(table)
        assert str(frame["balance"].dtype) == "Int64"
        assert frame["balance"][0] == LARGE and frame["balance"][1] is pandas.NA
        assert str(frame["deficit"].dtype) in ("int64", "Int64")
    lowest = pandas.DataFrame.from_arrow(book.lowest_balance(first=0, last=60))
    assert str(lowest["timestamp"].dtype) == "Int64"
    lowest = pandas.DataFrame.from_arrow(book.lowest_balance(first=0, last=60).datetimes(timezone=None))
    assert lowest["timestamp"][0] == pandas.Timestamp(0)


def test_many_answers_of_what_is_not_settled_replay_it_once():
    """Each row replayed it: 300,000 of them took minutes, and with them whoever waited, a fork for one."""
    generator, first, last = random.Random(1), 0, 100_000
    account = GPUCredit()
    account.extend([("grant", 500, generator.randrange(last), generator.randrange(5_000)) for _ in range(20_000)])
    account.extend([(generator.randrange(500), generator.randrange(last)) for _ in range(20_000)])
    account.settle()
    book, plan = CreditBook(), account.what_if([(5, 5)])
    book["ada"] = account
    days = dict(first=first, last=last, step=1)

    def disturb():
        late = numpy.ones(5_000, dtype="int64")
        account.subtract_many(amounts=late, timestamps=late)
        book["ada"].subtract_many(amounts=late, timestamps=late)

    def seconds(call):
        disturb()
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    account.settle()
    times = numpy.arange(last)
    for call in (
        lambda: account.series(**days),
        lambda: account.get_balances(times),
        lambda: plan.series(**days),
        lambda: plan.get_balances(times),
        lambda: book.series(**days),
        lambda: book.series(**days, accounts=["ada"]),
        lambda: book.balances(["ada"] * last, times),
        lambda: book.get_balances(["ada"] * last, times),
    ):
        assert seconds(call) < 5
    assert plan.series(**days)["balance"].tolist() == account.what_if([(5, 5)]).get_balances(range(last + 1)).tolist()
    assert book.series(**days)["balance"].tolist() == account.series(**days)["balance"].tolist()
