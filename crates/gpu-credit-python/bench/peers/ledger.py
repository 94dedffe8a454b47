"""The events that every party gets: traces of real usage, or what is generated in their place."""

import csv
import gzip
import os
import random
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("kind", "account", "credit_id", "amount", "timestamp", "expiration", "id")
DAY = 86_400


class Grant(NamedTuple):
    account: str
    id: str
    amount: int
    start: int
    end: int  # active in [start, end]


class Usage(NamedTuple):
    account: str
    id: str
    amount: int
    time: int


class Ledger:
    """A file of events, and the same in memory, in the order in which they arrived."""

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.name.split(".")[0]
        self.grants, self.usage = [], []
        for event in read(self.path):
            (self.grants if isinstance(event, Grant) else self.usage).append(event)

    @cached_property
    def last_instants(self):
        """When the last record of each account takes effect: what its users call now."""
        last = {}
        for grant in self.grants:
            last[grant.account] = max(last.get(grant.account, grant.start), grant.start)
        for usage in self.usage:
            last[usage.account] = max(last.get(usage.account, usage.time), usage.time)
        return last

    @property
    def records(self):
        return len(self.grants) + len(self.usage)

    def month_end(self):
        """The first and the last instant of a period: 30 days, or half of a shorter file."""
        last = max(self.last_instants.values())
        return last - min(30 * DAY, last // 2), last


def read(path):
    """The grants and the usage of a file, in their order. Without a column id the row is the id."""
    with gzip.open(path, "rt", newline="") as file:
        for line, row in enumerate(csv.DictReader(file)):
            account, amount, start = row["account"], row["amount"], row["timestamp"]
            name = row.get("id") or str(line)
            if row["kind"] == "grant":
                end = int(start) + int(row["expiration"])
                yield Grant(account, name, int(amount), int(start), end)
            elif row["kind"] == "usage":
                yield Usage(account, name, int(amount), int(start))


def write(path, events):
    with gzip.open(path, "wt", newline="", compresslevel=1) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for event in events:
            if isinstance(event, Grant):
                length = event.end - event.start
                row = (
                    "grant",
                    event.account,
                    event.id,
                    event.amount,
                    event.start,
                    length,
                    event.id,
                )
            else:
                row = ("usage", event.account, "", event.amount, event.time, "", event.id)
            writer.writerow(row)
    return path


def two_years(folder, usage_count):
    """One account, two years: a grant a day for 30 days, which usage nearly uses up."""
    generator = random.Random(1)
    seconds = 730 * DAY
    mean = 500
    granted = usage_count * mean // 730
    grants = [
        Grant(
            "acme", f"day {day}", generator.randrange(granted * 2), day * DAY, (day + 30) * DAY - 1
        )
        for day in range(730)
    ]
    times = sorted(generator.randrange(seconds) for _ in range(usage_count))
    usage = [
        Usage("acme", f"job {number}", generator.randrange(1, 2 * mean), time)
        for number, time in enumerate(times)
    ]
    return Ledger(write(folder / "two_years.events.csv.gz", grants + usage))


def small(folder, name, accounts, usage_count):
    """What stands in for a trace: windows that overlap, and usage of which a fifth is late."""
    generator = random.Random(name)
    seconds = 60 * DAY
    names = [f"{name}-{number:03}" for number in range(accounts)]
    grants = [
        Grant(
            account, f"{account}/{number}", generator.randrange(1, 900_000), start, start + length
        )
        for account in names
        for number in range(6)
        for start in [generator.randrange(seconds)]
        for length in [generator.choice((7, 30)) * DAY]
    ]
    times = sorted(generator.randrange(seconds) for _ in range(usage_count))
    usage = [
        Usage(
            generator.choice(names),
            f"job {number}",
            generator.randrange(1, 30_000),
            max(0, time - (generator.random() < 0.2) * generator.randrange(5 * DAY)),
        )
        for number, time in enumerate(times)
    ]
    return Ledger(write(folder / f"{name}.events.csv.gz", grants + usage))


def traces(folder):
    """Both traces, of the folder GPU_CREDIT_DATA or small ones in their place."""
    names = {"servegen_tokens": 50, "philly_gpu": 30}
    data = os.environ.get("GPU_CREDIT_DATA")
    if data is None:
        return [
            small(folder, f"generated_{name}", count, 100 * count) for name, count in names.items()
        ]
    return [Ledger(Path(data) / f"{name}.events.csv.gz") for name in names]
