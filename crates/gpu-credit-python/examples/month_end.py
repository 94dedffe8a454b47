"""The month end of many accounts: usage as a data frame in, statements as data frames out.

    pip install pandas pyarrow
    python examples/month_end.py [usage.csv [folder]]

The usage has the columns id, account, amount and timestamp, a datetime. Tables are written to the folder, if there is one.
Nothing is converted by hand, and no account is looked at by a loop.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import pandas
from gpu_credit import CreditBook

SAMPLE = Path(__file__).with_name("usage.csv")


def frame(table):
    """A table of answers as a data frame of pandas, instants as datetimes."""
    return pandas.DataFrame.from_arrow(table.datetimes(timezone=None))


def grants_of(usage, first, months, share=0.9):
    """A grant a month for each account, of a share of what it uses on average: [timestamp, until)."""
    amounts = (usage.groupby("account")["amount"].sum() * share / months).astype("int64")
    starts = pandas.date_range(first, periods=months + 1, freq="MS")
    windows = pandas.DataFrame({"timestamp": starts[:-1], "until": starts[1:]})
    grants = amounts.reset_index().merge(windows, how="cross")
    return grants.assign(credit_id=grants["timestamp"].dt.strftime("%Y-%m"))


def month_end(usage, grants, month):
    """The tables of a month, which is given by its first day."""
    book = CreditBook(unit="s")
    book.ingest(grants, kind="grant", policy="carry")
    book.ingest(usage, kind="usage", policy="carry")

    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    days = dict(first=month, last=last)
    draws = frame(book.draws())
    return {
        "statements": frame(book.statements(**days)),
        "grants": frame(book.grant_statements(**days)),
        "balances": frame(book.series(**days, step=timedelta(days=1))),
        "ran out": frame(book.first_uncovered(**days)).dropna(),
        # What ends with the month has lapsed the instant after it.
        "lapses in a week": frame(book.lapsing(after=last - timedelta(days=7), by=last + timedelta(days=1))),
        "paid by month": draws.groupby(
            ["account", "credit_id", draws["drawn_at"].dt.to_period("M").rename("month")]
        )["amount"].sum(),
    }


def main(path=SAMPLE, folder=None):
    usage = pandas.read_csv(path, parse_dates=["timestamp"])
    grants = grants_of(usage, date(2024, 1, 1), months=2)
    for name, table in month_end(usage, grants, date(2024, 1, 1)).items():
        print(f"\n{name}\n{table}")
        if folder is not None:
            table.to_csv(Path(folder) / f"{name.replace(' ', '-')}.csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
