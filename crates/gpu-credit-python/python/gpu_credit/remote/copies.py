"""Copies of accounts: stores in temporary files, which answer as the store of the service would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gpu_credit._native import CreditStore

from .entries import to_post
from .requests import Requests

if TYPE_CHECKING:
    from gpu_credit._native import _TimeUnit

# Of more accounts than these the journals are fetched as one.
FETCHED_ALONE_MAX = 100


@contextmanager
def empty(unit: _TimeUnit | None) -> Iterator[CreditStore]:
    """A store that is empty, in a temporary file."""
    with TemporaryDirectory(prefix="gpu-credit-") as folder, CreditStore(Path(folder, "copy.redb"), unit=unit) as store:
        yield store


@contextmanager
def of_all(requests: Requests) -> Iterator[CreditStore]:
    """A store with all accounts that the token may read, as of one moment."""
    with empty(None) as copy:
        _fetch(requests, copy, "export")
        yield copy


@contextmanager
def of_accounts(requests: Requests, *accounts: str) -> Iterator[CreditStore]:
    """A store with these accounts, each as of a moment of its own. KeyError if there is none of a name."""
    with empty(None) as copy:
        for account in accounts:
            _fetch(requests, copy, "accounts", account, "export")
        yield copy


@contextmanager
def of_those_there(requests: Requests, accounts: list[str], unit: _TimeUnit | None) -> Iterator[CreditStore]:
    """A store with those of these accounts that are open, and perhaps more."""
    with empty(unit) as copy:
        if len(accounts) > FETCHED_ALONE_MAX:
            _fetch(requests, copy, "export")
            accounts = []
        for account in accounts:
            with suppress(KeyError):
                _fetch(requests, copy, "accounts", account, "export")
        yield copy


def revisions(store: CreditStore) -> dict[str, int]:
    """The revision of each account."""
    return {name: store.revision(name) for name in store.accounts()}


def entries_after(store: CreditStore, before: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The entries of all accounts after these revisions, to be posted."""
    for name in store.accounts():
        known = before.get(name, 0)
        if store.revision(name) > known:
            yield from (to_post(name, entry) for entry in store.history(name)[known:])


def _fetch(requests: Requests, copy: CreditStore, *path: str) -> None:
    with NamedTemporaryFile(prefix="gpu-credit-", suffix=".jsonl") as file:
        requests.save_journal(file, *path)
        file.flush()
        copy.import_journal(file.name)
