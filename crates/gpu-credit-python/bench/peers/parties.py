"""The parties, each with a ledger of its own in a folder of its own."""

import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from columns import InDuckdb, InPolars
from ours import Ours
from pandas_replay import PandasReplay
from sqlite_table import SqliteTable


class Parties:
    """Opens parties by their names, and closes all of them."""

    def __init__(self, folder, kinds):
        self.folder = folder
        self.kinds = kinds
        self.numbers = count()
        self.opened = []

    def open(self, name):
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        party = self.kinds[name](folder)
        self.opened.append(party)
        return party

    def loaded(self, ledger, *names):
        """Those of them that are there, with the events of a ledger."""
        parties = [self.open(name) for name in self.there(*names)]
        for party in parties:
            party.load(ledger.path)
        return parties

    def there(self, *names):
        return [name for name in names if name in self.kinds]

    def close(self):
        while self.opened:
            self.opened.pop().close()


@contextmanager
def parties():
    with TemporaryDirectory(prefix="gpu-credit-peers-") as folder:
        folder = Path(folder)
        # The server of PostgreSQL runs as another user.
        folder.chmod(0o755)
        kinds = {kind.name: kind for kind in (Ours, SqliteTable, InDuckdb, InPolars, PandasReplay)}
        with postgres(folder) as kind:
            made = Parties(folder, kinds if kind is None else kinds | {"PostgreSQL": kind})
            try:
                yield made
            finally:
                made.close()


@contextmanager
def postgres(folder):
    """Starts a server, and says how to open an empty database; None if it cannot be started."""
    try:
        from postgres_server import PostgresTable, Server

        server = Server(folder)
    except (ImportError, LookupError, OSError, subprocess.CalledProcessError) as error:
        print(f"PostgreSQL is skipped: {error}", file=sys.stderr)
        yield None
        return
    try:
        yield lambda _folder: PostgresTable(server)
    finally:
        server.stop()
