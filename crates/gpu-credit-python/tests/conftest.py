"""Places for stores: the same tests run over files and over PostgreSQL."""

from itertools import count

import pytest
from postgres import Server, programs


@pytest.fixture(scope="session")
def server():
    if programs() is None:
        pytest.skip("there is no PostgreSQL on this machine (initdb, postgres, pg_ctl, psql)")
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=["file", "postgres"])
def new_place(request, tmp_path):
    """A function that makes places for stores, each of its own."""
    if request.param == "postgres":
        return request.getfixturevalue("server").address
    numbers = count()
    return lambda: tmp_path / f"credit{next(numbers)}.redb"


@pytest.fixture
def path(new_place):
    return new_place()
