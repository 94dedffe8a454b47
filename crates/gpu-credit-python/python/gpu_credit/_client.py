"""Requests to the service `gpu-credit serve`, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

# Answers that say: nothing was done, or nobody knows, and the same again is safe.
AGAIN = {429, 502, 503, 504}
IDLE_CONNECTIONS = 32


class Problem(Exception):
    """What the service answers instead: its status, its document, and what kind of problem it is."""

    def __init__(self, status: int, document: dict[str, Any]):
        self.status = status
        self.document = document
        self.kind = str(document.get("type", "")).rpartition("/")[2]
        said = [str(document[member]) for member in ("title", "detail") if document.get(member)]
        super().__init__(": ".join(said) or f"the service answers {status}")


class Unreachable(Exception):
    """The service could not be reached, or did not answer: whether it did what was asked is not known."""


class Client:
    """Asks one service. Any thread may use it; each request has a connection of its own while it lasts.

    url is its address, such as http://127.0.0.1:8080; token is what `gpu-credit token` made; timeout is in seconds, for
    each attempt.
    """

    def __init__(self, url: str, token: str, timeout: float = 10.0):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url: found {url!r}, expected an address such as http://127.0.0.1:8080")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("url: it has no user, query or fragment")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        *path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        delays: tuple[float, ...] = (0.1, 0.4, 1.5),
    ) -> tuple[int, Any]:
        """The status and the answer of a request, sent again after each of the delays, in seconds, while the service cannot be reached or says that it
        may be sent again. What is posted under an id is posted once, however often it is sent.

        Raises Problem for any other answer than one of success, and Unreachable.
        """
        target = self._base + "".join("/" + quote(part, safe="") for part in path)
        query = {name: value for name, value in (query or {}).items() if value is not None}
        if query:
            target += "?" + urlencode(query)
        content = None if body is None else json.dumps(body).encode()
        for delay in (*delays, None):
            try:
                return self._once(method, target, content)
            except Problem as problem:
                if delay is None or problem.status not in AGAIN:
                    raise
                wait = float(problem.document.get("retry_after", 0) or 0)
                time.sleep(max(delay, min(wait, 30.0)))
            except Unreachable:
                if delay is None:
                    raise
                time.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Closes the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _once(self, method: str, target: str, content: bytes | None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            with self._connection() as connection:
                connection.request(method, target, body=content, headers=headers)
                answer = connection.getresponse()
                text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._host}: {error or type(error).__name__}") from error
        try:
            document = json.loads(text) if text else None
        except ValueError:
            document = None
        if 200 <= answer.status < 300:
            return answer.status, document
        document = document if isinstance(document, dict) else {}
        if (after := answer.headers.get("Retry-After")) and after.isdigit():
            document.setdefault("retry_after", int(after))
        raise Problem(answer.status, document)

    @contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()
