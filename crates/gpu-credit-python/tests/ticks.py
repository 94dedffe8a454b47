"""The law tick by tick in plain Python, as a reference: jobs, priorities and credit lines among it.

It is short and slow. Records stand in lists in posting order; one that is taken back is None.
"""

from collections import Counter, namedtuple

Grant = namedtuple("Grant", "amount start end priority")
Job = namedtuple("Job", "rate start until")
Usage = namedtuple("Usage", "amount tick")
# Who was paid, by whom, how much, for which tick, and when.
Draw = namedtuple("Draw", "usage grant amount tick drawn_at")


class Ticks:
    def __init__(self, policy, first, last):
        self.policy, self.first, self.last = policy, first, last
        self.line = int(policy.partition(":")[2] or 10**9) if policy.startswith("carry") else 0
        self.grants, self.usage, self.jobs = [], [], []

    def replay(self, until):
        """Everything at or before a tick, which is not after the last."""
        return Replay(self).run(until)

    def balance_at(self, tick):
        return self.replay(tick).answer()

    def spendable(self, tick):
        return self.largest(lambda amount: self.fits(Usage(amount, tick), tick, tick + 1))

    def spendable_rate(self, start, until):
        return self.largest(lambda rate: self.fits(Job(rate, start, until), start, until))

    def runs_dry(self, rate, start):
        ends = range(start + 1, self.last + 2)
        return next((end - 1 for end in ends if not self.fits(Job(rate, start, end), start, end)), None)

    def first_uncovered(self, first, last):
        replay = self.replay(last)
        uncovered = [tick for tick, amount in replay.uncovered.items() if amount and first <= tick <= last]
        return min(uncovered, default=None)

    def largest(self, fits):
        """With a number all below it fit, and no more than there is."""
        amount, too_much = 0, 1 + sum(grant.amount for grant in self.grants if grant)
        while amount + 1 < too_much:
            tried = (amount + too_much) // 2
            amount, too_much = (tried, too_much) if fits(tried) else (amount, tried)
        return amount

    def fits(self, record, start, until):
        """Whether a record posted last is drawn whole as it falls, and takes from no other."""
        records = self.jobs if isinstance(record, Job) else self.usage
        before = self.replay(self.last)
        records.append(record)
        after = self.replay(self.last)
        records.pop()
        name = (type(record).__name__, len(records))
        drawn = Counter()
        for draw in after.draws:
            if draw.usage == name and draw.tick == draw.drawn_at:
                drawn[draw.tick] += draw.amount
        is_whole = all(drawn[tick] == record[0] for tick in range(start, until))
        return is_whole and after.course == before.course


class Replay:
    def __init__(self, ledger):
        self.ledger = ledger
        self.left, self.owed, self.draws = {}, [], []
        self.used = self.dropped = 0
        self.uncovered = Counter()
        self.lapsed, self.forfeited = Counter(), Counter()
        # The deficit and what was dropped, at each tick.
        self.course = []

    def run(self, until):
        ledger = self.ledger
        for self.tick in range(ledger.first, until + 1):
            for number in [number for number in self.left if ledger.grants[number].end < self.tick]:
                self.lapsed[number] += self.left.pop(number)
            for number, grant in enumerate(ledger.grants):
                if grant and grant.start == self.tick <= grant.end:
                    self.left[number] = grant.amount
                    self.repay(number)
            for number, usage in enumerate(ledger.usage):
                if usage and usage.tick == self.tick:
                    self.use([(("Usage", number), usage.amount)])
            running = enumerate(ledger.jobs)
            running = [(n, job) for n, job in running if job and job.start <= self.tick < job.until]
            self.use([(("Job", number), job.rate) for number, job in running])
            self.course.append((self.deficit, self.dropped))
        return self

    @property
    def deficit(self):
        return sum(amount for _, _, amount in self.owed)

    def order(self):
        grants = self.ledger.grants
        return sorted(self.left, key=lambda number: (grants[number].priority, grants[number].end, number))

    def draw(self, name, number, amount, tick):
        paid = min(amount, self.left[number])
        self.left[number] -= paid
        if paid:
            self.draws.append(Draw(name, number, paid, tick, self.tick))
        return amount - paid

    def repay(self, number):
        self.owed = [
            (name, tick, self.draw(name, number, amount, tick)) for name, tick, amount in self.owed
        ]
        self.owed = [debt for debt in self.owed if debt[2]]

    def use(self, demands):
        """Demands that are one usage."""
        total = sum(amount for _, amount in demands)
        self.used += total
        self.uncovered[self.tick] += max(0, total - sum(self.left.values()))
        if self.ledger.policy == "forfeit" and total > sum(self.left.values()):
            self.dropped += total
            for number in self.left:
                self.forfeited[number] += self.left[number]
                self.left[number] = 0
            return
        for name, amount in demands:
            for number in self.order():
                amount = self.draw(name, number, amount, self.tick)
            owed = min(amount, self.ledger.line - self.deficit)
            self.dropped += amount - owed
            if owed:
                self.owed.append((name, self.tick, owed))

    def answer(self):
        deficit, balance = self.deficit, sum(self.left.values()) - self.deficit
        if not self.left:
            return None, "inactive", deficit
        if deficit > 0:
            return None, "overdrawn", deficit
        if self.ledger.policy == "forfeit" and balance == 0:
            return None, "spent", 0
        return balance, "available", 0
