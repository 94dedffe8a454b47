"""Requests to the service `gpu-credit serve`, with the standard library alone."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

# Answers that say: nothing was done, or nobody knows, and the same again is safe.
AGAIN = {429, 502, 503, 504}
IDLE_CONNECTIONS = 32
DELAYS = (0.1, 0.4, 1.5)
BLOCK_BYTES = 1 << 16
# Of an answer, and of a line of a long one, no more is read.
ANSWER_BYTES = 1 << 28
LINE_BYTES = 1 << 24

_Answer = TypeVar("_Answer")


class Problem(Exception):
    """What the service answers instead: its status, its document, and what kind of problem it is."""

    def __init__(self, status: int, document: dict[str, Any]):
        self.status = status
        self.document = document
        self.kind = str(document.get("type", "")).rpartition("/")[2]
        said = [str(document[member]) for member in ("title", "detail") if document.get(member)]
        super().__init__(": ".join(said) or f"the service answers {status}")


class Unreachable(ConnectionError):
    """The service could not be reached, or did not answer: whether it did what was asked is not known."""


class Members(dict[str, Any]):
    """The members of an answer. One that the service would have given is not missing: something else has answered."""

    def __missing__(self, name: str) -> Any:
        raise Unreachable(f"the answer has no {name}: is this a gpu-credit service?")


class Client:
    """Asks one service. Any thread may use it; each request has a connection of its own while it lasts.

    url is its address, such as http://127.0.0.1:8080; token is what `gpu-credit token` made; timeout is in seconds, for
    each attempt. http is for this machine alone, unless plain_http says that something else encrypts it: the token is sent as it is.
    """

    def __init__(self, url: str, token: str, timeout: float = 10.0, *, plain_http: bool = False):
        parts = urlsplit(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("url: it has no user, query or fragment")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url: found {url!r}, expected an address such as http://127.0.0.1:8080")
        if parts.scheme == "http" and not plain_http and not _is_this_machine(parts.hostname):
            raise ValueError(f"url: {parts.hostname} is another machine, and http would send the token as it is: use https, or plain_http")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        # A file that it is read from ends with a new line.
        self._token = token.strip()
        if not self._token or not self._token.isascii() or not self._token.isprintable():
            raise ValueError("token: expected what `gpu-credit token` has printed")
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._process = os.getpid()
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        *path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        delays: tuple[float, ...] = DELAYS,
    ) -> tuple[int, Any]:
        """The status and the answer of a request, sent again after each of the delays, in seconds, while the service cannot be reached or says that it
        may be sent again. What is posted under an id is posted once, however often it is sent.

        Raises Problem for any other answer than one of success, and Unreachable.
        """
        content = None if body is None else json.dumps(body).encode()
        target = self._target(path, query)
        return _again(lambda: self._once(method, target, content), delays)

    def lines(self, *path: str, delays: tuple[float, ...] = DELAYS) -> Lines:
        """The lines of a long answer, which is read as they are taken. It is asked for again as a request is, until it begins.

        Raises as a request does; and Unreachable, while lines are taken, if the answer ends before it is whole.
        """
        return _again(lambda: self._begin(self._target(path, None)), delays)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _target(self, path: tuple[str, ...], query: dict[str, Any] | None) -> str:
        target = self._base + "".join("/" + quote(part, safe="") for part in path)
        query = {name: value for name, value in (query or {}).items() if value is not None}
        return f"{target}?{urlencode(query)}" if query else target

    def _once(self, method: str, target: str, content: bytes | None) -> tuple[int, Any]:
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        with self._answers(), self._connection() as connection:
            answer = self._send(connection, method, target, content, headers)
            text = _read(answer)
        if not 200 <= answer.status < 300:
            raise _problem(answer, text)
        document = _document(text)
        if not isinstance(document, Members):
            raise Unreachable(f"{self._host} answers no JSON object: is this a gpu-credit service?")
        return answer.status, document

    def _begin(self, target: str) -> Lines:
        connection = self._connect()
        try:
            with self._answers():
                answer = self._send(connection, "GET", target, None, {})
                if answer.status != 200:
                    raise _problem(answer, _read(answer))
        except BaseException:
            connection.close()
            raise
        return Lines(self, connection, answer)

    def _send(
        self, connection: http.client.HTTPConnection, method: str, target: str, content: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        connection.request(method, target, body=content, headers={"Authorization": f"Bearer {self._token}", **headers})
        return connection.getresponse()

    @contextmanager
    def _answers(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._host}: {error or type(error).__name__}") from error

    @contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        with self._lock:
            if self._process != os.getpid():
                # The connections are those of the parent, which goes on with them.
                self._idle, self._process = [], os.getpid()
            connection = self._idle.pop() if self._idle else self._connect()
        if _is_over(connection):
            connection.close()
            connection = self._connect()
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

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout)


class Lines:
    """The lines of an answer, as bytes with their ends. A context manager; it has a connection of its own until it ends."""

    def __init__(self, client: Client, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse):
        self._client = client
        self._connection = connection
        self._answer = answer

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        with self._client._answers():
            # Its own readline takes an answer that was cut short between two chunks for one that is whole.
            while block := self._answer.read1(BLOCK_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                yield from (line + b"\n" for line in lines)
                if len(rest) > LINE_BYTES:
                    raise http.client.HTTPException(f"a line of more than {LINE_BYTES} bytes")
            if self._answer.length:
                raise http.client.IncompleteRead(b"", self._answer.length)
        if rest:
            yield rest


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Whether the service has closed a connection that was idle."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _again(attempt: Callable[[], _Answer], delays: tuple[float, ...]) -> _Answer:
    for delay in (*delays, None):
        try:
            return attempt()
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


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(answer: http.client.HTTPResponse) -> bytes:
    text = answer.read(ANSWER_BYTES)
    if not answer.isclosed() and answer.read(1):
        raise http.client.HTTPException(f"an answer of more than {ANSWER_BYTES} bytes")
    if answer.length:
        raise http.client.IncompleteRead(text, answer.length)
    return text


def _document(text: bytes) -> Any:
    try:
        return json.loads(text, object_hook=Members) if text else None
    except (ValueError, RecursionError):
        return None


def _problem(answer: http.client.HTTPResponse, text: bytes) -> Problem:
    document = _document(text)
    document = document if isinstance(document, dict) else {}
    if (after := answer.headers.get("Retry-After")) and after.isdigit():
        document.setdefault("retry_after", int(after))
    return Problem(answer.status, document)
