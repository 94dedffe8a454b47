"""Jobs, priorities and credit lines: random calls in random order, against a replay tick by tick."""

import copy
import pickle

import gpu_credit
import numpy
import pytest
from gpu_credit import GPUCredit, GrantRecord, MeteredId, MeteredUsage, UsageId
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from ticks import Grant, Job, Ticks, Usage

FIRST, LAST = -4, 30
TIMES = st.integers(-3, 18)
AMOUNTS = st.integers(0, 6)
LENGTHS = st.integers(0, 10)
PRIORITIES = st.integers(-1, 1)
GRANTS = st.builds(GrantRecord, st.just("a"), st.integers(0, 30), TIMES, LENGTHS, PRIORITIES)
USAGE = st.builds(gpu_credit.UsageRecord, AMOUNTS, TIMES)
JOBS = st.builds(MeteredUsage, st.integers(0, 4), TIMES, TIMES)
POLICIES = st.sampled_from(["carry", "forfeit", "carry:0", "carry:3", "carry:20"])
PLACES = st.integers(0, 20)


class Jobs(RuleBasedStateMachine):
    """The account, and the plain one beside it."""

    @initialize(policy=POLICIES)
    def open(self, policy):
        self.account = GPUCredit(policy)
        self.plain = Ticks(policy, FIRST, LAST)
        self.usage_ids = []

    def post_to_the_plain_one(self, record):
        plain = self.plain
        if isinstance(record, GrantRecord):
            end = record.timestamp + record.expiration
            plain.grants.append(Grant(record.amount, record.timestamp, end, record.priority))
        elif isinstance(record, MeteredUsage):
            plain.jobs.append(Job(*record))
        else:
            nth = sum(usage.timestamp == record.timestamp for usage in self.usage_ids)
            self.usage_ids.append(UsageId(record.timestamp, nth))
            plain.usage.append(Usage(*record))

    @rule(grant=GRANTS)
    def post_grant(self, grant):
        credit_id, *numbers = grant
        named = dict(zip(GrantRecord._fields[1:], numbers))
        assert self.account.post_grant(credit_id, **named) == len(self.plain.grants)
        self.post_to_the_plain_one(grant)

    @rule(usage=USAGE)
    def subtract(self, usage):
        self.account.subtract(*usage)
        self.post_to_the_plain_one(usage)

    @rule(job=JOBS)
    def post_metered(self, job):
        named = self.account.post_metered(**job._asdict())
        assert named == MeteredId(len(self.plain.jobs))
        assert self.account.metered_usage(named) == job
        self.post_to_the_plain_one(job)

    @rule(records=st.lists(GRANTS | USAGE | JOBS, max_size=9))
    def extend(self, records):
        self.account.extend(records)
        for record in records:
            self.post_to_the_plain_one(record)

    @rule(jobs=st.lists(JOBS, max_size=9), grants=st.lists(GRANTS, max_size=5))
    def post_columns(self, jobs, grants):
        rates, starts, untils = ([job[column] for job in jobs] for column in range(3))
        self.account.post_metered_many(rates=rates, starts=starts, untils=untils)
        names = ("amounts", "timestamps", "expirations", "priorities")
        columns = ([grant[column] for grant in grants] for column in range(1, 5))
        self.account.add_credits("a", **dict(zip(names, columns)))
        for record in jobs + grants:
            self.post_to_the_plain_one(record)

    @rule(place=PLACES, job=JOBS, names=st.sets(st.sampled_from(MeteredUsage._fields), min_size=1))
    def change_metered(self, place, job, names):
        changes = {name: getattr(job, name) for name in names}
        if place < len(self.plain.jobs) and self.plain.jobs[place]:
            self.account.change_metered(MeteredId(place), **changes)
            self.plain.jobs[place] = self.plain.jobs[place]._replace(**changes)
        else:
            with pytest.raises(LookupError):
                self.account.change_metered(MeteredId(place), **changes)

    @rule(place=PLACES)
    def retract_metered(self, place):
        if place < len(self.plain.jobs) and self.plain.jobs[place]:
            assert self.account.retract_metered(MeteredId(place)) == self.plain.jobs[place]
            self.plain.jobs[place] = None
        else:
            with pytest.raises(LookupError):
                self.account.retract_metered(MeteredId(place))

    @rule(place=PLACES, priority=PRIORITIES)
    def change_priority(self, place, priority):
        if place < len(self.plain.grants) and self.plain.grants[place]:
            self.account.change_priority(place, priority=priority)
            self.plain.grants[place] = self.plain.grants[place]._replace(priority=priority)
            assert self.account.grant(place).priority == priority

    @rule(place=PLACES, length=LENGTHS)
    def change_expiration(self, place, length):
        if place < len(self.plain.grants) and self.plain.grants[place]:
            self.account.change_expiration(place, expiration=length)
            grant = self.plain.grants[place]
            self.plain.grants[place] = grant._replace(end=grant.start + length)

    @rule(place=PLACES)
    def retract_grant(self, place):
        if place < len(self.plain.grants) and self.plain.grants[place]:
            self.account.retract_grant(place)
            self.plain.grants[place] = None

    @rule(place=PLACES)
    def retract_usage(self, place):
        if place < len(self.plain.usage) and self.plain.usage[place]:
            assert self.account.retract_usage(self.usage_ids[place]) == self.plain.usage[place]
            self.plain.usage[place] = None

    @rule()
    def settle(self):
        self.account.settle()

    @rule(copied=st.sampled_from([copy.copy, lambda account: pickle.loads(pickle.dumps(account))]))
    def go_on_with_a_copy(self, copied):
        posted = copied(self.account)
        assert posted.grants() == self.account.grants()
        assert posted.metered() == self.account.metered()
        self.account = posted

    @rule()
    def ask_at_every_tick(self):
        ticks = range(FIRST, LAST + 1)
        answers = [self.plain.balance_at(tick) for tick in ticks]
        assert [self.account.balance_at(tick) for tick in ticks] == answers
        assert self.account.get_balances(ticks).tolist() == [answer[0] for answer in answers]

    @rule(first=TIMES, last=TIMES)
    def ask_for_steps(self, first, last):
        steps = self.account.steps(first=first, last=last)
        found = []
        for start, end, balance, _, deficit, rate in steps:
            for tick in range(start, end + 1):
                used = rate * (tick - start)
                found.append((tick, *((None, deficit + used) if balance is None else (balance - used, deficit))))
        expected = [(tick, *self.plain.balance_at(tick)[::2]) for tick in range(first, last + 1)]
        assert found == expected

    @rule(first=TIMES, last=TIMES, amount=AMOUNTS)
    def ask_when_it_is_low(self, first, last, amount):
        answers = [(tick, *self.plain.balance_at(tick)) for tick in range(first, last + 1)]
        heights = [
            (tick, -deficit if status == "overdrawn" else balance or 0)
            for tick, balance, status, deficit in answers
            if status != "inactive"
        ]
        lowest = min(heights, key=lambda height: height[::-1], default=None)
        expected = lowest and (lowest[0], self.plain.balance_at(lowest[0]))
        assert self.account.lowest_balance(first=first, last=last) == expected
        below = [tick for tick, height in heights if height < amount]
        assert self.account.first_below(first=first, last=last, amount=amount) == next(iter(below), None)

    @rule(tick=TIMES)
    def ask_where_everything_went(self, tick):
        replay, statement = self.plain.replay(tick), self.account.statement(tick)
        drawn = sum(draw.amount for draw in replay.draws)
        assert statement[1:] == (replay.used, drawn, replay.deficit, replay.dropped)
        assert statement.used == statement.drawn + statement.deficit + statement.dropped
        for grant in statement.grants:
            parts = (replay.lapsed[grant.grant], replay.forfeited[grant.grant])
            assert (grant.lapsed, grant.forfeited) == parts
            assert grant.remaining == replay.left.get(grant.grant, 0)
            assert self.account.grant_statement(grant.grant, timestamp=tick) == grant
        left = [(number, replay.left[number]) for number in replay.order() if replay.left[number]]
        assert self.account.remainders_at(tick) == left

    @rule()
    def ask_who_paid(self):
        rows = {}
        for tick, last, nth, job, grant, _, amount, drawn_at in self.account.draws():
            usage = MeteredId(job) if nth is None else UsageId(tick, nth)
            assert tick == last or nth is None
            add(rows, (usage, grant), amount, tick, last, drawn_at)
        expected = {}
        for draw in self.plain.replay(LAST).draws:
            kind, place = draw.usage
            usage = MeteredId(place) if kind == "Job" else self.usage_ids[place]
            add(expected, (usage, draw.grant), draw.amount, draw.tick, draw.tick, draw.drawn_at)
        assert rows == expected
        for place, job in enumerate(self.plain.jobs):
            statement = self.account.metered_statement(MeteredId(place))
            if job is None:
                assert statement is None
                continue
            paid = {}
            for usage, *draw in statement.draws:
                assert usage == MeteredId(place)
                add(paid, (usage, draw[0]), *draw[1:])
            assert paid == {who: draw for who, draw in expected.items() if who[0] == MeteredId(place)}
            drawn = sum(draw.amount for draw in statement.draws)
            assert statement.amount == drawn + statement.deficit + statement.dropped
            assert statement.amount == job.rate * max(0, job.until - job.start)

    @rule(tick=TIMES, end=TIMES, rate=AMOUNTS)
    def ask_what_may_be_spent(self, tick, end, rate):
        assert self.account.spendable(tick) == self.plain.spendable(tick)
        if tick < end:
            expected = self.plain.spendable_rate(tick, end)
            assert self.account.spendable_rate(start=tick, until=end) == expected
        else:
            with pytest.raises(ValueError, match="no ticks"):
                self.account.spendable_rate(start=tick, until=end)
        # What ends after the last tick of the plain one, it knows nothing of.
        if rate:
            assert self.account.runs_dry(rate=rate, start=tick) == self.plain.runs_dry(rate, tick)
        assert self.account.first_uncovered(first=tick, last=end) == self.plain.first_uncovered(tick, end)

    @rule(record=GRANTS | USAGE | JOBS, tick=TIMES)
    def ask_what_if(self, record, tick):
        account, plain, usage_ids = copy.copy(self.account), copy.deepcopy(self.plain), [*self.usage_ids]
        answer = self.account.balance_if(record, tick)
        self.post_to_the_plain_one(record)
        assert answer == self.plain.balance_at(tick)
        self.account, self.plain, self.usage_ids = account, plain, usage_ids

    @rule(data=st.data(), records=st.lists(GRANTS | USAGE | JOBS, max_size=4), in_book=st.booleans())
    def ask_with_a_plan(self, data, records, in_book):
        plain, usage_ids, account = copy.deepcopy(self.plain), [*self.usage_ids], self.account
        if in_book:
            book = gpu_credit.CreditBook()
            book["ada"] = account
            account = pickle.loads(pickle.dumps(book))["ada"]  # It is packed then.
        before = pickle.dumps(account)
        corrections = self.corrections(data)
        for record in records:
            self.post_to_the_plain_one(record)
        plan = account.what_if(iter(records), **corrections)
        ticks = range(FIRST, LAST + 1)
        assert [plan.balance_at(tick) for tick in ticks] == [self.plain.balance_at(tick) for tick in ticks]
        assert plan.get_balances(ticks).tolist() == [plan.get_balance(tick) for tick in ticks]
        assert plan.spendable(5) == self.plain.spendable(5)
        assert plan.metered_count == sum(job is not None for job in self.plain.jobs)
        more = MeteredUsage(2, 3, 7)
        self.post_to_the_plain_one(more)
        again = plan.what_if([more])
        assert [again.balance_at(tick) for tick in ticks] == [self.plain.balance_at(tick) for tick in ticks]
        assert again.statement(LAST).used == self.plain.replay(LAST).used
        self.plain, self.usage_ids = plain, usage_ids
        assert pickle.loads(before).grants() == account.grants()
        assert [account.balance_at(tick) for tick in ticks] == [self.plain.balance_at(tick) for tick in ticks]

    def corrections(self, data):
        """Some, made in the plain one: each record is corrected once."""
        corrections = {name: {} for name in ("change_usage", "change_metered", "change_expirations", "change_priorities")}
        corrections |= {"retract": [], "retract_grants": []}
        plain = self.plain
        kinds = st.sampled_from(["nothing", "nothing", "retract", "change", "priority"])
        for place, usage in enumerate(plain.usage):
            kind = data.draw(kinds) if usage else "nothing"
            if kind == "retract":
                corrections["retract"].append(self.usage_ids[place])
                plain.usage[place] = None
            elif kind == "change":
                amount = data.draw(AMOUNTS)
                corrections["change_usage"][self.usage_ids[place]] = amount
                plain.usage[place] = usage._replace(amount=amount)
        for place, job in enumerate(plain.jobs):
            kind = data.draw(kinds) if job else "nothing"
            if kind == "retract":
                corrections["retract"].append(MeteredId(place))
                plain.jobs[place] = None
            elif kind == "change":
                changed = data.draw(JOBS)
                corrections["change_metered"][MeteredId(place)] = changed
                plain.jobs[place] = Job(*changed)
        for place, grant in enumerate(plain.grants):
            kind = data.draw(kinds) if grant else "nothing"
            if kind == "retract":
                corrections["retract_grants"].append(place)
                plain.grants[place] = None
            elif kind == "change":
                length = data.draw(LENGTHS)
                corrections["change_expirations"][place] = length
                plain.grants[place] = grant._replace(end=grant.start + length)
            elif kind == "priority":
                priority = data.draw(PRIORITIES)
                corrections["change_priorities"][place] = priority
                plain.grants[place] = grant._replace(priority=priority)
        return corrections

    @rule(first=TIMES, last=TIMES)
    def ask_what_is_metered(self, first, last):
        jobs = [(job.start, place, job) for place, job in enumerate(self.plain.jobs) if job]
        expected = [(place, *job) for start, place, job in sorted(jobs) if first <= start <= last]
        found = self.account.metered(first=first, last=last)
        assert [*found] == expected
        assert self.account.metered_count == len(jobs)
        usage = sum(usage.amount for usage in self.plain.usage if usage)
        totals = (job.rate * max(0, job.until - job.start) for job in self.plain.jobs if job)
        assert self.account.used == usage + sum(totals)


def add(rows, who, amount, first, last, drawn_at):
    """Draws of one grant for one record, as one."""
    before = rows.get(who, (0, first, last, drawn_at))
    rows[who] = (
        before[0] + amount,
        min(before[1], first),
        max(before[2], last),
        min(before[3], drawn_at),
    )


Jobs.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestJobs = Jobs.TestCase


def test_a_job_runs_across_the_end_of_a_grant():
    account = GPUCredit()
    today = account.post_grant("today", amount=20, timestamp=0, expiration=9)
    tomorrow = account.post_grant("tomorrow", amount=100, timestamp=10, expiration=9)
    job = account.post_metered(rate=8, start=6, until=16)
    assert account.balance_at(9) == (None, "overdrawn", 12)
    assert account.get_balance(15) == 40
    account.change_metered(job, until=12)
    statement = account.metered_statement(job)
    draws = [(draw.grant, draw.amount, draw.first, draw.last, draw.drawn_at) for draw in statement.draws]
    assert draws == [(today, 20, 6, 8, 6), (tomorrow, 12, 8, 9, 10), (tomorrow, 16, 10, 11, 10)]
    assert {draw.usage for draw in statement.draws} == {job}
    assert statement.amount == 48
    found = account.draws(first=6, last=9)
    assert [(draw.nth, draw.job, draw.last) for draw in found] == [(None, 0, 8)]


def test_a_pickle_has_jobs_and_priorities():
    """An account with metered usage was refused: it could not be read here."""
    account = GPUCredit()
    account.post_grant("plan", amount=10, timestamp=0, expiration=9, priority=-3)
    account.retract_metered(account.post_metered(rate=1, start=0, until=5))
    job = account.post_metered(rate=2, start=0, until=5)
    for other in (copy.copy(account), copy.deepcopy(account), pickle.loads(pickle.dumps(account))):
        assert other.grant(0).priority == -3
        assert (other.metered_usage(job), other.metered_count) == ((2, 0, 5), 1)
        assert other.metered_usage(MeteredId(0)) is None
        assert other.post_metered(rate=0, start=0, until=0) == MeteredId(2)
        assert other.get_balance(3) == 2
    assert repr(account) == "<GPUCredit policy='carry': 10 granted in 1 grants, 10 used in 0 records and 1 jobs>"


def test_grants_of_lower_priority_are_drawn_first():
    account = GPUCredit()
    bought = account.post_grant("bought", amount=100, timestamp=0, expiration=9, priority=1)
    account.add_credit("plan", 100, 0, 30)
    account.subtract(40, 5)
    assert account.get_balance(10) == 60
    account.change_priority(bought, priority=-1)
    assert account.get_balance(10) == 100
    priorities = numpy.array([2, -2], dtype="int16")
    account.add_credits("a", amounts=[1, 1], timestamps=[0, 0], expirations=[9, 9], priorities=priorities)
    assert [grant.priority for grant in account.grants()] == [-1, 0, 2, -2]


def test_a_plan_is_asked_and_nothing_else():
    account = GPUCredit()
    march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
    plan = account.what_if([MeteredUsage(8, 10, 50)], change_expirations={march: None}, change_priorities={march: 3})
    assert (plan.first_uncovered(), plan.get_balance(15), plan.grant(march).end) == (22, 52, 2**63 - 1)
    assert (plan.grant(march).priority, account.grant(march).priority) == (3, 0)
    book = gpu_credit.CreditBook()
    for call in (
        lambda: plan.subtract(1, 5),
        lambda: plan.add_credit("a", 1, 0, 5),
        lambda: plan.extend([(1, 5)]),
        lambda: plan.post_metered(rate=1, start=5, until=9),
        lambda: plan.retract_grant(march),
        lambda: plan.__init__(),
        lambda: copy.copy(plan),
        lambda: pickle.dumps(plan),
        lambda: book.__setitem__("a", plan),
    ):
        with pytest.raises(TypeError, match="this is a plan"):
            call()
    account.subtract(20, 5)  # A plan sees it.
    assert (plan.get_balance(15), account.get_balance(15)) == (32, 80)
    plan.settle()
    revoked = account.what_if(revoke_grants={march: 10})
    assert (revoked.get_balance(9), revoked.get_balance(10)) == (80, None)
    account.retract_grant(march)
    with pytest.raises(LookupError, match="change 0, counted from 0: grant 0"):
        plan.get_balance(15)
    for error, call in (
        (LookupError, lambda: account.what_if(retract_grants=[march])),
        (LookupError, lambda: account.what_if(retract=[MeteredId(7)])),
        (LookupError, lambda: account.what_if(change_usage={UsageId(6, 0): 1})),
        (OverflowError, lambda: account.what_if([(1, 5), MeteredUsage(2**62, 0, 9)])),
        (ValueError, lambda: account.what_if(change_usage={UsageId(5, 0): -1})),
        (TypeError, lambda: account.what_if(change_metered={MeteredId(0): (1, 2)})),
        (TypeError, lambda: account.what_if(retract=[0])),
        (TypeError, lambda: account.what_if([7])),
        (TypeError, lambda: account.what_if(change_usage=[(UsageId(5, 0), 1)])),
    ):
        with pytest.raises(error):
            call()
    assert account.used == 20


def test_much_metered_usage_at_once():
    account, count = GPUCredit(), 100_000
    starts = numpy.arange(count)
    account.post_metered_many(rates=starts * 0 + 1, starts=starts, untils=starts + 10)
    account.add_credit("a", 10**9, -1, 10**6)
    assert account.metered_count == count
    assert account.get_balance(10**6 - 1) == 10**9 - 10 * count
    steps = account.steps(first=0, last=count + 9)
    assert (len(steps), steps["rate"].max(), steps["rate"][-1]) == (20, 10, 0)
    jobs = account.metered(first=50, last=59)
    assert jobs["number"].tolist() == jobs["start"].tolist() == [*range(50, 60)]


@settings(max_examples=50, deadline=None)
@given(st.lists(GRANTS | USAGE | JOBS, max_size=30), POLICIES)
def test_a_load_answers_as_single_calls_do(records, policy):
    loaded, one_by_one = GPUCredit(policy), GPUCredit(policy)
    loaded.extend(records)
    for record in records:
        one_by_one.extend([record])
    for tick in range(FIRST, LAST + 1):
        assert loaded.balance_at(tick) == one_by_one.balance_at(tick)
    assert loaded.draws() == one_by_one.draws()
