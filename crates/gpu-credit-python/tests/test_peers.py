"""The bench of peers ends if a peer disagrees, and its replay is that of the package."""

import random
import sys
from pathlib import Path

import pytest
from gpu_credit import GPUCredit

sys.path.insert(0, str(Path(__file__).parents[1] / "bench" / "peers"))

import credit  # noqa: E402
from turns import Entrant, take_turns  # noqa: E402


def test_a_peer_that_disagrees_ends_the_run():
    entrants = [
        Entrant("one", lambda _: [1, None, 3]),
        Entrant("slow", lambda _: [1], operations=2),
        Entrant("none", says="cannot"),
    ]
    assert [len(figures) for figures in take_turns(2, entrants)] == [2, 2, 0]
    for wrong in ([1, 2], [2], []):
        with pytest.raises(SystemExit, match="wrong disagrees with one"):
            take_turns(1, [*entrants, Entrant("wrong", lambda _, wrong=wrong: wrong)])


@pytest.mark.parametrize("seed", range(50))
def test_the_replay_answers_as_the_package(seed):
    generator = random.Random(seed)
    account, grants, usage = GPUCredit(), [], []
    for number in range(40):
        amount, time = generator.randrange(20), generator.randrange(60)
        if generator.random() < 0.4:
            end = time + generator.randrange(20)
            grants.append((time, number, amount, end))
            account.add_credit("grant", amount, time, end - time)
        else:
            usage.append((time, number, amount))
            account.subtract(amount, time)
    events = credit.merged(grants, usage)
    for time in range(90):
        assert credit.balance(events, time) == account.get_balance(time), (seed, time)
