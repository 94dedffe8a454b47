"""A million events of ten thousand accounts on a local standalone cluster, and in one process.

    python bench/spark.py          needs the extra "spark", and Java

A master and two workers with a core each are started, the balances computed three times, once with
a worker killed in the middle, and compared with those of the same fold in one process and, for some
accounts, with those of GPUCredit. Prints events a second and core.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet
from gpu_credit import GPUCredit
from gpu_credit._native import fold
from gpu_credit.spark import balances

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cluster import Cluster  # noqa: E402

EVENTS, ACCOUNTS, QUERIES, WORKERS = 1_000_000, 10_000, 100_000, 2


def tables():
    """A fifth of all events is one account's. A tenth are grants, enough for what is used."""
    generator = numpy.random.default_rng(1)

    def names(count):
        places = generator.integers(0, ACCOUNTS, count)
        places[generator.random(count) < 0.2] = 0
        return [f"account {place}" for place in places.tolist()]

    is_grant = generator.random(EVENTS) < 0.1
    events = pyarrow.table(
        {
            "kind": numpy.where(is_grant, "grant", "usage").tolist(),
            "account": names(EVENTS),
            "amount": generator.integers(1, numpy.where(is_grant, 1_800, 200)),
            "timestamp": generator.integers(0, 1_000_000, EVENTS),
            "expiration": numpy.where(is_grant, generator.integers(0, 50_000, EVENTS), 0),
        }
    )
    queries = pyarrow.table(
        {"account": names(QUERIES), "timestamp": generator.integers(0, 1_000_000, QUERIES)}
    )
    return events, queries


def rows_of(events, queries):
    """What a partition is handed, as one table."""
    kinds = pyarrow.compute.index_in(events["kind"], pyarrow.array(["grant", "usage"]))
    return pyarrow.concat_tables(
        [
            events.set_column(0, "kind", kinds.cast("int64")),
            queries.append_column("kind", pyarrow.array(numpy.full(QUERIES, 2))),
        ],
        promote_options="default",
    )


def sorted_rows(table):
    """In order, and of a schema that says nothing about nulls: Spark forgets it."""
    keys = [(name, "ascending") for name in table.column_names]
    return pyarrow.table(table.sort_by(keys).to_pydict())


def check_some(events, answers):
    """Against GPUCredit, posted one by one in the order in which the fold posts."""
    for name in ("account 0", "account 77", "account 9999"):
        account = GPUCredit()
        mine = events.filter(pyarrow.compute.equal(events["account"], name)).to_pylist()
        for row in sorted(mine, key=lambda row: (row["timestamp"], row["expiration"], row["amount"])):
            if row["kind"] == "grant":
                account.add_credit(name, row["amount"], row["timestamp"], row["expiration"])
            else:
                account.subtract(row["amount"], row["timestamp"])
        for row in answers.filter(pyarrow.compute.equal(answers["account"], name)).to_pylist():
            assert (row["balance"], row["status"], row["deficit"]) == account.balance_at(
                row["timestamp"]
            )


def in_one_process(rows):
    start = time.perf_counter()
    answers = pyarrow.Table.from_batches(fold(rows, "carry"))
    return answers, time.perf_counter() - start


def on_the_cluster(cluster, frames, is_killed):
    tasks = 64 if is_killed else 8
    answers = []
    job = threading.Thread(
        target=lambda: answers.append(balances(*frames, partitions=tasks).toArrow())
    )
    start = time.perf_counter()
    job.start()
    if is_killed:
        cluster.wait_for_the_middle(tasks)
        cluster.kill_a_worker()
    job.join()
    return answers[0], time.perf_counter() - start


def main():
    events, queries = tables()
    rows = rows_of(events, queries)
    right, alone = min((in_one_process(rows) for _ in range(3)), key=lambda answer: answer[1])
    right = sorted_rows(right)
    assert right.num_rows == QUERIES
    check_some(events, right)
    print(f"one process           {EVENTS / alone:12,.0f} events a second and core")
    with tempfile.TemporaryDirectory() as folder:
        events_file, queries_file = Path(folder, "events.parquet"), Path(folder, "queries.parquet")
        pyarrow.parquet.write_table(events, events_file)
        pyarrow.parquet.write_table(queries, queries_file)
        cluster = Cluster(folder, workers=WORKERS)
        try:
            read = cluster.session.read.parquet
            frames = read(str(events_file)), read(str(queries_file))
            for is_killed in (False, False, True):
                answers, seconds = on_the_cluster(cluster, frames, is_killed)
                assert sorted_rows(answers) == right
                how = "with a worker killed" if is_killed else "a cluster of two"
                rate = EVENTS / seconds / WORKERS
                print(f"{how:21} {rate:12,.0f} events a second and core, reading and shuffling included")
            assert len(cluster.workers) == WORKERS - 1
        finally:
            cluster.stop()
    print("all answers equal")


if __name__ == "__main__":
    main()
