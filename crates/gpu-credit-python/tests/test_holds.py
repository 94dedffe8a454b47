"""Holds of the store: authorise, settle, release, held, available, holds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from gpu_credit import Authorised, Funds, Hold
from service import open_store


@pytest.fixture
def store(path):
    with open_store(path) as store:
        store.open_account("team")
        store.add_credit("team", "g", "march", amount=100, timestamp=0, expiration=99)
        store.open_account("ada")
        store.add_credit("ada", "g", "march", amount=30, timestamp=0, expiration=99)
        yield store


def test_a_hold_is_given_or_refused_on_all_accounts(store):
    given = store.authorise(["team", "ada"], "req-1", amount=20, start=5, length=10)
    hold = Hold(accounts=("ada", "team"), amount=20, rate=None, start=5, end=None, until=15)
    assert given == Authorised(is_new=True, hold=hold, refused={})
    assert store.authorise(["team", "ada"], "req-1", amount=20, start=5, until=15) == given._replace(is_new=False)
    refused = store.authorise(("ada", "team"), "req-2", amount=11, start=5, length=1)
    assert refused.hold is None
    assert refused.refused == {"ada": Funds(30, 20, 10, 10), "team": Funds(100, 20, 80, 80)}
    assert store.authorise(["ada"], "req-3", amount=11, start=5, length=1, up_to=True).hold.amount == 10
    assert (store.held("ada", 5), store.available("ada", 5), store.spendable("ada", 5)) == (30, 0, 0)
    assert {*store.holds("ada")} == {"req-1", "req-3"}
    assert store.holds("team") == {"req-1": hold}
    assert store.check() == []


def test_what_was_used_is_in_the_place_of_a_hold(store):
    store.authorise("team", "req-1", amount=20, start=5, length=10)
    assert store.settle("team", "req-1/end", "req-1", 25)
    assert not store.settle("team", "req-1/end", "req-1", 25)
    assert store.get_balance("team", 5) == 75
    store.authorise("team", "job", rate=2, start=10, length=20, until=40)
    assert store.held("team", 35) == 40
    assert store.settle("team", "job/end", "job", until=15)
    assert store.get_balance("team", 50) == 65
    store.authorise("team", "req-2", amount=5, start=50, length=1)
    assert store.settle("team", "req-2/end", "req-2", 5, timestamp=60)
    assert (store.get_balance("team", 59), store.get_balance("team", 60)) == (65, 60)
    store.authorise("team", "req-3", amount=5, start=50, length=1)
    assert store.release("team", "req-3/end", "req-3")
    assert store.holds("team") == {}
    assert [entry["id"] for entry in store.history("team")][-2:] == ["req-3", "req-3/end"]
    assert store.check() == []


def test_what_cannot_be_is_an_error(store):
    store.authorise("team", "req-1", amount=20, start=5, length=10)
    wrong = [
        (ValueError, lambda: store.authorise("team", "x", start=5, length=1)),
        (ValueError, lambda: store.authorise("team", "x", amount=1, rate=1, start=5, length=1)),
        (ValueError, lambda: store.authorise("team", "x", amount=1, start=5)),
        (ValueError, lambda: store.authorise("team", "x", amount=1, start=5, length=1, until=6)),
        (ValueError, lambda: store.authorise("team", "x", rate=1, start=5, until=6)),
        (ValueError, lambda: store.authorise("team", "x", amount=1, length=5)),  # No unit is known.
        (ValueError, lambda: store.authorise("team", "x", amount=1, start=5, until=5)),
        (ValueError, lambda: store.authorise("team", "x", amount=-1, start=5, length=1)),
        (ValueError, lambda: store.authorise([], "x", amount=1, start=5, length=1)),
        (ValueError, lambda: store.authorise("team", "req-1", amount=21, start=5, length=10)),
        (ValueError, lambda: store.settle("team", "x", "req-1", 5, until=9)),
        (ValueError, lambda: store.settle("team", "x", "req-1")),
        (ValueError, lambda: store.settle("team", "x", "g", 5)),
        (ValueError, lambda: store.retract("team", "x", "req-1")),
        (ValueError, lambda: store.close_books("team", "x", 10)),
        (LookupError, lambda: store.release("team", "x", "nothing")),
        (KeyError, lambda: store.authorise("eve", "x", amount=1, start=5, length=1)),
        (KeyError, lambda: store.held("eve", 5)),
        (TypeError, lambda: store.authorise(5, "x", amount=1, start=5, length=1)),
    ]
    for number, (error, call) in enumerate(wrong):
        with pytest.raises(error):
            call()
            pytest.fail(f"number {number} was accepted")


def test_a_start_that_is_not_given_is_now_and_a_retry_is_not_compared_in_it(path):
    with open_store(path, unit="s") as store:
        store.open_account("team")
        store.add_credit("team", "g", "march", amount=100, timestamp=datetime(2020, 1, 1, tzinfo=UTC))
        first = store.authorise("team", "req-1", amount=70, length=timedelta(minutes=10))
        assert abs(first.hold.start - datetime.now(UTC).timestamp()) < 60
        assert first.hold.until == first.hold.start + 600
        again = store.authorise("team", "req-1", amount=70, length=timedelta(minutes=11))
        assert again == first._replace(is_new=False)
        job = store.authorise("team", "job", rate=1, length=timedelta(seconds=20), until=datetime(2200, 1, 1))
        assert (job.hold.rate, job.hold.end - job.hold.start) == (1, 20)
        again = store.authorise("team", "job", rate=1, length=timedelta(seconds=20), until=datetime(2200, 1, 1))
        assert again == job._replace(is_new=False)


def test_of_many_requests_at_once_ten_get_a_hold_if_ten_fit(store):
    def ask(number):
        return store.authorise("team", f"req-{number}", amount=10, start=5, length=10).hold is not None

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, range(64))) == 10
    assert store.held("team", 5) == 100
