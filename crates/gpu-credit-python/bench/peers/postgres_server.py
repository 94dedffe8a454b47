"""PostgreSQL: the tables of SQLite, and functions in the database that draw and replay."""

import csv
import gzip
import os
import shutil
import subprocess
from glob import glob
from itertools import count
from pathlib import Path

import psycopg

from credit import Statement

FUNCTIONS = Path(__file__).with_name("postgres.sql").read_text()
SETTINGS = "fsync=on synchronous_commit=on shared_buffers=256MB work_mem=64MB max_connections=100"


class Server:
    """A server in a temporary folder. A commit is on the disk when it returns."""

    def __init__(self, folder):
        self.folder = Path(folder) / "postgres"
        self.folder.mkdir()
        self.numbers = count()
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.data = self.folder / "data"
        self.run("initdb", "--auth=trust", "--username=ledger", "--no-sync", "--pgdata", self.data)
        with open(self.data / "postgresql.auto.conf", "a") as file:
            lines = [setting.replace("=", " = ") for setting in SETTINGS.split()]
            file.write("\n".join([*lines, "listen_addresses = ''", ""]))
        log = self.folder / "log"
        self.run(
            "pg_ctl",
            "start",
            "--wait",
            "--pgdata",
            self.data,
            "--log",
            log,
            "-o",
            f"-k {self.folder}",
        )

    def run(self, program, *arguments):
        command = [tool(program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, user=self.user, cwd=self.folder)

    def connect(self, database="postgres"):
        return psycopg.connect(
            host=str(self.folder), user="ledger", dbname=database, autocommit=True
        )

    def database(self):
        """A new one, empty."""
        name = f"ledger{next(self.numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def stop(self):
        self.run("pg_ctl", "stop", "--mode=immediate", "--pgdata", self.data)


def tool(name):
    """Debian keeps the programs of the server out of PATH."""
    found = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))
    path = found[-1] if found else shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"there is no {name}")
    return path


class PostgresTable:
    name = "PostgreSQL"

    def __init__(self, server, database=None):
        self.server = server
        self.database = database or server.database()
        self.connection = server.connect(self.database)
        if database is None:
            self.connection.execute(FUNCTIONS)

    def connected(self):
        return PostgresTable(self.server, self.database)

    def close(self):
        self.connection.close()

    def call(self, function, *arguments):
        """The only row of a function, or of a query that has one."""
        places = ", ".join(["%s"] * len(arguments))
        return self.connection.execute(f"SELECT * FROM {function}({places})", arguments).fetchone()

    def load(self, path):
        """All rows in one transaction, and the balances after them."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            with gzip.open(path, "rt", newline="") as file:
                rows = csv.DictReader(file)
                into = "COPY arrivals (kind, account, amount, starts, expiration, id) FROM STDIN"
                with cursor.copy(into) as copy:
                    for line, row in enumerate(rows):
                        copy.write_row(arrival(line, row))
            cursor.execute("SELECT take_arrivals()")
        self.connection.execute("ANALYZE")

    def add_credit(self, account, id, amount, start, end):
        self.call("add_credit", account, id, amount, start, end)

    def post(self, account, id, amount, time):
        self.call("post_usage", account, id, amount, time)

    def balance_now(self, account, now):
        return self.call("balance_now", account, now)[0]

    def balance_at(self, account, time):
        return self.call("balance_at", account, time)[0]

    def correct(self, account, id, amount, attempt):
        self.call("correct_usage", account, id, amount)

    def statements(self, first, last):
        rows = self.connection.execute("SELECT * FROM statements(%s, %s)", (first, last))
        return sorted(Statement(*row) for row in rows)

    def bytes(self):
        relations = "('grants'), ('usage'), ('accounts')"
        sizes = (
            f"SELECT sum(pg_total_relation_size(name::regclass)) FROM (VALUES {relations}) v(name)"
        )
        return int(self.connection.execute(sizes).fetchone()[0])


def arrival(line, row):
    expiration = row["expiration"] or None
    return (
        row["kind"],
        row["account"],
        row["amount"] or None,
        row["timestamp"],
        expiration,
        (row.get("id") or str(line)),
    )
