"""What is left of an account's grants: the loop over records that everybody writes."""

import heapq
from typing import NamedTuple


class Statement(NamedTuple):
    """What happened to an account in a period. Nothing is forfeited, revoked or dropped here."""

    account: str
    remaining_before: int
    granted: int
    drawn: int
    lapsed: int
    remaining: int
    deficit_before: int
    used: int
    deficit: int


class Credit:
    """What is left of the active grants, soonest end in front, and usage that none has covered."""

    def __init__(self):
        self.active = []
        self.deficit = 0
        self.last_end = None

    def lapse(self, time):
        while self.active and self.active[0][0] < time:
            heapq.heappop(self.active)

    def grant(self, number, amount, start, end):
        self.lapse(start)
        paid = min(amount, self.deficit)
        self.deficit -= paid
        heapq.heappush(self.active, (end, number, amount - paid))
        self.last_end = end if self.last_end is None else max(self.last_end, end)

    def use(self, amount, time):
        self.lapse(time)
        while self.active and amount:
            end, number, left = self.active[0]
            if left > amount:
                heapq.heapreplace(self.active, (end, number, left - amount))
                return
            heapq.heappop(self.active)
            amount -= left
        self.deficit += amount

    @property
    def remaining(self):
        return sum(left for _, _, left in self.active)


def merged(grants, usage):
    """Grants (start, number, amount, end) and usage (time, number, amount) sorted, grants first."""
    events = [(start, False, number, amount, end) for start, number, amount, end in grants]
    events += [(time, True, number, amount, 0) for time, number, amount in usage]
    events.sort()
    return events


def replay(events, instants):
    """What is left at each of some instants, which are sorted: one object, which goes on."""
    credit, place = Credit(), 0
    for instant in instants:
        while place < len(events) and events[place][0] <= instant:
            time, is_usage, number, amount, end = events[place]
            if is_usage:
                credit.use(amount, time)
            else:
                credit.grant(number, amount, time, end)
            place += 1
        credit.lapse(instant)
        yield credit


def balance(events, instant):
    """None if no grant is active, or if usage is not covered."""
    (credit,) = replay(events, [instant])
    is_active = credit.last_end is not None and instant <= credit.last_end
    return credit.remaining if is_active and credit.deficit == 0 else None


def statement(account, events, first, last):
    """What happened from one instant to another, both included."""
    granted = used = 0
    for time, is_usage, _, amount, _ in events:
        if first <= time <= last:
            granted, used = (granted, used + amount) if is_usage else (granted + amount, used)
    states = [(credit.remaining, credit.deficit) for credit in replay(events, [first - 1, last])]
    return of_states(account, *states, granted, used)


def of_states(account, before, after, granted, used):
    """A statement from what remained and the deficit, before and after, and what came between."""
    (remaining_before, deficit_before), (remaining, deficit) = before, after
    drawn = deficit_before + used - deficit
    lapsed = remaining_before + granted - drawn - remaining
    return Statement(
        account, remaining_before, granted, drawn, lapsed, remaining, deficit_before, used, deficit
    )
