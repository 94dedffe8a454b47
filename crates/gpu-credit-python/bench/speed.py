"""What the package costs, against plain Python and against Rust. Every answer is checked.

    python bench/speed.py          needs cargo, for the Rust side of the last ratio

Ratios count, not times: each pair is measured in turns, so that what else the machine does hits
both. Exits with 1 if a ratio is over its limit.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy
from gpu_credit import GPUCredit

CRATE = Path(__file__).parents[1]
sys.path.insert(0, str(CRATE / "tests"))

import classic  # noqa: E402

RECORDS = 10_000
QUESTIONS = 1_000_000


class Appending:
    """What a class must at least do with a call: keep its arguments."""

    def __init__(self):
        self.records = []

    def add_credit(self, credit_id, amount, timestamp, expiration):
        self.records.append((credit_id, amount, timestamp, expiration))

    def subtract(self, amount, timestamp):
        self.records.append((amount, timestamp))


def records(seed=1):
    """A tenth are grants, some ten of them live at a time; they cover what is used, just about."""
    generator = random.Random(seed)
    grants = [
        ("g", generator.randrange(1, 1_800), generator.randrange(1_000_000), generator.randrange(20_000))
        for _ in range(RECORDS // 10)
    ]
    usage = [
        (generator.randrange(1, 200), generator.randrange(1_000_000))
        for _ in range(RECORDS - RECORDS // 10)
    ]
    return grants, usage


def post_all(account, grants, usage):
    for grant in grants:
        account.add_credit(*grant)
    for entry in usage:
        account.subtract(*entry)
    return account


def nanoseconds(calls):
    start = time.perf_counter_ns()
    for call in calls:
        call()
    return (time.perf_counter_ns() - start) / len(calls)


def query_against_replay():
    grants, usage = records()
    account = post_all(GPUCredit(), grants, usage)
    plain = post_all(classic.GPUCredit(), grants, usage)
    # The middle of time: half of the records count.
    times = [500_000 + 1_000 * place for place in range(-5, 6)]
    for instant in times:
        assert account.get_balance(instant) == plain.get_balance(instant)
    ratios = []
    for instant in times:
        replay = nanoseconds([lambda: plain.get_balance(instant)])
        ratios.append(replay / nanoseconds([lambda: account.get_balance(instant)] * 2_000))
    return median(ratios)


def query_after_a_late_record_against_replay():
    grants, usage = records()
    account = post_all(GPUCredit(), grants, usage)
    plain = post_all(classic.GPUCredit(), grants, usage)
    generator = random.Random(2)
    ratios = []
    for _ in range(11):
        late = [(generator.randrange(200), generator.randrange(500_000)) for _ in range(20)]
        for entry in late:
            plain.subtract(*entry)
        spent = []
        for entry in late:
            account.subtract(*entry)
            spent.append(nanoseconds([lambda: account.get_balance(500_000)]))
        replay = nanoseconds([lambda: plain.get_balance(500_000)])
        assert account.get_balance(500_000) == plain.get_balance(500_000)
        ratios.append(replay / (sum(spent) / len(spent)))
    return median(ratios)


def post_against_appending(kind):
    grants, usage = records()
    ratios = []
    for _ in range(31):
        spent = []
        for account in (Appending(), GPUCredit()):
            post = getattr(account, kind)
            start = time.perf_counter_ns()
            if kind == "add_credit":
                for credit_id, amount, timestamp, expiration in grants * 10:
                    post(credit_id, amount, timestamp, expiration)
            else:
                for amount, timestamp in usage:
                    post(amount, timestamp)
            spent.append(time.perf_counter_ns() - start)
            if isinstance(account, GPUCredit):
                assert account.grant_count == (10 * len(grants) if kind == "add_credit" else 0)
                assert account.usage_count == (len(usage) if kind == "subtract" else 0)
        ratios.append(spent[1] / spent[0])
    return median(ratios)


def batch_against_rust():
    grants, usage = records()
    account = post_all(GPUCredit(), grants, usage)
    questions = numpy.random.default_rng(3).integers(0, 1_000_000, QUESTIONS)
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (
            ("grants", [grant[1:] for grant in grants]),
            ("usage", usage),
            ("questions", questions),
        ):
            numpy.asarray(rows, dtype="<i8").tofile(Path(folder) / name)
        command = [
            *("cargo", "run", "--quiet", "--release", "--example", "rust_batch"),
            *("--manifest-path", str(CRATE / "Cargo.toml"), "--", folder),
        ]
        subprocess.run(command, check=True, capture_output=True)
        ratios = []
        for _ in range(5):
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rust, count, total = map(int, answer.split())
            fastest = float("inf")
            for _ in range(15):
                start = time.perf_counter_ns()
                balances = account.get_balances(questions)
                fastest = min(fastest, time.perf_counter_ns() - start)
            assert (balances.count(), int(balances.sum())) == (count, total)
            ratios.append(fastest / rust)
    return median(ratios)


def main():
    is_fine = True
    for what, measure, limit, at_least in (
        ("replay / a query", query_against_replay, 1_000, True),
        ("replay / a query after a late record", query_after_a_late_record_against_replay, 300, True),
        ("add_credit / appending its arguments", lambda: post_against_appending("add_credit"), 1, False),
        ("subtract / appending its arguments", lambda: post_against_appending("subtract"), 1, False),
        ("a million questions / the same in Rust", batch_against_rust, 1.5, False),
    ):
        ratio = measure()
        is_held = ratio >= limit if at_least else ratio <= limit
        is_fine &= is_held
        bound = "at least" if at_least else "at most"
        print(f"{what:40} {ratio:12,.2f}   {bound} {limit:,}   {'' if is_held else 'MISSED'}")
    sys.exit(not is_fine)


if __name__ == "__main__":
    main()
