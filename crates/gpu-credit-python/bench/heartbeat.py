"""How long other Python threads stand still during a call: the longest gap between two beats of a
thread that wants to run every millisecond.

    python bench/heartbeat.py

One account of a million grants and a million usage records. A busy machine adds gaps of its own: the
first line, in which the main thread sleeps, shows how long they are. Python's collector of garbage
and the end of long lists stop all threads too; both are kept out of this.
"""

import copy
import gc
import pickle
import threading
import time

import numpy
from gpu_credit import CreditBook, GPUCredit

COUNT = 1_000_000


class Heart:
    def __init__(self):
        self.beats = []
        threading.Thread(target=self.beat, daemon=True).start()

    def beat(self):
        while True:
            self.beats.append(time.perf_counter())
            time.sleep(0.001)

    def show(self, name, call):
        time.sleep(0.05)
        begun = time.perf_counter()
        answer = call()
        ended = time.perf_counter()
        time.sleep(0.05)
        beats = [beat for beat in self.beats if begun - 0.02 <= beat <= ended + 0.02]
        gap = max((later - earlier for earlier, later in zip(beats, beats[1:])), default=0.0)
        print(f"{name:40} {(ended - begun) * 1e3:10.1f} ms, longest gap {gap * 1e3:7.1f} ms", flush=True)
        del answer


def main():
    gc.disable()
    numbers = numpy.arange(COUNT, dtype="int64")
    columns = {"amounts": numbers * 0 + 9, "timestamps": numbers * 10, "expirations": numbers * 0 + 30}
    account, heart, book, now = GPUCredit(), Heart(), CreditBook(), COUNT * 10
    heart.show("sleep", lambda: time.sleep(0.5))
    heart.show("add_credits", lambda: account.add_credits("a grant", **columns))
    heart.show("subtract_many", lambda: account.subtract_many(amounts=numbers * 0 + 5, timestamps=numbers * 10))
    heart.show("the first get_balance", lambda: account.get_balance(now))
    account.add_credits(["late"] * 20_000, **{name: column[:20_000] for name, column in columns.items()})
    heart.show("get_balance after 20,000 late grants", lambda: account.get_balance(now))
    for _ in range(4_000):
        account.subtract(1, 5)
    heart.show("get_balance after 4,000 late subtracts", lambda: account.get_balance(now))
    account.subtract(5, 5)
    heart.show("get_balance after a late record", lambda: account.get_balance(now))
    heart.show("balance_if", lambda: account.balance_if((10, 5), now))
    heart.show("get_balances of a million", lambda: account.get_balances(numbers * 10))
    heart.show("series of a million", lambda: account.series(first=0, last=now, step=10))
    heart.show("steps", lambda: account.steps(first=0, last=now))
    heart.show("draws", account.draws)
    heart.show("usage", account.usage)
    heart.show("grants", account.grants)
    heart.show("statement", lambda: account.statement(now))
    heart.show("lowest_balance", lambda: account.lowest_balance(first=0, last=now))
    heart.show("first_below", lambda: account.first_below(first=0, last=now, amount=0))
    heart.show("remainders_at", lambda: account.remainders_at(now // 2))
    heart.show("lapsing", lambda: account.lapsing(after=0, by=now))
    heart.show("copy.deepcopy", lambda: copy.deepcopy(account))
    heart.show("pickle.dumps", lambda: pickle.dumps(account))
    pickled = pickle.dumps(account)
    heart.show("pickle.loads", lambda: pickle.loads(pickled))
    heart.show("book[name] = account", lambda: book.__setitem__("a", account))
    heart.show("book.get_balance", lambda: book.get_balance("a", now))
    heart.show("book[name].get_balance", lambda: book["a"].get_balance(now))
    heart.show("book.get_balances of a million", lambda: book.get_balances("a", numbers))
    heart.show("copy.copy(book)", lambda: copy.copy(book))
    heart.show("del book[name]", lambda: book.__delitem__("a"))


if __name__ == "__main__":
    main()
