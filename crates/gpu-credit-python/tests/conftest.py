"""Places for stores: the same tests run over files, over PostgreSQL and over a service."""

from itertools import count

import pytest
from postgres import Server, programs
from service import Service, program


@pytest.fixture(scope="session")
def server():
    if programs() is None:
        pytest.skip("there is no PostgreSQL on this machine (initdb, postgres, pg_ctl, psql)")
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def new_service(tmp_path):
    """A function that makes services, each on a store of its own."""
    if program() is None:
        pytest.skip("there is no program gpu-credit: build it (cargo build -p gpu-credit-cli), or say where it is in GPU_CREDIT_PROGRAM")
    services = []

    def new():
        services.append(Service(tmp_path / f"service{len(services)}"))
        return services[-1]

    yield new
    for service in services:
        service.stop()


@pytest.fixture(params=["file", "postgres", "service"])
def new_place(request, tmp_path):
    """A function that makes places for stores, each of its own."""
    if request.param == "postgres":
        return request.getfixturevalue("server").address
    if request.param == "service":
        return request.getfixturevalue("new_service")
    numbers = count()
    return lambda: tmp_path / f"credit{next(numbers)}.redb"


@pytest.fixture
def path(new_place):
    return new_place()
