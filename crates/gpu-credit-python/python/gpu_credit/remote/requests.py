"""Requests to a service, with the exceptions that CreditStore raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from gpu_credit._client import Client, Problem

from .entries import batches
from .problems import exception

PAGE = 1_000


class Requests:
    """The requests of a store, until it is closed. Any thread may send them."""

    def __init__(self, url: str, token: str, timeout: float, *, plain_http: bool):
        self.url = url
        self.is_closed = False
        self._client = Client(url, token, timeout, plain_http=plain_http)

    def ask(self, method: str, *path: str, query: dict[str, Any] | None = None, body: Any = None) -> Any:
        """The answer of a resource."""
        self._check_open()
        try:
            return self._client.request(method, "v1", *path, query=query, body=body)[1]
        except Problem as problem:
            raise exception(problem) from problem

    def of(self, account: str, question: str, query: dict[str, Any]) -> Any:
        """The answer of an account to a question."""
        return self.ask("GET", "accounts", account, question, query=query)

    def pages(self, member: str, *path: str) -> Iterator[dict[str, Any]]:
        """What a list has, page by page."""
        after = None
        while True:
            page = self.ask("GET", *path, query={"limit": PAGE, "after": after})
            yield from page[member]
            after = page["next"]
            if after is None:
                return

    def post(self, entry: dict[str, Any]) -> bool:
        """Posts an entry. Whether it is new."""
        answer = self.ask("POST", "entries", body={"entries": [entry]})
        return bool(answer["outcomes"][0]["outcome"] == "posted")

    def post_all(self, entries: Iterable[dict[str, Any]]) -> tuple[int, int]:
        """Posts entries, those of each request together or not at all. How many records and corrections are new,
        and how many accounts."""
        posted, opened = 0, 0
        for batch in batches(entries):
            outcomes = self.ask("POST", "entries", body={"entries": batch})["outcomes"]
            for entry, outcome in zip(batch, outcomes, strict=True):
                is_new = outcome["outcome"] == "posted"
                posted += is_new and entry["kind"] != "open"
                opened += is_new and entry["kind"] == "open"
        return posted, opened

    def save_journal(self, file: IO[bytes], *path: str) -> int:
        """Writes a journal to a file, and returns how many entries it has."""
        self._check_open()
        entries = 0
        try:
            with self._client.lines("v1", *path) as lines:
                for line in lines:
                    entries += line.startswith(b'{"sequence":')
                    file.write(line)
        except Problem as problem:
            raise exception(problem) from problem
        return entries

    def close(self) -> None:
        """Closes the connections."""
        self.is_closed = True
        self._client.close()

    def _check_open(self) -> None:
        if self.is_closed:
            raise ValueError("the store is closed")
