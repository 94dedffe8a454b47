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
        balance, deficit, is_live = self.replay(timestamp)
        if not is_live or balance < deficit or (self.policy == "forfeit" and balance == 0):
            return None
        return balance - deficit

    def balance_at(self, timestamp):
        balance, deficit, is_live = self.replay(timestamp)
        if not is_live:
            status = "inactive"
        elif deficit > 0:
            status = "overdrawn"
        elif self.policy == "forfeit" and balance == 0:
            status = "spent"
        else:
            status = "available"
        return self.get_balance(timestamp), status, deficit

    def remainders_at(self, timestamp):
        live = []
        self.replay(timestamp, live)
        return [(number, left) for _, number, left in sorted(live) if left > 0]

    def replay(self, until, live=None):
        """What is left of the live grants, what no grant has paid, and whether a window is open."""
        events = [(time, 0, number, amount, end) for time, number, amount, end in self.grants]
        events += [(time, 1, order, amount, 0) for order, (time, amount) in enumerate(self.usage)]
        events = [event for event in events if event[0] <= until]
        heapq.heapify(events)
        live = [] if live is None else live
        deficit = 0
        while events:
            time, is_usage, number, amount, end = heapq.heappop(events)
            lapse(live, time)
            if is_usage and self.policy == "forfeit" and amount > sum(left for _, _, left in live):
                live[:] = [(end, number, 0) for end, number, _ in live]
            elif is_usage:
                deficit += draw(live, amount)
            else:
                paid = min(amount, deficit)
                deficit -= paid
                heapq.heappush(live, (end, number, amount - paid))
        lapse(live, until)
        return sum(left for _, _, left in live), deficit, bool(live)


def lapse(live, time):
    while live and live[0][0] < time:
        heapq.heappop(live)


def draw(live, amount):
    """Draws from what expires soonest; what is not covered."""
    for place, (end, number, left) in enumerate(sorted(live)):
        drawn = min(left, amount)
        amount -= drawn
        live[live.index((end, number, left))] = (end, number, left - drawn)
    return amount


class KeyedGPUCredit:
    def __init__(self):
        self.credits = {}
        self.order = count()

    def addCredit(self, creditID, amount, timestamp, expiration):
        credit = [timestamp + expiration, next(self.order), timestamp, amount]
        self.credits.setdefault(creditID, []).append(credit)

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
