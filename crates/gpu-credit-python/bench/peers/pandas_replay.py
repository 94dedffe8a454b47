"""pandas: a frame in memory, sorted once, and a loop over the rows of each account."""

import pandas

import credit


class PandasReplay:
    name = "pandas"

    def __init__(self, _folder):
        self.frame = None

    def load(self, path):
        frame = pandas.read_csv(path)
        frame = frame[frame["kind"] != "balance"].reset_index(names="number")
        frame["is_usage"] = frame["kind"] == "usage"
        frame["end"] = (frame["timestamp"] + frame["expiration"].fillna(0)).astype("int64")
        if "id" not in frame:
            frame["id"] = frame["number"].astype(str)
        order = ["account", "timestamp", "is_usage", "number"]
        self.frame = frame.sort_values(order, ignore_index=True)
        self.accounts = self.frame.groupby("account", sort=True)

    def events(self, account, until=None):
        """As tuples: a loop over them is ten times faster than one over rows of pandas."""
        rows = self.accounts.get_group(account)
        if until is not None:
            rows = rows[rows["timestamp"] <= until]
        return tuples(rows)

    def balance_now(self, account, now):
        return credit.balance(self.events(account), now)

    def balance_at(self, account, time):
        return credit.balance(self.events(account, time), time)

    def correct(self, account, id, amount, attempt):
        is_meant = (self.frame["account"] == account) & (self.frame["id"] == id)
        self.frame.loc[is_meant, "amount"] = amount
        self.accounts = self.frame.groupby("account", sort=True)

    def statements(self, first, last):
        return [
            credit.statement(account, tuples(rows), first, last) for account, rows in self.accounts
        ]

    def bytes(self):
        return int(self.frame.memory_usage(deep=True, index=True).sum())

    def close(self):
        pass


def tuples(rows):
    columns = ("timestamp", "is_usage", "number", "amount", "end")
    return list(zip(*(rows[column].tolist() for column in columns)))
