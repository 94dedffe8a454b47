"""What is measured. A row yields cases: a title, a size, a unit, and who takes part in it."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars

from ours import book_of, statements
from turns import Entrant

# How a party comes by a balance of now and by one of any other instant, and what an import leaves.
NOW = {"SQLite": "a column", "PostgreSQL": "a column", "pandas": "a replay"}
THEN = {"SQLite": "a replay", "PostgreSQL": "a function that replays", "pandas": "a replay"}
KEPT = {"DuckDB": "a file", "Polars": "in memory", "pandas": "in memory"}
ROW_STORES = ("gpu-credit", "SQLite", "PostgreSQL")
YEAR = 365 * 86_400


class Case(NamedTuple):
    row: str
    series: str
    size: int
    size_of: str
    unit: str
    entrants: list


class Workload(NamedTuple):
    traces: list
    years: object
    postings: int

    @property
    def servegen(self):
        return self.traces[0]


def named(name, how):
    return f"{name}, {how[name]}" if name in how else name


def says(name, words):
    return Entrant(name, says=words)


def usage_case(row, series, ledger, unit, entrants):
    return Case(row, f"{series}, {ledger.name}", len(ledger.usage), "usage", unit, entrants)


def balance_now(parties, workload):
    for ledger in (workload.servegen, workload.years):
        questions = list(ledger.last_instants.items())
        random.Random(2).shuffle(questions)
        entrants = []
        for party in parties.loaded(ledger, *ROW_STORES, "pandas"):
            some = (
                questions * (500 // len(questions) + 1) if party.name != "pandas" else questions[:5]
            )
            turn = ask(party.balance_now, some)
            entrants.append(Entrant(named(party.name, NOW), turn, len(some)))
        yield usage_case("P1", "balance of an account now", ledger, "ns a query", entrants)


def balance_at(parties, workload):
    for ledger in (workload.servegen, workload.years):
        generator = random.Random(3)
        accounts = list(ledger.last_instants.items())
        questions = []
        for _ in range(500):
            account, last = generator.choice(accounts)
            questions.append((account, generator.randint(0, last)))
        entrants = []
        for party in parties.loaded(ledger, *ROW_STORES, "pandas"):
            some = questions if party.name == "gpu-credit" else questions[:5]
            entrants.append(
                Entrant(named(party.name, THEN), ask(party.balance_at, some), len(some))
            )
        entrants.append(
            says("a column of what remains", "knows what remains now, and nothing else")
        )
        yield usage_case(
            "P2", "balance of an account at a past instant", ledger, "ns a query", entrants
        )


def ask(method, questions):
    return lambda _: [method(account, time) for account, time in questions]


def month_end(parties, workload):
    for ledger in workload.traces:
        period = ledger.month_end()
        everybody = parties.loaded(ledger, *ROW_STORES, "DuckDB", "Polars", "pandas")
        entrants = [
            Entrant(named(party.name, THEN), lambda _, party=party: party.statements(*period))
            for party in everybody
        ]
        frame = polars.read_csv(ledger.path).filter(polars.col("kind") != "balance")
        entrants += [
            Entrant(
                "gpu-credit, a frame ingested first", lambda _: statements(book_of(frame), *period)
            ),
            says("a sum by month in SQL", "no order by expiry: it cannot say what lapsed"),
        ]
        series = "month-end statement of all accounts"
        yield usage_case("P3", series, ledger, "ns for all accounts", entrants)


def correction(parties, workload):
    """One record of a year ago gets another amount; then the balance of now is asked."""
    ledger = workload.years
    ((account, now),) = ledger.last_instants.items()
    old = [usage.id for usage in ledger.usage if usage.time <= now - YEAR][-100:]

    def correct(party):
        def turn(number):
            generator = random.Random(number)
            answers = []
            for attempt in range(3):
                amount = generator.randrange(1_000)
                party.correct(account, generator.choice(old), amount, f"{number} {attempt}")
                answers.append(party.balance_now(account, now))
            return answers

        return turn

    entrants = [
        Entrant(named(party.name, THEN), correct(party), 3)
        for party in parties.loaded(ledger, *ROW_STORES, "pandas")
    ]
    entrants.append(says("DuckDB, Polars", "the sums of all accounts again, as for the month end"))
    yield usage_case(
        "P4", "correction a year back, and the balance now", ledger, "ns a correction", entrants
    )


def durable_postings(parties, workload):
    """In time order, each committed to the disk before the next of its writer."""
    for writers in (1, 32):
        each = max(10, workload.postings // (1 if writers == 1 else 8))
        entrants = [
            durable(parties.open(name), writers, each) for name in parties.there(*ROW_STORES)
        ]
        entrants.append(
            says("pandas, DuckDB, Polars", "made for tables, not for one row at a time")
        )
        size_of = "writer" if writers == 1 else "writers at once"
        yield Case("P5", "durable posting of usage", writers, size_of, "ns a posting", entrants)


def durable(party, writers, each):
    names = [f"writer {writer}" for writer in range(writers)]
    for name in names:
        party.add_credit(name, "grant", 10**9, 0, 10**6)
    connections = [party.connected() for _ in names]

    def write(number, writer):
        for place in range(each):
            time = number * each + place
            connections[writer].post(names[writer], f"job {time}", 1 + time % 7, time)

    def turn(number):
        with ThreadPoolExecutor(writers) as pool:
            for done in [pool.submit(write, number, writer) for writer in range(writers)]:
                done.result()

    def balances(number):
        return [party.balance_now(name, (number + 1) * each) for name in names]

    return Entrant(party.name, turn, writers * each, answers=balances)


def imports(parties, workload):
    """A file, to a balance of every account."""
    ledger = workload.servegen
    instants = sorted(ledger.last_instants.items())

    def turn(party):
        party.load(ledger.path)
        if hasattr(party, "balances_now"):
            return party.balances_now(instants)
        return [party.balance_now(account, now) for account, now in instants]

    entrants = [
        Entrant(
            named(name, KEPT), turn, ledger.records, prepare=lambda _, name=name: parties.open(name)
        )
        for name in parties.there(*ROW_STORES, "DuckDB", "Polars", "pandas")
    ]
    series = f"import to a balance of every account, {ledger.name}"
    yield Case("P6", series, ledger.records, "records", "ns a record", entrants)


def memory(parties, workload):
    ledger = workload.servegen
    on_disk = parties.loaded(ledger, *ROW_STORES, "DuckDB")
    in_memory = parties.loaded(ledger, "pandas", "Polars")
    book = book_of(polars.read_csv(ledger.path).filter(polars.col("kind") != "balance"))
    for place, sizes in (
        ("file", {party.name: party.bytes() for party in on_disk}),
        (
            "memory",
            {"gpu-credit": book.memory_used} | {party.name: party.bytes() for party in in_memory},
        ),
    ):
        yield Case(
            "P7", f"{place}, {ledger.name}", ledger.records, "records", "bytes a record", sizes
        )


ROWS = {
    "P1": balance_now,
    "P2": balance_at,
    "P3": month_end,
    "P4": correction,
    "P5": durable_postings,
    "P6": imports,
    "P7": memory,
}
