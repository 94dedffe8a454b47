"""DuckDB and Polars: both sum usage between begins and ends of grants, and Python draws the sums.

No join or window function draws by expiry, with what is left over carried on. Between two such
instants the same grants are active, so that a sum draws what its records would.
"""

from itertools import groupby

import duckdb
import polars

import credit

# Usage by account and by the last instant at or before it at which a grant begins or has ended.
SUMS = """
WITH ends_of_sums AS (
    SELECT DISTINCT account, unnest([starts, ends + 1]) AS "time" FROM grants
    UNION
    SELECT account, unnest([0, $first, $last + 1]) FROM (SELECT DISTINCT account FROM usage)
)
SELECT usage.account, e."time", sum(usage.amount)::BIGINT
FROM usage ASOF JOIN ends_of_sums e ON usage.account = e.account AND usage."time" >= e."time"
GROUP BY ALL ORDER BY ALL
"""
GRANTS = "SELECT account, starts, number, amount, ends FROM grants ORDER BY account"


class Columns:
    """What is the same of both: they answer for all accounts at once."""

    def balances_now(self, instants):
        """None of them is before the last record of its account."""
        events = self.events(0, 0)
        return [credit.balance(events[account], now) for account, now in instants]

    def statements(self, first, last):
        events = self.events(first, last)
        return [
            credit.statement(account, events[account], first, last) for account in sorted(events)
        ]

    def events(self, first, last):
        """The grants of each account, and its usage in sums that end with a period."""
        grants, sums = by_account(self.grants()), by_account(self.sums(first, last))
        none = {account: [] for account in grants.keys() | sums.keys()}
        grants, sums = none | grants, none | sums
        numbered = {
            account: [(time, number, total) for number, (time, total) in enumerate(sums[account])]
            for account in sums
        }
        return {account: credit.merged(grants[account], numbered[account]) for account in none}


def by_account(rows):
    return {
        account: [row[1:] for row in group] for account, group in groupby(rows, lambda row: row[0])
    }


class InDuckdb(Columns):
    name = "DuckDB"

    def __init__(self, folder):
        self.path = folder / "credit.duckdb"
        self.connection = duckdb.connect(self.path)

    def load(self, path):
        run = self.connection.execute
        run("CREATE TABLE events AS SELECT * FROM read_csv($path)", {"path": str(path)})
        run(
            "CREATE TABLE grants AS SELECT account, rowid AS number, amount, timestamp AS starts, "
            "timestamp + expiration AS ends FROM events WHERE kind = 'grant'"
        )
        run(
            'CREATE TABLE usage AS SELECT account, rowid AS number, amount, timestamp AS "time" '
            "FROM events WHERE kind = 'usage'"
        )
        run("DROP TABLE events")

    def grants(self):
        return self.connection.execute(GRANTS).fetchall()

    def sums(self, first, last):
        return self.connection.execute(SUMS, {"first": first, "last": last}).fetchall()

    def bytes(self):
        self.connection.execute("CHECKPOINT")
        return self.path.stat().st_size

    def close(self):
        self.connection.close()


class InPolars(Columns):
    name = "Polars"

    def __init__(self, _folder):
        self.frame = None

    def load(self, path):
        self.frame = (
            polars.read_csv(path).filter(polars.col("kind") != "balance").with_row_index("number")
        )

    def grants(self):
        grants = self.frame.filter(polars.col("kind") == "grant").sort("account")
        end = (polars.col("timestamp") + polars.col("expiration")).alias("end")
        return grants.select("account", "timestamp", "number", "amount", end).rows()

    def sums(self, first, last):
        time = polars.col("timestamp")
        ends = polars.concat_list(time, time + polars.col("expiration").fill_null(0) + 1)
        cuts = polars.lit([0, first, last + 1], dtype=polars.List(polars.Int64))
        grants = self.frame.filter(polars.col("kind") == "grant").select(
            "account", ends.alias("end")
        )
        accounts = self.frame.select("account").unique().select("account", cuts.alias("end"))
        ends_of_sums = polars.concat([grants, accounts]).explode("end").unique()
        usage = self.frame.filter(polars.col("kind") == "usage").sort("timestamp")
        sums = usage.join_asof(
            ends_of_sums.sort("end"),
            left_on="timestamp",
            right_on="end",
            by="account",
            check_sortedness=False,
        )
        sums = sums.group_by("account", "end").agg(polars.col("amount").sum())
        return sums.sort("account", "end").rows()

    def bytes(self):
        return self.frame.estimated_size()

    def close(self):
        pass
