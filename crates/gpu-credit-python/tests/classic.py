"""The two classic classes in plain Python, as references: one heap replay a question.

`GPUCredit` replays all records in event time, whatever the order of the calls, under either
policy. `KeyedGPUCredit` is the classic keyed exercise, which works in the order of the calls.
"""

import heapq
from itertools import count

NEVER = 2**63 - 1


class GPUCredit:
    def __init__(self, policy="carry"):
        self.policy = policy
        self.grants = []
        self.usage = []

    def add_credit(self, credit_id, amount, timestamp, expiration):
        self.grants.append((timestamp, len(self.grants), amount, timestamp + expiration))

    def subtract(self, amount, timestamp):
        self.usage.append((timestamp, amount))

    def get_balance(self, timestamp):
        return self.balance_at(timestamp)[0]

    def balance_at(self, timestamp):
        live, deficit = self.replay(timestamp)
        balance = sum(left for _, _, left in live) - deficit
        if not any(start <= timestamp <= end for start, _, _, end in self.grants):
            return None, "inactive", deficit
        if deficit > 0:
            return None, "overdrawn", deficit
        if self.policy == "forfeit" and balance == 0:
            return None, "spent", 0
        return balance, "available", 0

    def remainders_at(self, timestamp):
        live, _ = self.replay(timestamp)
        return [(number, left) for _, number, left in sorted(live)]

    def replay(self, until):
        """What is left of the live grants, as a heap by their ends, and what no grant has paid."""
        events = [(time, 0, number, amount, end) for time, number, amount, end in self.grants]
        events += [(time, 1, order, amount, 0) for order, (time, amount) in enumerate(self.usage)]
        heapq.heapify(events)
        live, deficit = [], 0
        while events and events[0][0] <= until:
            time, is_usage, number, amount, end = heapq.heappop(events)
            lapse(live, time)
            if not is_usage:
                paid = min(amount, deficit)
                deficit -= paid
                amount -= paid
                if amount:
                    heapq.heappush(live, (end, number, amount))
            elif self.policy == "carry":
                deficit += draw(live, amount)
            elif draw(live, amount):
                live.clear()
        lapse(live, until)
        return live, deficit


def lapse(live, time):
    while live and live[0][0] < time:
        heapq.heappop(live)


def draw(live, amount):
    """Draws from what expires soonest; what is not covered."""
    while live and amount:
        end, number, left = live[0]
        drawn = min(left, amount)
        amount -= drawn
        if drawn == left:
            heapq.heappop(live)
        else:
            heapq.heapreplace(live, (end, number, left - drawn))
    return amount


class KeyedGPUCredit:
    def __init__(self):
        self.credits = {}
        self.order = count()

    def addCredit(self, creditId, amount, timestamp, expiration):
        credit = [timestamp + expiration, next(self.order), timestamp, amount]
        self.credits.setdefault(creditId, []).append(credit)

    def getBalance(self, creditId, timestamp):
        balance = sum(credit[3] for credit in self.live(creditId, timestamp))
        return balance or None

    def useCredit(self, creditId, timestamp, amount):
        for credit in self.live(creditId, timestamp):
            drawn = min(credit[3], amount)
            credit[3] -= drawn
            amount -= drawn
        if amount:
            self.credits.pop(creditId, None)

    def live(self, creditId, timestamp):
        credits = sorted(self.credits.get(creditId, []))
        return [credit for credit in credits if credit[2] <= timestamp <= credit[0]]
