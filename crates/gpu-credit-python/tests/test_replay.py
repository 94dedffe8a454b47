"""Random calls in random order, against a plain Python replay after every step."""

import copy
import pickle

import gpu_credit
import pytest
from classic import GPUCredit, KeyedGPUCredit
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

TIMES = st.integers(-3, 20)
AMOUNTS = st.integers(0, 6)
LENGTHS = st.integers(0, 12)
GRANTS = st.tuples(st.sampled_from("ab"), AMOUNTS, TIMES, LENGTHS)
USAGE = st.tuples(AMOUNTS, TIMES)
EVERY_INSTANT = range(-4, 34)


def last_index(items, item):
    return len(items) - 1 - items[::-1].index(item)


class Accounts(RuleBasedStateMachine):
    """The account, and the plain one beside it. Numbers are small: ties and deficits abound."""

    @initialize(policy=st.sampled_from(gpu_credit.Policy))
    def open(self, policy):
        self.account = gpu_credit.GPUCredit(policy=policy)
        self.plain = GPUCredit(policy)
        self.retracted, self.revoked = set(), set()

    @rule(grant=GRANTS)
    def add_credit(self, grant):
        self.account.add_credit(*grant)
        self.plain.add_credit(*grant)

    @rule(grant=GRANTS)
    def post_grant(self, grant):
        credit_id, amount, timestamp, expiration = grant
        number = self.account.post_grant(
            credit_id, amount=amount, timestamp=timestamp, expiration=expiration
        )
        assert number == len(self.plain.grants)
        self.plain.add_credit(*grant)

    @rule(usage=USAGE)
    def subtract(self, usage):
        self.account.subtract(*usage)
        self.plain.subtract(*usage)

    @rule(usage=USAGE)
    def post_usage(self, usage):
        amount, timestamp = usage
        named = self.account.post_usage(amount=amount, timestamp=timestamp)
        assert self.account.usage_record(named) == usage
        assert named == self.account.find_usage(amount=amount, timestamp=timestamp)
        self.plain.subtract(*usage)

    @rule(grants=st.lists(GRANTS, max_size=40))
    def add_credits(self, grants):
        credit_ids, amounts, timestamps, expirations = (
            [grant[column] for grant in grants] for column in range(4)
        )
        self.account.add_credits(
            credit_ids, amounts=amounts, timestamps=timestamps, expirations=expirations
        )
        for grant in grants:
            self.plain.add_credit(*grant)

    @rule(usage=st.lists(USAGE, max_size=40))
    def subtract_many(self, usage):
        amounts, timestamps = ([entry[column] for entry in usage] for column in range(2))
        self.account.subtract_many(amounts=amounts, timestamps=timestamps)
        for entry in usage:
            self.plain.subtract(*entry)

    @rule(records=st.lists(GRANTS | USAGE, max_size=40))
    def extend(self, records):
        self.account.extend(iter(records))
        for record in records:
            self.plain.add_credit(*record) if len(record) == 4 else self.plain.subtract(*record)

    @rule(place=st.integers(0, 60))
    def retract_grant(self, place):
        if place < len(self.plain.grants) and place not in self.retracted:
            self.account.retract_grant(place)
            self.plain.grants[place] = (10**6, place, 0, 10**6)
            self.retracted.add(place)

    @rule(usage=USAGE)
    def retract_usage(self, usage):
        amount, timestamp = usage
        named = self.account.find_usage(amount=amount, timestamp=timestamp)
        if named is None:
            assert (timestamp, amount) not in self.plain.usage
            return
        assert self.account.retract_usage(named) == usage
        assert self.account.usage_record(named) is None
        with pytest.raises(LookupError):
            self.account.retract_usage(named)
        self.plain.usage.pop(last_index(self.plain.usage, (timestamp, amount)))

    @rule(usage=USAGE, new_amount=AMOUNTS)
    def change_usage(self, usage, new_amount):
        amount, timestamp = usage
        if (timestamp, amount) in self.plain.usage:
            named = self.account.find_usage(amount=amount, timestamp=timestamp)
            self.account.change_usage(named, new_amount)
            place = last_index(self.plain.usage, (timestamp, amount))
            self.plain.usage[place] = (timestamp, new_amount)

    @rule(place=st.integers(0, 60), time=TIMES)
    def revoke_grant(self, place, time):
        if place in self.standing():
            start, _, amount, end = self.plain.grants[place]
            if place in self.revoked or time > end:
                return
            self.account.revoke_grant(place, timestamp=time)
            assert self.account.grant(place).revoked_from == max(time, start)
            # One that was never live is put where nobody looks.
            window = (start, time - 1) if time > start else (10**6, 10**6)
            self.plain.grants[place] = (window[0], place, amount, window[1])
            self.revoked.add(place)

    @rule(place=st.integers(0, 60), length=LENGTHS | st.none())
    def change_expiration(self, place, length):
        if place in self.standing():
            if place in self.revoked:
                with pytest.raises(ValueError):
                    self.account.change_expiration(place, expiration=length)
                return
            self.account.change_expiration(place, expiration=length)
            start, _, amount, _ = self.plain.grants[place]
            end = 2**63 - 1 if length is None else start + length
            self.plain.grants[place] = (start, place, amount, end)

    def standing(self):
        return set(range(len(self.plain.grants))) - self.retracted

    @rule(time=TIMES)
    def ask_where_everything_went(self, time):
        statement = self.account.statement(time)
        assert statement.used == sum(amount for used, amount in self.plain.usage if used <= time)
        assert statement.used == statement.drawn + statement.deficit + statement.dropped
        assert statement.drawn == sum(grant.drawn for grant in statement.grants)
        assert statement.deficit == self.plain.balance_at(time)[2]
        remaining = [(grant.grant, grant.remaining) for grant in statement.grants if grant.remaining]
        assert sorted(remaining) == sorted(self.plain.remainders_at(time))
        for grant in statement.grants:
            assert grant.amount == sum(grant[2:])
            assert self.account.grant_statement(grant.grant, timestamp=time) == grant

    @rule()
    def ask_who_paid(self):
        draws = self.account.draws()
        assert draws["amount"].sum() == self.account.statement(2**63 - 1).drawn
        rows = [*draws]
        assert [draw.credit_id for draw in rows] == [self.account.grant(draw.grant).credit_id for draw in rows]
        for time in {time for time, _ in self.plain.usage}:
            amounts = [amount for used, amount in self.plain.usage if used == time]
            found = self.account.usage(first=time, last=time)
            assert found["amount"].tolist() == amounts
            for nth, amount in zip(found["nth"].tolist(), amounts):
                statement = self.account.usage_statement(gpu_credit.UsageId(time, nth))
                assert statement.amount == amount
                assert amount == statement.deficit + statement.dropped + sum(
                    draw.amount for draw in statement.draws
                )
                expected = [row for row in rows if row[:4] == (time, time, nth, None)]
                found = [(draw.grant, draw.amount, draw.drawn_at) for draw in statement.draws]
                assert found == [(row.grant, row.amount, row.drawn_at) for row in expected]
            assert self.account.usage_statement(self.account.next_usage_id(time)) is None

    @rule(first=TIMES, last=TIMES)
    def ask_who_paid_in_a_range(self, first, last):
        expected = [draw for draw in self.account.draws() if first <= draw.drawn_at <= last]
        assert [*self.account.draws(first=first, last=last)] == expected

    @rule(first=TIMES, last=TIMES, amount=AMOUNTS)
    def ask_when_it_is_low(self, first, last, amount):
        answers = [(time, *self.plain.balance_at(time)) for time in range(first, last + 1)]
        # Overdrawn is below any number, and the lower the greater the deficit; spent is 0.
        heights = [
            (time, -deficit if status == "overdrawn" else balance or 0)
            for time, balance, status, deficit in answers
            if status != "inactive"
        ]
        lowest = min(heights, key=lambda height: height[::-1], default=None)
        expected = lowest and (lowest[0], self.plain.balance_at(lowest[0]))
        assert self.account.lowest_balance(first=first, last=last) == expected
        below = [time for time, height in heights if height < amount]
        assert self.account.first_below(first=first, last=last, amount=amount) == next(iter(below), None)

    @rule(first=TIMES, last=TIMES, step=st.integers(1, 4))
    def ask_for_a_series(self, first, last, step):
        times = range(first, last + 1, step)
        series = self.account.series(first=first, last=last, step=step)
        assert [*series] == [(time, *self.plain.balance_at(time)) for time in times]
        assert self.account.balances(times) == series

    @rule(after=TIMES, by=TIMES)
    def ask_what_will_lapse(self, after, by):
        without_later_usage = copy.deepcopy(self.plain)
        without_later_usage.usage = [entry for entry in self.plain.usage if entry[0] <= after]
        expected = []
        for number in self.standing() - self.revoked:
            end = self.plain.grants[number][3]
            if after < end + 1 <= by:
                left = dict(without_later_usage.remainders_at(end)).get(number, 0)
                expected += [(number, left, end + 1)] * (left > 0)
        lapses = [(lapse.grant, lapse.amount, lapse.timestamp) for lapse in self.account.lapsing(after=after, by=by)]
        assert lapses == sorted(expected, key=lambda lapse: (lapse[2], lapse[0]))

    @rule(record=GRANTS | USAGE, time=TIMES)
    def ask_what_if(self, record, time):
        posted = copy.deepcopy(self.plain)
        posted.add_credit(*record) if len(record) == 4 else posted.subtract(*record)
        assert self.account.balance_if(record, time) == posted.balance_at(time)

    @rule()
    def settle(self):
        self.account.settle()
        assert self.account.is_settled

    @rule(copied=st.sampled_from([copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]))
    def go_on_with_a_copy(self, copied):
        posted = copied(self.account)
        assert posted.grants() == self.account.grants()
        assert posted.usage() == self.account.usage()
        self.account = posted

    @rule(time=TIMES)
    def ask(self, time):
        assert self.account.get_balance(time) == self.plain.get_balance(time)

    @rule(time=TIMES)
    def ask_why(self, time):
        assert self.account.balance_at(time) == self.plain.balance_at(time)

    @rule(time=TIMES)
    def ask_what_is_left(self, time):
        assert self.account.remainders_at(time) == self.plain.remainders_at(time)

    @rule(times=st.lists(TIMES, max_size=50))
    def ask_for_many(self, times):
        answers = self.account.get_balances(times)
        assert answers.tolist() == [self.plain.get_balance(time) for time in times]

    @rule(first=TIMES, last=TIMES)
    def ask_for_steps(self, first, last):
        steps = self.account.steps(first=first, last=last)
        expected = []
        for time in range(first, last + 1):
            answer = self.plain.balance_at(time)
            if expected and expected[-1][2] == answer:
                expected[-1][1] = time
            else:
                expected.append([time, time, answer])
        expected = [(first, last, *answer, 0) for first, last, answer in expected]
        assert [*steps] == expected

    @rule()
    def ask_at_every_instant(self):
        expected = [self.plain.get_balance(time) for time in EVERY_INSTANT]
        assert [self.account.get_balance(time) for time in EVERY_INSTANT] == expected
        assert self.account.get_balances(EVERY_INSTANT).tolist() == expected

    @invariant()
    def counts(self):
        # Asking for a count posts what waits: leave that to chance, by the parity of a number.
        if len(self.plain.usage) % 2 == 0:
            assert self.account.usage_count == len(self.plain.usage)
            assert self.account.used == sum(amount for _, amount in self.plain.usage)
            assert self.account.grant_count == len(self.plain.grants) - len(self.retracted)
            assert self.account.granted == sum(grant[2] for grant in self.plain.grants)


Accounts.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestAccounts = Accounts.TestCase


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), TIMES, st.integers(0, 2), AMOUNTS, LENGTHS)))
def test_the_keyed_class_equals_the_classic_in_the_order_of_time(calls):
    keyed, classic = gpu_credit.KeyedGPUCredit(), KeyedGPUCredit()
    # At one instant grants first, then usage, then questions.
    for credit_id, time, kind, amount, length in sorted(calls, key=lambda call: call[1:3]):
        if kind == 0:
            keyed.addCredit(credit_id, amount, time, length)
            classic.addCredit(credit_id, amount, time, length)
        elif kind == 1:
            keyed.useCredit(credit_id, time, amount)
            classic.useCredit(credit_id, time, amount)
        else:
            assert keyed.getBalance(credit_id, time) == classic.getBalance(credit_id, time)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), TIMES, AMOUNTS, LENGTHS), max_size=20))
def test_a_copy_of_the_keyed_class_answers_the_same(grants):
    keyed = gpu_credit.KeyedGPUCredit()
    for credit_id, time, amount, length in grants:
        keyed.addCredit(credit_id, amount, time, length)
        keyed.useCredit(credit_id, time + 1, amount // 2)
    copied = pickle.loads(pickle.dumps(keyed))
    for credit_id in "abc":
        for time in EVERY_INSTANT:
            assert copied.getBalance(credit_id, time) == keyed.getBalance(credit_id, time)
