"""Smoke tests as one writes them against the two classic classes. They are run twice: as they
stand, and with the import changed."""

from classic import GPUCredit, KeyedGPUCredit


def test_a_grant_is_live_in_its_window_both_ends_included():
    account = GPUCredit()
    account.add_credit("microsoft", 10, 10, 30)
    assert account.get_balance(9) is None
    assert account.get_balance(10) == 10
    assert account.get_balance(40) == 10
    assert account.get_balance(41) is None


def test_calls_come_in_any_order():
    account = GPUCredit()
    account.subtract(4, 30)
    account.add_credit("amazon", 40, 0, 100)
    assert account.get_balance(10) == 40
    assert account.get_balance(30) == 36
    account.subtract(10, 20)
    assert account.get_balance(30) == 26


def test_usage_draws_from_what_expires_soonest():
    account = GPUCredit()
    account.add_credit("long", 10, 0, 100)
    account.add_credit("short", 10, 0, 10)
    account.subtract(7, 5)
    assert account.get_balance(5) == 13
    assert account.get_balance(11) == 10


def test_a_deficit_is_paid_by_what_comes_next():
    account = GPUCredit()
    account.subtract(5, 0)
    account.add_credit("first", 3, 10, 10)
    assert account.get_balance(10) is None
    account.add_credit("second", 4, 15, 10)
    assert account.get_balance(15) == 2


def test_a_balance_of_nothing_is_zero():
    account = GPUCredit()
    account.add_credit("empty", 0, 0, 10)
    assert account.get_balance(0) == 0
    assert account.get_balance(11) is None


def test_calls_by_keyword():
    account = GPUCredit()
    account.add_credit(credit_id="a", amount=10, timestamp=0, expiration=10)
    account.subtract(amount=3, timestamp=5)
    assert account.get_balance(timestamp=5) == 7


def test_calls_return_nothing():
    account = GPUCredit()
    assert account.add_credit("a", 10, 0, 10) is None
    assert account.subtract(3, 5) is None


def test_a_subclass_with_a_constructor_of_its_own():
    class Team(GPUCredit):
        def __init__(self, name, *, size):
            super().__init__()
            self.name, self.size = name, size

        def add_credit(self, credit_id, amount, timestamp, expiration):
            super().add_credit(credit_id, amount * self.size, timestamp, expiration)

    team = Team("otters", size=3)
    team.add_credit("a", 10, 0, 10)
    assert (team.name, team.get_balance(0)) == ("otters", 30)


def test_an_account_is_true_and_hashable():
    account = GPUCredit()
    assert account
    assert {account: "kept"}[account] == "kept"
    assert account != GPUCredit()


def test_the_keyed_exercise():
    credits = KeyedGPUCredit()
    assert credits.getBalance("otter", 0) is None
    credits.addCredit("otter", 10, 0, 20)
    credits.addCredit("heron", 5, 0, 20)
    credits.useCredit("otter", 5, 4)
    assert credits.getBalance("otter", 5) == 6
    assert credits.getBalance("heron", 5) == 5
    assert credits.getBalance("otter", 21) is None
    credits.useCredit("heron", 10, 5)
    assert credits.getBalance("heron", 10) is None


def test_the_keyed_exercise_forgets_what_is_overdrawn():
    credits = KeyedGPUCredit()
    credits.addCredit(creditId="otter", amount=10, timestamp=0, expiration=20)
    credits.useCredit(creditId="otter", timestamp=5, amount=11)
    assert credits.getBalance(creditId="otter", timestamp=5) is None
    credits.addCredit("otter", 3, 10, 20)
    assert credits.getBalance("otter", 10) == 3
