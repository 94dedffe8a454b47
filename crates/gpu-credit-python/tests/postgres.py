"""A PostgreSQL server of the tests' own, in a temporary folder, for as long as they run."""

import os
import shutil
import subprocess
import tempfile
from glob import glob
from itertools import count
from pathlib import Path
from urllib.parse import quote

PROGRAMS = ("initdb", "postgres", "pg_ctl", "psql")
SETTINGS = """
listen_addresses = ''
fsync = off
full_page_writes = off
synchronous_commit = local
max_connections = 200
"""


def programs():
    """The folder of the programs of the newest server, or None: Debian keeps them out of PATH."""
    folders = sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True) + os.environ.get("PATH", "").split(os.pathsep)
    return next((folder for folder in folders if all(shutil.which(name, path=folder) for name in PROGRAMS)), None)


class Server:
    def __init__(self):
        self.programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="credit"))
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.data = self.folder / "data"
        self.numbers = count()
        options = ("--auth=trust", "--username=ledger", "--encoding=UTF8", "--no-sync")
        self.run("initdb", *options, "--pgdata", self.data)
        with open(self.data / "postgresql.auto.conf", "a") as file:
            file.write(SETTINGS)
        start = ("start", "--wait", "--pgdata", self.data, "--log", self.folder / "log", "-o", f"-k {self.folder}")
        self.run("pg_ctl", *start)

    def run(self, program, *arguments):
        command = [f"{self.programs}/{program}", *map(str, arguments)]
        subprocess.run(command, check=True, user=self.user, cwd=self.folder, stdout=subprocess.DEVNULL)

    def execute(self, sql):
        self.run("psql", "--quiet", "--no-psqlrc", "--host", self.folder, "postgres", "ledger", "--command", sql)

    def address(self):
        """That of a schema of its own, which is new: cheaper than a database, and as empty."""
        schema = f"credit{next(self.numbers)}"
        self.execute(f"CREATE SCHEMA {schema}")
        host = quote(str(self.folder), safe="")
        return f"postgres://ledger@{host}/postgres?options=-c%20search_path%3D{schema}"

    def hold(self, address):
        """A process in which a transaction holds all accounts of a store, until it is killed."""
        schema = address.rpartition("%3D")[2]
        sql = f"BEGIN; SELECT 1 FROM {schema}.account FOR UPDATE;\n"
        command = [f"{self.programs}/psql", "--quiet", "--no-psqlrc", "--host", str(self.folder), "postgres", "ledger"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, user=self.user, cwd=self.folder, **pipes)
        process.stdin.write(sql)
        process.stdin.flush()
        process.stdout.readline()  # It has them.
        return process

    def stop(self):
        self.run("pg_ctl", "stop", "--mode=immediate", "--pgdata", self.data)
        shutil.rmtree(self.folder)
