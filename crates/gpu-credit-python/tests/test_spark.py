"""Balances on a real cluster of a master and two workers, against the engine in this process.

What is refused is tested row by row in test_fold.py: here, that it ends a job.
"""

import random
import threading

import pytest

pytest.importorskip("pyspark")

from cluster import Cluster  # noqa: E402
from gpu_credit import CreditStore, GPUCredit  # noqa: E402
from gpu_credit.spark import balances  # noqa: E402

EVENTS = (
    "kind string, account string, credit_id string, amount bigint, timestamp bigint, "
    "expiration bigint"
)
QUERIES = "account string, timestamp bigint"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


def ledger(seed, events, accounts):
    """Shuffled events and queries. One account has a third of all."""
    generator = random.Random(seed)
    rows, queries = [], []
    for _ in range(events):
        place = 0 if generator.random() < 0.33 else generator.randrange(accounts)
        account, time = f"account {place}", generator.randrange(100_000)
        if generator.random() < 0.3:
            rows.append(("grant", account, "same id", generator.randrange(50), time, 5_000))
        else:
            rows.append(("usage", account, None, generator.randrange(20), time, None))
        if generator.random() < 0.1:
            queries.append((account, generator.randrange(100_000)))
    return rows, queries


def answered_here(rows, queries, policy):
    accounts = {account: GPUCredit(policy) for account, _ in queries}
    accounts |= {row[1]: GPUCredit(policy) for row in rows}
    for kind, account, credit_id, amount, timestamp, expiration in sorted(
        rows, key=lambda row: (row[4], row[5] or 0, row[3])
    ):
        if kind == "grant":
            accounts[account].add_credit(credit_id, amount, timestamp, expiration)
        else:
            accounts[account].subtract(amount, timestamp)
    return sorted(
        (account, timestamp, *accounts[account].balance_at(timestamp))
        for account, timestamp in queries
    )


def answered_there(cluster, rows, queries, policy="carry", events=EVENTS):
    session = cluster.session
    found = balances(
        session.createDataFrame(rows, events), session.createDataFrame(queries, QUERIES), policy
    )
    return sorted(tuple(row) for row in found.collect())


@pytest.mark.parametrize("policy", ["carry", "forfeit"])
def test_a_cluster_answers_as_one_process_does(cluster, policy):
    rows, queries = ledger(1, 20_000, 200)
    there = answered_there(cluster, rows, queries, policy)
    assert there == answered_here(rows, queries, policy)
    assert len(there) == len(queries)


def test_empty_tables_and_accounts_without_events(cluster):
    assert answered_there(cluster, [], []) == []
    assert answered_there(cluster, [], [("ada", 5)]) == [("ada", 5, None, "inactive", 0)]
    assert answered_there(cluster, [("usage", "ada", None, 3, 1, None)], []) == []
    # One account: all partitions but one are empty.
    assert answered_there(cluster, [("usage", "ada", None, 3, 1, None)], [("ada", 5)] * 2) == [
        ("ada", 5, None, "inactive", 3)
    ] * 2


@pytest.mark.parametrize(
    "row, message",
    [
        (("grant", "ada", "a", None, 1, 1), "has no amount"),
        (("refund", "ada", "a", 1, 1, 1), "has no kind"),
    ],
)
def test_nulls_end_the_job_with_an_error_that_says_what(cluster, row, message):
    with pytest.raises(Exception, match=message):
        answered_there(cluster, [row], [("ada", 1)])


def test_other_types_are_refused_before_anything_runs(cluster):
    events = EVENTS.replace("amount bigint", "amount double")
    with pytest.raises(TypeError, match="amount"):
        answered_there(cluster, [], [], events=events)
    with pytest.raises(ValueError, match="kind"):
        answered_there(cluster, [], [], events=EVENTS.replace("kind", "sort"))
    with pytest.raises(ValueError, match="policy"):
        answered_there(cluster, [], [], policy="never")


def test_posted_decides_who_pays_first(cluster):
    # Both start into a deficit of 5: the one posted first pays it.
    rows = [
        ("usage", "ada", None, 5, 0, None, None),
        ("grant", "ada", "short", 5, 10, 1, 2),
        ("grant", "ada", "long", 5, 10, 9, 1),
    ]
    found = answered_there(cluster, rows, [("ada", 12)], events=EVENTS + ", posted int")
    assert found == [("ada", 12, 0, "available", 0)]
    without = [row[:-1] for row in rows]
    assert answered_there(cluster, without, [("ada", 12)]) == [("ada", 12, 5, "available", 0)]


def test_a_worker_that_is_killed_changes_no_answer(cluster):
    rows, queries = ledger(2, 40_000, 400)
    right = answered_here(rows, queries, "carry")
    session = cluster.session
    found = balances(
        session.createDataFrame(rows, EVENTS).repartition(8),
        session.createDataFrame(queries, QUERIES),
        partitions=64,
    )
    answers = []
    job = threading.Thread(target=lambda: answers.extend(tuple(row) for row in found.collect()))
    job.start()
    cluster.wait_for_the_middle(64)
    cluster.kill_a_worker()
    job.join(120)
    assert not job.is_alive()
    assert sorted(answers) == right
    executors = session.sparkContext._jsc.sc().getExecutorMemoryStatus()
    assert executors.size() == 2  # The driver and one worker: the other one did die.


def post_and_correct(stores, seed, rounds):
    """What several stores on one database post to some accounts, in no order of time, and correct."""
    generator = random.Random(seed)
    number = generator.randrange
    for account in range(8):
        stores[0].open_account(f"account {account}")
    for place in range(rounds):
        store, account, id = generator.choice(stores), f"account {number(8)}", str(place)
        kind = number(3)
        if kind == 0:
            window = {"timestamp": number(100), "expiration": 1 + number(60)}
            store.add_credit(account, id, "same id", amount=number(50), priority=number(-1, 2), **window)
            corrections = [
                lambda: store.change_expiration(account, f"{id}/fix", id, number(90)),
                lambda: store.change_priority(account, f"{id}/fix", id, priority=number(-1, 2)),
                lambda: store.revoke_grant(account, f"{id}/fix", id, window["timestamp"] + 1 + number(window["expiration"])),
            ]
        elif kind == 1:
            store.subtract(account, id, amount=number(20), timestamp=number(200))
            corrections = [lambda: store.change_usage(account, f"{id}/fix", id, number(20))]
        else:
            start = number(150)
            store.run(account, id, rate=number(4), start=start, until=start + number(30))
            corrections = [lambda: store.change_metered(account, f"{id}/fix", id, rate=number(4))]
        if generator.random() < 0.4:
            generator.choice([*corrections, lambda: store.retract(account, f"{id}/fix", id)])()


def exported(store):
    """The records of all accounts of a store as they stand, as rows of events."""
    book = store.to_book()
    for grant in book.grants():
        last = grant.end if grant.revoked_from is None else min(grant.end, grant.revoked_from - 1)
        yield "grant", grant.account, grant.amount, grant.start, last - grant.start, grant.number, grant.priority, None
    for usage in book.usage():
        yield "usage", usage.account, usage.amount, usage.timestamp, None, None, None, None
    for job in book.metered():
        yield "usage", job.account, job.rate, job.start, None, None, None, job.until


def test_a_cluster_answers_as_a_store_on_a_server_does(cluster, server):
    address = server.address()
    with CreditStore(address) as one, CreditStore(address) as other:
        post_and_correct([one, other], 7, 400)
        queries = [(account, time) for account in one.accounts() for time in range(-5, 215, 3)]
        columns = "kind string, account string, amount bigint, timestamp bigint, expiration bigint, "
        columns += "posted bigint, priority bigint, until bigint"
        there = answered_there(cluster, [*exported(other)], queries, events=columns)
        here = [(account, time, *one.balance_at(account, time)) for account, time in queries]
    assert there == sorted(here)
    assert len({answer[3] for answer in here}) == 3
