"""gpu-credit: a store in a file, each call durable when it returns; or a book in memory."""

from pathlib import Path

from gpu_credit import CreditBook, CreditStore

from credit import Statement


class Ours:
    name = "gpu-credit"

    def __init__(self, folder):
        self.path = Path(folder) / "credit.redb"
        self.store = CreditStore(self.path)

    def load(self, path):
        self.store.import_events(path)

    def post(self, account, id, amount, time):
        self.store.subtract(account, id, amount=amount, timestamp=time)

    def add_credit(self, account, id, amount, start, end):
        self.store.open_account(account)
        self.store.add_credit(
            account, id, id, amount=amount, timestamp=start, expiration=end - start
        )

    def balance_now(self, account, now):
        return self.store.get_balance(account, now)

    def balance_at(self, account, time):
        return self.store.get_balance(account, time)

    def correct(self, account, id, amount, attempt):
        self.store.change_usage(account, f"correction {attempt}", id, amount)

    def statements(self, first, last):
        return statements(self.store.to_book(), first, last)

    def bytes(self):
        return self.path.stat().st_size

    def connected(self):
        """Threads share the store."""
        return self

    def close(self):
        self.store.close()


def book_of(frame):
    book = CreditBook()
    book.ingest(frame, policy="carry")
    return book


def statements(book, first, last):
    table = book.statements(first=first, last=last)
    columns = [list(table[column]) for column in Statement._fields]
    return sorted(map(Statement, *columns))
