"""Which accounts and books equal each other, and how they show themselves."""

import copy
import os
import pickle
import random
import threading
from collections.abc import Mapping
from html.parser import HTMLParser

import gpu_credit
import pyarrow
import pytest
from gpu_credit import CreditBook, CreditLine, CreditStore, GPUCredit, MeteredUsage, Policy


def an_account(records=50, seed=5, **options):
    account, random_ = GPUCredit(**options), random.Random(seed)
    for number in range(records):
        account.add_credit(f"grant {number}", random_.randrange(100), random_.randrange(1_000), random_.randrange(200))
        account.subtract(random_.randrange(100), random_.randrange(1_000))
        account.post_metered(rate=random_.randrange(5), start=random_.randrange(1_000), until=random_.randrange(1_000))
    return account


CHANGES = {
    "a grant": lambda account: account.add_credit("grant", 0, 0, 0),
    "usage": lambda account: account.subtract(0, 0),
    "metered usage": lambda account: account.post_metered(rate=0, start=0, until=1),
    "the end of a grant": lambda account: account.change_expiration(3, expiration=1_000),
    "a priority": lambda account: account.change_priority(3, priority=-1),
    "when usage was": lambda account: (
        account.subtract(account.retract_usage(first_usage(account)).amount, first_usage(account).timestamp + 1)
    ),
    "which grant was taken back": lambda account: (
        account.retract_grant(3),
        account.add_credit("grant 3", *account_grant(3)),
    ),
}


def first_usage(account):
    row = account.usage()[0]
    return gpu_credit.UsageId(row.timestamp, row.nth)


def account_grant(number):
    grant = an_account().grant(number)
    return grant.amount, grant.start, grant.end - grant.start


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_accounts_equal_each_other_if_their_records_do(change):
    account, other = an_account(), an_account()
    assert account.equals(other) and account.equals(account)
    assert account.equals(copy.copy(account)) and account.equals(pickle.loads(pickle.dumps(account)))
    other.settle()
    assert account.equals(other)
    change(account)
    assert not account.equals(other)
    change(other)
    assert account.equals(other)


def test_accounts_of_other_units_and_policies_do_not_equal_each_other():
    made = [an_account(**options) for options in ({}, {"unit": "s"}, {"unit": "ms"}, {"policy": "forfeit"}, {"policy": "carry:5"})]
    assert [[one.equals(other) for one in made] for other in made] == [
        [one is other for one in made] for other in made
    ]
    for other in ("account", CreditBook(), None):
        with pytest.raises(TypeError):
            made[0].equals(other)


def test_an_account_is_itself_and_no_other():
    book = CreditBook()
    book["ada"] = an_account()
    book["bob"] = an_account()
    assert book["ada"] == book["ada"] != book["bob"] != an_account() != an_account()
    assert {book["ada"], book["ada"], book["bob"]} == {book["bob"], book["ada"]}
    assert {book["ada"]: 5}[book["ada"]] == 5
    planned = book["ada"].what_if([])
    assert planned == planned != book["ada"]
    assert copy.copy(book)["ada"] != book["ada"] != "ada"


def test_an_account_of_a_book_equals_one_that_stands_alone_and_a_plan_what_it_plans():
    book = CreditBook()
    book["ada"] = an_account()
    assert book["ada"].equals(an_account()) and an_account().equals(book["ada"])
    job = MeteredUsage(rate=2, start=5, until=50)
    planned = book["ada"].what_if([job])
    assert not planned.equals(book["ada"])
    book["ada"].extend([job])
    assert book["ada"].equals(an_account().what_if([job]))


def a_book(accounts=20, **options):
    book = CreditBook(**options)
    for number in range(accounts):
        book[f"account {number}"] = an_account(number, seed=number)
    return book


def test_books_equal_each_other_if_their_accounts_do():
    book, other = a_book(), a_book()
    assert book.equals(other) and book.equals(book)
    assert book.equals(copy.copy(book)) and book.equals(pickle.loads(pickle.dumps(book)))
    assert not book.equals(a_book(19)) and not a_book(unit="s").equals(book)
    other.subtract("account 7", amount=1, timestamp=1)
    assert not book.equals(other)
    book.subtract("account 7", amount=1, timestamp=1)
    assert book.equals(other)
    other["new"] = other["account 3"]
    del other["account 3"]
    assert not book.equals(other)


def test_two_threads_may_compare_two_accounts_either_way():
    one, other = an_account(2_000), an_account(2_000)
    equal = []

    def compare(left, right):
        equal.extend(left.equals(right) for _ in range(20))

    threads = [threading.Thread(target=compare, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert equal == [True] * 40


def test_a_book_is_a_mapping():
    book = a_book(3)
    names = ["account 0", "account 1", "account 2"]
    assert isinstance(book, Mapping)
    assert book.keys() == list(book) == names
    assert [account.grant_count for account in book.values()] == [0, 1, 2]
    assert book.items() == list(zip(names, book.values()))
    assert dict(book) == dict(book.items())
    assert book.get("account 2") == book["account 2"]
    assert book.get("eve") is None and book.get("eve", 5) == 5
    book.get("account 1").subtract(5, 5)
    assert book["account 1"].usage_count == 2


def test_a_policy_is_a_word_of_the_package():
    for policy, word in (("carry", Policy.CARRY), ("forfeit", Policy.FORFEIT), ("carry:500", CreditLine(500))):
        found = GPUCredit(policy=policy).policy
        assert (found, type(found)) == (word, type(word)) and found == policy
        assert GPUCredit(policy=found).equals(GPUCredit(policy=policy))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert type(pickle.loads(pickle.dumps(found, protocol))) is type(word)
    assert CreditLine(500).amount == 500
    with pytest.raises(ValueError, match="carry:-1"):
        GPUCredit(policy=CreditLine(-1))
    with pytest.raises(TypeError):
        CreditLine(5.0)


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert gpu_credit.__version__ == version("gpu-credit")


def test_what_is_installed_has_its_licences_and_says_what_it_is():
    from importlib.metadata import distribution

    installed = distribution("gpu-credit")
    assert installed.metadata["License-Expression"] == "MIT OR Apache-2.0"
    licences = [file for file in installed.files if "/licenses/" in str(file)]
    assert sorted(file.name for file in licences) == ["LICENSE-APACHE", "LICENSE-MIT"]
    assert all(len(file.read_text()) > 1_000 for file in licences)
    assert installed.metadata["Requires-Python"] == ">=3.11"
    classifiers = installed.metadata.get_all("Classifier")
    assert {"Typing :: Typed", "Programming Language :: Rust", "Operating System :: POSIX :: Linux"} <= set(classifiers)


class Tags(HTMLParser):
    """Which tags there are, and the text between."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        assert not attributes
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = """<script>alert("1")</script>&amp;'"""


def test_a_notebook_shows_a_small_table_of_each(tmp_path):
    class Team(GPUCredit):
        pass

    Team.__qualname__ = HOSTILE
    book = CreditBook(unit="s")
    book.open(HOSTILE)
    book.open("long" * 1_000_000)
    table = pyarrow.table({"account": [HOSTILE], "amount": [5], "timestamp": [5]})
    book.ingest(table, kind="usage")
    with CreditStore(tmp_path / HOSTILE.replace("/", ""), unit="ms") as store:
        store.open_account("ada")
        htmls = [an_account()._repr_html_(), Team()._repr_html_(), book._repr_html_(), store._repr_html_()]
    htmls.append(store._repr_html_())
    for html in htmls:
        tags = Tags(html)
        assert set(tags.tags) == {"table", "caption", "tbody", "tr", "th", "td"}
        assert len(html) < 2_000
    account, team, shown, opened, closed = (Tags(html).texts for html in htmls)
    assert account == ["GPUCredit", "policy", "carry", "unit", "not said", "granted", str(an_account().granted)] + [
        *("grants", "50", "used", str(an_account().used), "usage records", "50", "jobs", "50")
    ]
    assert team[0] == HOSTILE
    assert shown[:6] == ["CreditBook", "accounts", "2", "unit", "s", HOSTILE]
    assert shown[6] == "carry: 0 granted, 5 used" and shown[7] == "long" * 15 + "..."
    assert opened[3:] == ["file", "open", "unit", "ms", "accounts", "1"]
    assert closed[3:] == ["file", "closed"]


def test_of_many_accounts_a_book_shows_how_many_there_are():
    assert Tags(a_book(20)._repr_html_()).texts == ["CreditBook", "accounts", "20", "unit", "not said"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_store_is_shown_in_a_forked_child_too(tmp_path):
    with CreditStore(tmp_path / "credit.redb") as store:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, f"{store!r} {store._repr_html_()}".encode())
            os._exit(0)
        os.wait()
        assert os.read(reading, 10_000).count(b"of another process") == 2
