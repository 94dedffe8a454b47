"""SQLite: a table of usage, one of grants with a column of what remains, and a replay in Python.

What arrives in time order draws from the column in its transaction. What is late or corrected
replays the account and writes the column again, as no statement of SQL draws by expiry.
"""

import csv
import gzip
import sqlite3
from pathlib import Path

import credit

SCHEMA = """
CREATE TABLE accounts (
    account TEXT PRIMARY KEY, clock INTEGER NOT NULL, deficit INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE grants (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, amount INTEGER NOT NULL,
    starts INTEGER NOT NULL, ends INTEGER NOT NULL, remaining INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, id)
);
CREATE TABLE usage (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, amount INTEGER NOT NULL,
    time INTEGER NOT NULL, UNIQUE (account, id)
);
"""
INDEXES = """
CREATE INDEX grants_by_start ON grants (account, starts);
CREATE INDEX grants_by_end ON grants (account, ends);
CREATE INDEX usage_by_time ON usage (account, time, number, amount);
"""
# The plus keeps SQLite from searching by start, which nearly all grants pass.
BALANCE = """
SELECT coalesce(sum(remaining), 0), count(*),
    (SELECT deficit FROM accounts WHERE account = :account)
FROM grants WHERE account = :account AND ends >= :now AND +starts <= :now
"""
FOREVER = 2**63 - 1


class SqliteTable:
    name = "SQLite"

    def __init__(self, folder):
        self.path = Path(folder) / "credit.sqlite"
        self.connection = connect(self.path)
        self.connection.executescript(SCHEMA + INDEXES)

    def connected(self):
        """The same file by a connection of its own, for a thread."""
        other = object.__new__(SqliteTable)
        other.path, other.connection = self.path, connect(self.path)
        return other

    def close(self):
        self.connection.close()

    def load(self, path):
        """All rows in one transaction, and the balances after them."""
        run = self.connection.executemany
        with transaction(self.connection):
            with gzip.open(path, "rt", newline="") as file:
                rows = list(csv.DictReader(file))
            lines = enumerate(rows)
            rows = [{**row, "id": row.get("id") or str(line)} for line, row in lines]
            grants = [row for row in rows if row["kind"] == "grant"]
            usage = [row for row in rows if row["kind"] == "usage"]
            run(
                "INSERT INTO grants (account, id, amount, starts, ends) VALUES (:account, :id, "
                "CAST(:amount AS INTEGER), CAST(:timestamp AS INTEGER), :timestamp + :expiration)",
                grants,
            )
            run(
                "INSERT INTO usage (account, id, amount, time) "
                "VALUES (:account, :id, CAST(:amount AS INTEGER), CAST(:timestamp AS INTEGER))",
                usage,
            )
            for account in sorted({row["account"] for row in rows}):
                self.recompute(account)

    def add_credit(self, account, id, amount, start, end):
        with transaction(self.connection) as run:
            run(
                "INSERT INTO grants (account, id, amount, starts, ends) VALUES (?, ?, ?, ?, ?)",
                (account, id, amount, start, end),
            )
            self.recompute(account)

    def post(self, account, id, amount, time):
        with transaction(self.connection) as run:
            run(
                "INSERT INTO usage (account, id, amount, time) VALUES (?, ?, ?, ?)",
                (account, id, amount, time),
            )
            row = run(
                "SELECT clock, deficit FROM accounts WHERE account = ?", (account,)
            ).fetchone()
            if row is None or time < row[0]:
                self.recompute(account)
            else:
                self.draw(account, amount, time, row[1])

    def draw(self, account, amount, time, deficit):
        run = self.connection.execute
        grants = run(
            "SELECT number, remaining FROM grants "
            "WHERE account = ? AND ends >= ? AND remaining > 0 ORDER BY ends, number",
            (account, time),
        )
        for number, remaining in grants.fetchall():
            drawn = min(remaining, amount)
            run("UPDATE grants SET remaining = remaining - ? WHERE number = ?", (drawn, number))
            amount -= drawn
            if not amount:
                break
        run(
            "UPDATE accounts SET clock = ?, deficit = ? WHERE account = ?",
            (time, deficit + amount, account),
        )

    def recompute(self, account):
        """Replays the account, and writes what remains of each grant."""
        run = self.connection.execute
        events = self.events(account)
        clock = events[-1][0]
        (state,) = credit.replay(events, [clock])
        run("UPDATE grants SET remaining = 0 WHERE account = ?", (account,))
        left = [(remaining, number) for _, number, remaining in state.active]
        self.connection.executemany("UPDATE grants SET remaining = ? WHERE number = ?", left)
        run("REPLACE INTO accounts VALUES (?, ?, ?)", (account, clock, state.deficit))

    def events(self, account, until=FOREVER):
        run = self.connection.execute
        grants = run(
            "SELECT starts, number, amount, ends FROM grants WHERE account = ? AND starts <= ?",
            (account, until),
        )
        usage = run(
            "SELECT time, number, amount FROM usage WHERE account = ? AND time <= ?",
            (account, until),
        )
        return credit.merged(grants, usage)

    def balance_now(self, account, now):
        """By the column."""
        row = self.connection.execute(BALANCE, {"account": account, "now": now}).fetchone()
        remaining, active, deficit = row
        return remaining if active and not deficit else None

    def balance_at(self, account, time):
        """By a replay of the rows."""
        return credit.balance(self.events(account, time), time)

    def correct(self, account, id, amount, attempt):
        with transaction(self.connection) as run:
            run("UPDATE usage SET amount = ? WHERE account = ? AND id = ?", (amount, account, id))
            self.recompute(account)

    def statements(self, first, last):
        accounts = self.connection.execute(
            "SELECT account FROM accounts ORDER BY account"
        ).fetchall()
        return [
            credit.statement(account, self.events(account, last), first, last)
            for (account,) in accounts
        ]

    def bytes(self):
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.stat().st_size


def connect(path):
    """A commit is on the disk when it returns: synchronous FULL."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -200000")
    return connection


class transaction:
    """BEGIN IMMEDIATE, so that writers wait for each other and none has to try again."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")
        return self.connection.execute

    def __exit__(self, error, *_):
        self.connection.execute("COMMIT" if error is None else "ROLLBACK")
