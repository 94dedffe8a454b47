"""Entries, as CreditStore.history has them and as a request sends them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

# The service takes 10,000 entries in 16 MiB.
ENTRIES_MAX = 10_000
BYTES_MAX = 12 << 20

# Of each kind that can be posted as an entry: its name in requests, and of each member that has another name there.
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "open_account": ("open", {}),
    "grant": ("grant", {"timestamp": "start"}),
    "usage": ("usage", {"timestamp": "at"}),
    "metered_usage": ("run", {"start": "from"}),
    "retract": ("retract", {}),
    "change_usage": ("change_usage", {}),
    "change_metered_usage": ("change_run", {"start": "from"}),
    "revoke_grant": ("revoke", {"timestamp": "from"}),
    "change_expiration": ("change_expiration", {}),
    "change_priority": ("change_priority", {}),
    "close_books": ("close", {}),
}
# What an entry has because it was recorded.
RECORDED = {"revision", "recorded_at", "kind"}


def to_post(account: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of an account's history, to be posted.

    Raises io.UnsupportedOperation for one of a hold: what was decided elsewhere is not decided again.
    """
    if entry["kind"] not in KINDS:
        raise io.UnsupportedOperation(
            f"entry {entry['id']!r} of account {account!r} is of kind {entry['kind']}, and holds are not posted as entries of others"
        )
    kind, renamed = KINDS[entry["kind"]]
    members = {renamed.get(name, name): value for name, value in entry.items() if name not in RECORDED}
    return {"kind": kind, "account": account, **members}


def batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries, in their order, in as many requests as they take."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        bytes_of_it = len(json.dumps(entry))
        if batch and (len(batch) == ENTRIES_MAX or size + bytes_of_it > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_of_it
    if batch:
        yield batch
