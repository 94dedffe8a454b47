"""Attacks: whatever a program does, no abort, no hang, no panic.

Each runs in a process of its own that has ten seconds. It fails if the process ends by a signal, or by
an exception, PanicException among them, or does not end.

    python tests/test_attacks.py NAME                     runs one in this process
    GPU_CREDIT_ATTACKS=1000 pytest tests/test_attacks.py  forks a thousand times in each that forks
"""

import copy
import faulthandler
import gc
import itertools
import multiprocessing
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import gpu_credit
import numpy
import pytest
from gpu_credit import (
    CreditBook,
    CreditStore,
    GPUCredit,
    GrantRecord,
    KeyedGPUCredit,
    MeteredId,
    MeteredUsage,
)

ROUNDS = int(os.environ.get("GPU_CREDIT_ATTACKS", "0"))
SECONDS = 10 + ROUNDS
ATTACKS = {}
ATTACKS_AT_LEAST = 29


def attack(function):
    ATTACKS[function.__name__] = function
    return function


@pytest.mark.parametrize("name", ATTACKS_LATER := [])
def test_no_abort_no_hang_no_panic(name):
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, timeout=SECONDS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stderr}"
    assert "panicked" not in done.stderr, done.stderr


def test_no_attack_is_left_out():
    assert ATTACKS_LATER == list(ATTACKS)
    assert len(ATTACKS) >= ATTACKS_AT_LEAST


def refused(error, call):
    try:
        call()
    except error as raised:
        return raised
    raise AssertionError(f"{error} is not raised")


def an_account(grants=1_000, usage=1_000, policy="carry"):
    account = GPUCredit(policy)
    starts = numpy.arange(grants, dtype="int64") * 10
    account.add_credits(
        "a grant", amounts=starts * 0 + 9, timestamps=starts, expirations=starts * 0 + 30
    )
    times = numpy.arange(usage, dtype="int64") * 10 * grants // max(usage, 1)
    account.subtract_many(amounts=times * 0 + 1, timestamps=times)
    return account


def a_book():
    import pyarrow

    book = CreditBook()
    names = [f"account {number}" for number in range(100)]
    kinds = ["grant"] * 100
    columns = {"amount": [9] * 100, "timestamp": [0] * 100, "expiration": [99] * 100}
    book.ingest(pyarrow.table({"kind": kinds, "account": names, **columns}), policy="carry")
    return book


def a_keyed():
    keyed = KeyedGPUCredit()
    for number in range(300):
        keyed.addCredit(f"credit {number}", 9, 0, 99)
    return keyed


def a_store(folder):
    store = CreditStore(Path(folder) / "credit.redb")
    store.open_account("acme")
    store.add_credit("acme", "invoice", "march", amount=100, timestamp=0, expiration=30)
    return store


def every_question(account):
    """Calls that answer with Python objects, or run other Python code."""
    yield account.grants
    yield lambda: account.grant(0)
    yield lambda: repr(account)
    yield lambda: pickle.loads(pickle.dumps(account))
    yield lambda: copy.deepcopy(account)
    yield lambda: account.get_balance(5)
    yield lambda: account.get_balances([1, 2, 3])
    yield lambda: account.balance_at(5)
    yield lambda: account.remainders_at(5)
    yield lambda: account.steps(first=0, last=99)
    yield lambda: account.series(first=0, last=99, step=1)
    yield lambda: account.lowest_balance(first=0, last=99)
    yield lambda: account.lapsing(after=0, by=99)
    yield account.draws
    yield account.usage
    yield lambda: account.statement(99)
    yield lambda: account.grant_statement(0, timestamp=99)
    yield lambda: account.usage_statement(account.next_usage_id(10))
    yield account.metered
    yield lambda: account.spendable(5)
    yield lambda: account.spendable_rate(start=5, until=9)
    yield lambda: account.runs_dry(rate=1, start=5)
    yield account.first_uncovered
    yield lambda: account.what_if([(1, 5), MeteredUsage(1, 5, 9)], change_priorities={0: 1}).statement(99)
    yield lambda: account.metered_usage(MeteredId(0))
    yield lambda: account.metered_statement(MeteredId(0))
    yield lambda: account.balance_if((1, 5), 5)
    yield account.settlement
    yield account.settle
    yield lambda: account.post_usage(amount=1, timestamp=5)
    yield lambda: account.post_metered(rate=1, start=5, until=9)
    yield lambda: account.change_metered(account.post_metered(rate=1, start=5, until=9), until=7)
    yield lambda: account.retract_metered(account.post_metered(rate=1, start=5, until=9))
    yield lambda: account.post_metered_many(rates=[1], starts=[5], untils=[9])
    yield lambda: account.change_priority(0, priority=1)
    yield lambda: account.extend([(1, 5), ("a", 1, 5, 9), MeteredUsage(1, 5, 9), GrantRecord("a", 1, 5, 9, -1)])
    yield lambda: account.add_credits(["a"], amounts=[1], timestamps=[0], expirations=[9])


def everything(touch):
    """Calls everything, on objects that `touch` is told of first: it may do to them what it will."""
    book, keyed = a_book(), a_keyed()
    for account in (an_account(50, 50), book["account 1"]):
        for call in every_question(account):
            touch(lambda: (repr(account), account.subtract(1, 5), account.grants()), call)
    for call in (book.keys, lambda: repr(book), lambda: copy.copy(book), lambda: list(book)):
        touch(lambda: (book.subtract("account 1", amount=1, timestamp=1), repr(book)), call)
    for call in (lambda: repr(keyed), lambda: copy.copy(keyed)):
        touch(lambda: (keyed.useCredit("credit 1", 1, 1), repr(keyed)), call)
    with tempfile.TemporaryDirectory() as folder, a_store(folder) as store:
        for call in (lambda: store.history("acme"), store.accounts, lambda: store.account("acme")):
            touch(lambda: store.get_balance("acme", 5), call)


# Python code that runs in the middle of a call, and wants what the call works on.


@attack
def a_finalizer_that_posts_to_the_account():
    account = an_account(50_000, 0)
    keyed, posted = a_keyed(), []

    class Job:
        """It is in a circle, so that the collector frees it."""

        def __init__(self):
            self.callback = self.done

        def done(self):
            pass

        def __del__(self):
            account.subtract(1, 5)
            keyed.useCredit("credit 1", 1, 1)
            posted.append(1)

    for call in (account.grants, lambda: pickle.dumps(account), lambda: copy.copy(keyed), account.usage):
        for _ in range(100):
            Job()
        call()
    gc.collect()
    assert account.used == len(posted) == 400


@attack
def a_collector_callback_that_asks():
    def touch(want, call):
        def callback(phase, info):
            want()

        gc.callbacks.append(callback)
        gc.set_threshold(1)
        call()
        gc.callbacks.remove(callback)

    everything(touch)


@attack
def a_signal_handler_that_asks():
    def touch(want, call):
        signal.signal(signal.SIGALRM, lambda *_: want())
        for delay in range(20, 220, 10):
            signal.setitimer(signal.ITIMER_REAL, delay / 1_000_000)
            call()
        signal.setitimer(signal.ITIMER_REAL, 0)

    everything(touch)


@attack
def a_signal_handler_that_asks_during_long_work():
    account, seen = an_account(50_000, 50_000), []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(account.get_balance(5)))
    for call in (
        account.grants,
        lambda: account.series(first=0, last=10**6, step=1),
        lambda: account.steps(first=0, last=10**6),
        lambda: account.get_balances(numpy.arange(10**6)),
        lambda: copy.copy(account),
    ):
        signal.setitimer(signal.ITIMER_REAL, 0.003)
        call()
    assert seen


@attack
def a_tracer_that_asks():
    def touch(want, call):
        def trace(frame, event, argument):
            if frame.f_globals.get("__name__") != __name__:
                want()

        sys.settrace(trace)
        call()
        sys.settrace(None)

    everything(touch)


@attack
def a_profiler_that_asks():
    def touch(want, call):
        is_busy = []

        def profile(frame, event, argument):
            if not is_busy:
                is_busy.append(1)
                want()
                is_busy.clear()

        sys.setprofile(profile)
        call()
        sys.setprofile(None)

    everything(touch)


@attack
def iterators_that_use_the_account():
    account = GPUCredit()

    class Number:
        def __index__(self):
            account.subtract(1, 1)
            account.grants()
            return 3

    def records():
        for _ in range(100):
            account.extend([(1, 1)])
            yield Number(), Number()

    account.extend(records())
    account.get_balances([Number()])
    account.add_credit("a", Number(), Number(), Number())
    account.add_credits((repr(account) for _ in range(2)), amounts=[1] * 2, timestamps=[1] * 2, expirations=[1] * 2)
    assert account.used == 100 + 200 + 300 + 4


# Arguments that lie, or are too large.


@attack
def a_range_as_records():
    refused(TypeError, lambda: GPUCredit().extend(range(10**12)))


class Liar(list):
    length = 0

    def __len__(self):
        return self.length


@attack
def lengths_that_lie():
    for length in (2**31, 2**40, 2**62):
        records, numbers, texts = Liar([(1, 1)]), Liar([1]), Liar(["a"])
        Liar.length = length
        account = GPUCredit()
        account.extend(records)
        account.get_balances(numbers)
        one = {"amounts": [1], "timestamps": [1], "expirations": [1]}
        account.add_credits(texts, **one)
        a_book().get_balances(texts, [1])
        assert (account.used, account.granted) == (1, 1)


@attack
def names_that_are_a_range():
    refused((TypeError, ValueError), lambda: CreditBook().get_balances(range(10**14), [0]))
    refused((TypeError, ValueError), lambda: GPUCredit().add_credits(range(10**14), amounts=[1], timestamps=[1], expirations=[1]))


def at_most(megabytes):
    """So much memory beside what the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@attack
def answers_that_do_not_fit_into_memory():
    at_most(1_000)
    account = an_account()
    for last in (10**10, 2**40, 2**63 - 1):
        refused(MemoryError, lambda: account.series(first=0, last=last, step=1))
    refused(MemoryError, lambda: account.series(first=-(2**63), last=2**63 - 1, step=1))


@attack
def records_that_do_not_fit_into_memory():
    at_most(200)
    refused(MemoryError, lambda: GPUCredit().extend(itertools.repeat((1, 1))))
    refused(MemoryError, lambda: GPUCredit().get_balances(range(10**12)))


@attack
def a_step_of_nothing():
    for step in (0, -1):
        refused(ValueError, lambda: GPUCredit().series(first=0, last=10**18, step=step))


@attack
def numbers_too_large_to_be_written_out():
    account = GPUCredit()
    for number in (10**400, 10**5_000, -(10**5_000), 2**200_000):
        for call in (
            lambda: account.subtract(number, 0),
            lambda: account.get_balance(number),
            lambda: account.add_credit("a", 1, 0, number),
        ):
            error = refused((OverflowError, ValueError), call)
            assert len(str(error)) < 200, error
            assert "digits" not in str(error)


@attack
def arrays_of_all_kinds():
    account = an_account()
    for bad in (
        [2**64],
        [2**63, -1],
        [None],
        [1.5],
        [[1]],
        numpy.zeros((2, 2)),
        numpy.array(["a"]),
        numpy.array([None]),
        numpy.array(1),
        numpy.zeros(3, dtype=[("a", "i8")]),
        numpy.array([2**63], dtype="uint64"),
        {1: 2},
        {1, 2},
        "text",
        b"bytes",
        object(),
    ):
        refused((TypeError, ValueError, OverflowError), lambda: account.get_balances(bad))


@attack
def jobs_at_the_ends_of_time():
    first, last = -(2**63), 2**63 - 1
    for policy in ("carry", "forfeit", "carry:0", f"carry:{last}"):
        account = GPUCredit(policy)
        account.extend([GrantRecord("a", last, first, 2**64 - 1, -(2**15)), MeteredUsage(0, first, last)])
        refused(OverflowError, lambda: account.post_metered(rate=1, start=first, until=last))
        refused(OverflowError, lambda: account.post_metered(rate=last, start=0, until=2))
        job = account.post_metered(rate=1, start=last, until=first)
        refused(OverflowError, lambda: account.change_metered(job, start=first, until=last))
        account.change_metered(job, start=0, until=last)
        for start, until in ((last, last), (first, first), (last, first), (last - 1, last)):
            account.post_metered(rate=0, start=start, until=until)
        assert account.used == last
        for call in every_question(account):
            try:
                call()
            except OverflowError:
                pass
        account.get_balances([first, 0, last])
        account.steps(first=first, last=last)
        account.lowest_balance(first=first, last=last)
        for tick in (first, 0, last):
            account.spendable(tick)
            account.runs_dry(rate=last, start=tick)
            account.runs_dry(rate=0, start=tick)
        account.spendable_rate(start=first, until=last)
        refused(ValueError, lambda: account.spendable_rate(start=last, until=first))
        account.first_below(first=first, last=last, amount=last)


@attack
def plans_that_change_while_they_are_read():
    account, changes = an_account(50, 50), {}

    class Number:
        def __init__(self, number):
            self.number = number

        def __index__(self):
            changes.clear()
            changes.update({number: 1 for number in range(1_000)})
            account.subtract(1, 5)
            account.what_if(change_priorities=dict.fromkeys(range(5), 1)).grants()
            return self.number

    changes.update({Number(1): Number(2), Number(2): Number(3)})
    plan = account.what_if(change_priorities=changes)
    assert plan.grant(1).priority == 2
    for _ in range(20):
        plan = plan.what_if([(Number(1), Number(5))])
    for call in every_question(plan):
        try:
            call()
        except TypeError as error:
            assert "this is a plan" in str(error), error
    assert plan.used == account.used + 20


@attack
def identities_that_are_none():
    account = GPUCredit()
    account.post_metered(rate=1, start=5, until=9)
    account.subtract(1, 5)
    for number in (1, 2**31, 2**32, 2**63):
        for call in (account.retract_metered, lambda job: account.change_metered(job, rate=1)):
            refused(LookupError, lambda: call(MeteredId(number)))
        refused((LookupError, OverflowError), lambda: account.retract_metered(MeteredId(2**64 + number)))
    for bad in (0, (0,), MeteredId("a"), MeteredId(None), MeteredId(-1), MeteredId.__new__(MeteredId, 0.5)):
        for call in (account.retract_metered, account.metered_usage, account.metered_statement):
            refused((TypeError, ValueError), lambda: call(bad))
    for bad in (tuple.__new__(MeteredId), tuple.__new__(MeteredId, (0, 0)), account.next_usage_id(5)):
        refused((TypeError, ValueError), lambda: account.retract_metered(bad))
    refused(TypeError, lambda: account.retract_usage(MeteredId(0)))
    refused(ValueError, lambda: account.change_metered(MeteredId(0)))
    for bad in (tuple.__new__(MeteredUsage), tuple.__new__(MeteredUsage, (1, 2)), (1, 2, 3)):
        refused((TypeError, IndexError), lambda: account.extend([bad]))
    assert account.used == 5


@attack
def priorities_that_are_none():
    account = GPUCredit()
    grant = {"amount": 1, "timestamp": 0}
    for bad in (2**15, -(2**15) - 1, 2**63, -(10**5_000)):
        refused(OverflowError, lambda: account.post_grant("a", **grant, priority=bad))
        refused(OverflowError, lambda: account.extend([GrantRecord("a", 1, 0, 1, bad)]))
        if abs(bad) < 2**63:
            columns = {"amounts": [1], "timestamps": [0], "expirations": [1], "priorities": [bad]}
            refused(OverflowError, lambda: account.add_credits("a", **columns))
    for bad in (1.5, "1", None):
        refused(TypeError, lambda: account.post_grant("a", **grant, priority=bad))
    assert account.grant_count == 0


# Bytes that are damaged.


def every_object():
    account = an_account(30, 60)
    account.retract_grant(3)
    account.retract_usage(account.find_usage(amount=1, timestamp=5))
    account.post_metered_many(rates=range(9), starts=range(20, 29), untils=range(110, 200, 10))
    account.retract_metered(MeteredId(3))
    account.change_priority(7, priority=-4)
    return account, a_keyed(), a_book()


@attack
def damaged_pickles():
    generator = random.Random(1)
    errors = (ValueError, TypeError, EOFError, pickle.UnpicklingError, LookupError, AttributeError)
    errors += (MemoryError, ImportError, OverflowError, RecursionError)
    for whole in every_object():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            pickled = pickle.dumps(whole, protocol)
            for _ in range(150):
                damaged = bytearray(pickled)
                for _ in range(generator.randrange(1, 4)):
                    damaged[generator.randrange(len(damaged))] = generator.randrange(256)
                if generator.random() < 0.3:
                    del damaged[generator.randrange(len(damaged)) :]
                try:
                    pickle.loads(bytes(damaged))
                except errors:
                    pass


@attack
def damaged_states():
    generator = random.Random(2)
    for whole in every_object():
        state = whole.__getstate__()
        blob, rest = (state[0], state[1:]) if isinstance(state, tuple) else (state, None)
        for _ in range(1_000):
            damaged = bytearray(blob)
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
            damaged = bytes(damaged[: generator.choice([len(damaged), generator.randrange(len(damaged))])])
            new = type(whole)()
            told = damaged if rest is None else (damaged, *rest)
            refused(ValueError, lambda: new.__setstate__(told))
        for told in (None, 7, (), (b"",), (b"", None, None), [], {}, "text", (None, None), ({}, None)):
            refused((TypeError, ValueError), lambda: type(whole)().__setstate__(told))


# Tables of other libraries.


def events(**columns):
    import pyarrow

    row = {"kind": ["usage"], "account": ["a"], "amount": [1], "timestamp": [1], "expiration": [1]}
    return pyarrow.table({**row, **columns})


@attack
def text_that_is_no_unicode():
    import pyarrow

    for binary, text in (
        (pyarrow.binary(), pyarrow.string()),
        (pyarrow.large_binary(), pyarrow.large_string()),
        (pyarrow.binary_view(), pyarrow.string_view()),
    ):
        for bad in (b"\xff\xfe", b"\xc3", b"a long text with an error: \xff" * 2):
            broken = pyarrow.array([bad], binary)
            broken = pyarrow.Array.from_buffers(text, 1, broken.buffers())
            for column in ("account", "kind", "credit_id"):
                book = CreditBook()
                kind = {"kind": ["grant"]} if column == "credit_id" else {}
                refused(ValueError, lambda: book.ingest(events(**kind, **{column: broken}), policy="carry"))
                assert (book.keys(), list(book)) == ([], [])


@attack
def streams_that_are_none():
    class Table:
        def __init__(self, answer):
            self.answer = answer

        def __arrow_c_stream__(self, requested_schema=None):
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    import pyarrow

    used = events()
    capsule = used.__arrow_c_stream__()
    CreditBook().ingest(Table(capsule), policy="carry")
    number = pyarrow.table({"kind": [1]})["kind"].chunk(0)
    for answer in (None, 7, object(), capsule, RuntimeError("no"), number.__arrow_c_array__()):
        refused(Exception, lambda: CreditBook().ingest(Table(answer), policy="carry"))


@attack
def ctrl_c_in_the_first_array_call():
    account = GPUCredit()
    account.add_credit("a", 1, 0, 1)
    interrupted(lambda: account.series(first=0, last=10**8, step=1))


def interrupted(call):
    """Ctrl-C after 0.3 seconds ends it within one more, and one for a busy machine."""
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    begun = time.monotonic()
    try:
        while True:
            call()
    except KeyboardInterrupt:
        assert time.monotonic() - begun < 2.3, time.monotonic() - begun


LONG_QUESTIONS = {
    "series": lambda account: account.series(first=0, last=10**8, step=1),
    "get_balances": lambda account: account.get_balances(numpy.arange(20_000_000)),
    "steps": lambda account: account.steps(first=0, last=10**9),
    "draws": GPUCredit.draws,
    "usage": GPUCredit.usage,
    "grants": GPUCredit.grants,
    "statement": lambda account: account.statement(10**9),
    "metered": GPUCredit.metered,
    "metered_statement": lambda account: account.metered_statement(MeteredId(0)),
    "extend": lambda account: account.extend((1, 1) for _ in itertools.count()),
    "book": lambda _: a_book().get_balances(["account 1"] * 1_000_000, numpy.arange(1_000_000)),
}


def ctrl_c_in(name):
    def attack():
        account = an_account(200_000, 400_000)
        starts = numpy.arange(200_000) * 10
        account.post_metered_many(rates=starts * 0, starts=starts, untils=starts + 1_000_000)
        interrupted(lambda: LONG_QUESTIONS[name](account))
        assert account.get_balance(5) is not None

    ATTACKS[f"ctrl_c_in_{name}"] = attack


for name in LONG_QUESTIONS:
    ctrl_c_in(name)


def ctrl_c_in_an_import(name, head, row, rows):
    """It was seen when the whole file had been posted."""

    def attack():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text("\n".join([head, *(row.format(number) for number in range(rows)), ""]))
            with CreditStore(Path(folder) / "credit.redb") as store:
                interrupted(lambda: getattr(store, name)(path))
                assert store.accounts() == []
                path.write_text("\n".join([head, row.format(1), ""]))
                assert getattr(store, name)(path).posted > 0

    ATTACKS[f"ctrl_c_in_{name}"] = attack


ctrl_c_in_an_import(
    "import_events",
    "kind,account,credit_id,amount,timestamp,expiration,id",
    "usage,acme,,1,{0},,job-{0}",
    1_000_000,
)
ctrl_c_in_an_import(
    "import_sacct",
    "JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State",
    "{0}|c|lab|ada|2026-01-01T00:00:00|2026-01-01T00:00:00|2026-01-01T01:00:00|gres/gpu=2|COMPLETED",
    300_000,
)


@attack
def ctrl_c_while_another_thread_works():
    account = an_account()
    is_over = threading.Event()

    def work():
        while not is_over.is_set():
            account.series(first=0, last=10**8, step=1)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    time.sleep(0.1)
    interrupted(lambda: account.get_balance(5))
    os._exit(0)


@attack
def ctrl_c_in_a_reader_of_batches():
    import pyarrow

    table = events()

    def batches():
        yield table.to_batches()[0]
        raise KeyboardInterrupt

    reader = pyarrow.RecordBatchReader.from_batches(table.schema, batches())
    refused(KeyboardInterrupt, lambda: CreditBook().ingest(reader, policy="carry"))


# Threads, forks, and the end of the process.


@attack
def threads_that_do_everything_at_once():
    account, keyed, book = an_account(), a_keyed(), a_book()
    failures = []

    def work(seed):
        generator = random.Random(seed)
        calls = [*every_question(account), *every_question(book["account 1"])]
        calls += [lambda: copy.copy(keyed), lambda: copy.copy(book), lambda: keyed.useCredit("credit 1", 1, 1)]
        try:
            for _ in range(200):
                generator.choice(calls)()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


@attack
def a_process_that_ends_while_threads_work():
    account = an_account()

    def work():
        while True:
            account.series(first=0, last=10**6, step=1)
            account.grants()
            account.get_balances(numpy.arange(100_000))

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(0.3)


def in_a_child(call):
    """Its exit code, or that of a signal."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(5)
            call()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_while_others_work(rounds):
    """A child finds every account whole and free, whatever other threads of its parent were at."""
    account, book, keyed, is_over = an_account(20_000, 20_000), a_book(), a_keyed(), threading.Event()
    times, usage = numpy.arange(200_000), numpy.ones(5_000, dtype="int64")

    def work(seed):
        generator = random.Random(seed)
        calls = [
            lambda: account.get_balances(times),
            lambda: account.series(first=0, last=300_000, step=1),
            lambda: account.subtract_many(amounts=usage, timestamps=usage),
            lambda: copy.copy(account),
            account.settle,
            lambda: account.subtract(1, 5),
            lambda: book.total_at(5),
            lambda: copy.copy(book),
            lambda: book["account 1"].subtract(1, 5),
            lambda: copy.copy(keyed),
        ]
        while not is_over.is_set():
            generator.choice(calls)()

    def ask():
        used = account.used
        account.subtract(1, 5)
        assert account.used == used + 1
        assert account.get_balances(times).count() > 0
        assert len(copy.copy(book)) == 100
        book["account 1"].subtract(1, 5)
        copy.copy(keyed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    failed = [code for code in (in_a_child(ask) for _ in range(rounds)) if code != 0]
    is_over.set()
    for thread in threads:
        thread.join()
    assert not failed, failed


@attack
def forks_while_other_threads_work():
    fork_while_others_work(ROUNDS or 15)


@attack
def a_fork_that_waits_for_what_waits_for_it():
    """Another handler of the fork takes a lock, whose owner asks the account at length."""
    account, lock, times = an_account(), threading.Lock(), numpy.arange(200_000)
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
    is_over = threading.Event()

    def work():
        while not is_over.is_set():
            with lock:
                account.get_balances(times)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(3):
        assert in_a_child(lambda: None) == 0
    is_over.set()
    thread.join()


def raises_runtime_error(call):
    assert "process" in str(refused(RuntimeError, call))


def use_a_store_that_is_not_mine(store):
    for call in (
        lambda: store.subtract("acme", "child", amount=1, timestamp=1),
        lambda: store.add_credit("acme", "child", "a", amount=1, timestamp=1),
        lambda: store.open_account("eve"),
        lambda: store.run("acme", "child", rate=1, start=1, until=2),
        lambda: store.stop("acme", "child", at=1),
        lambda: store.change_metered("acme", "child", "job", until=1),
        lambda: store.usage_statement("acme", "child"),
        lambda: store.import_events(__file__),
        lambda: store.import_sacct(__file__),
        lambda: store.spendable("acme", 1),
        lambda: store.spendable_rate("acme", start=1, until=2),
        lambda: store.runs_dry("acme", rate=1, start=1),
        lambda: store.first_uncovered("acme"),
        lambda: store.change_priority("acme", "child", "invoice", priority=1),
        lambda: store.retract("acme", "child", "invoice"),
        lambda: store.delete_account("acme", "child"),
        lambda: store.get_balance("acme", 1),
        lambda: store.balance_at("acme", 1),
        lambda: store.account("acme"),
        store.accounts,
        lambda: store.history("acme"),
        lambda: store.revision("acme"),
        store.check,
        lambda: store.copy_to("copy.redb"),
        store.__enter__,
        store.close,
    ):
        raises_runtime_error(call)


@attack
def a_store_in_a_forked_child():
    with tempfile.TemporaryDirectory() as folder:
        store = a_store(folder)

        def child():
            nonlocal store
            use_a_store_that_is_not_mine(store)
            store = None
            gc.collect()

        assert in_a_child(child) == 0
        assert store.subtract("acme", "job", amount=7, timestamp=1)
        refused(OSError, lambda: CreditStore(Path(folder) / "credit.redb"))  # It is still locked.
        store.close()
        with CreditStore(Path(folder) / "credit.redb") as store:
            assert [entry["id"] for entry in store.history("acme")] == ["open", "invoice", "job"]
            assert store.check() == []


def post_in_a_pool(number):
    try:
        return POOLED.subtract("acme", f"job {number}", amount=1, timestamp=1)
    except RuntimeError:
        return False


@attack
def a_store_in_a_pool_of_forked_processes():
    global POOLED
    with tempfile.TemporaryDirectory() as folder:
        POOLED = a_store(folder)
        with multiprocessing.get_context("fork").Pool(4) as pool:
            acknowledged = pool.map(post_in_a_pool, range(400))
        POOLED.subtract("acme", "the parent's", amount=1, timestamp=1)
        assert POOLED.account("acme").used == sum(acknowledged) + 1
        assert POOLED.check() == []


def store_under_attack(rounds):
    """Threads post, children are forked in the middle and end in all ways: nothing acknowledged is lost."""
    with tempfile.TemporaryDirectory() as folder:
        store, is_over, acknowledged = a_store(folder), threading.Event(), set()

        def post(thread):
            for number in itertools.count():
                if is_over.is_set():
                    return
                name = f"{thread}-{number}"
                if store.subtract("acme", name, amount=1, timestamp=1):
                    acknowledged.add(name)

        def child(seed):
            nonlocal store
            refused(RuntimeError, lambda: store.subtract("acme", "child", amount=1, timestamp=1))
            if seed % 3 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            if seed % 3 == 1:
                store = None
                gc.collect()

        threads = [threading.Thread(target=post, args=(thread,)) for thread in range(3)]
        for thread in threads:
            thread.start()
        for seed in range(rounds):
            in_a_child(lambda: child(seed))
        is_over.set()
        for thread in threads:
            thread.join()
        store.close()
        with CreditStore(Path(folder) / "credit.redb") as store:
            known = {entry["id"] for entry in store.history("acme")} - {"open", "invoice"}
            assert known == acknowledged, (len(known), len(acknowledged))
            assert store.check() == []


@attack
def forks_while_threads_post_to_a_store():
    store_under_attack(ROUNDS or 30)


ATTACKS_LATER.extend(ATTACKS)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(SECONDS - 1)
    ATTACKS[sys.argv[1]]()
