"""The store of a service: what is of its own. That it answers as CreditStore does, the tests of the store say."""

import doctest
import inspect
import io
import os
import socket
import subprocess
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pyarrow
import pytest
from gpu_credit import CreditStore, _client, remote
from gpu_credit._client import Client
from gpu_credit.remote import Store
from gpu_credit.remote.entries import batches
from service import open_store, program


@pytest.fixture
def service(new_service):
    return new_service()


@pytest.fixture
def store(service):
    with service.open("s") as store:
        store.open_account("team/a")
        store.add_credit("team/a", "g", "march", amount=100, timestamp=0, expiration=99)
        yield store


def public(kind):
    return {name: call for name, call in vars(kind).items() if not name.startswith("_")}


def test_it_has_the_methods_of_the_store_with_the_same_parameters():
    assert public(Store).keys() == public(CreditStore).keys()
    for name, call in public(CreditStore).items():
        if name == "time_unit":
            continue
        expected = inspect.signature(call).parameters.values()
        found = inspect.signature(getattr(Store, name)).parameters.values()
        shapes = [[(one.name, one.kind == one.KEYWORD_ONLY, one.default) for one in all][1:] for all in (expected, found)]
        assert shapes[0] == shapes[1], name


WRONG = {
    "a float": lambda store: store.subtract("team/a", "x", amount=1.0, timestamp=0),
    "a negative amount": lambda store: store.subtract("team/a", "x", amount=-1, timestamp=0),
    "a large amount": lambda store: store.subtract("team/a", "x", amount=2**63, timestamp=0),
    "a large instant": lambda store: store.subtract("team/a", "x", amount=1, timestamp=2**63),
    "a time with nanoseconds": lambda store: store.get_balance("team/a", datetime(2026, 1, 1, 0, 0, 0, 1)),
    "no time": lambda store: store.get_balance("team/a", "noon"),
    "a name that is no text": lambda store: store.get_balance(5, 5),
    "an id that is no text": lambda store: store.subtract("team/a", 5, amount=1, timestamp=0),
    "an id that is empty": lambda store: store.subtract("team/a", "", amount=1, timestamp=0),
    "an id that is too long": lambda store: store.subtract("team/a", "x" * 1_025, amount=1, timestamp=0),
    "two ends": lambda store: store.add_credit("team/a", "x", "x", amount=1, timestamp=0, expiration=1, until=5),
    "a late end": lambda store: store.add_credit("team/a", "x", "x", amount=1, timestamp=2**63 - 1, expiration=1),
    "an end before the start": lambda store: store.add_credit("team/a", "x", "x", amount=1, timestamp=5, until=4),
    "a policy": lambda store: store.open_account("b", "forefit"),
    "another policy": lambda store: store.open_account("team/a", "forfeit"),
    "a negative rate": lambda store: store.run("team/a", "x", rate=-1, start=0, until=5),
    "a large priority": lambda store: store.change_priority("team/a", "x", "g", priority=2**15),
    "other content": lambda store: store.add_credit("team/a", "g", "march", amount=99, timestamp=0, expiration=99),
    "no account": lambda store: store.get_balance("eve", 0),
    "no account to post to": lambda store: store.subtract("eve", "x", amount=1, timestamp=0),
    "no account to copy": lambda store: store.account("eve"),
    "no record": lambda store: store.retract("team/a", "x", "nothing"),
    "no usage": lambda store: store.usage_statement("team/a", "g"),
    "no revision": lambda store: store.account("team/a", as_recorded=9),
    "no hold": lambda store: store.release("team/a", "x", "nothing"),
    "the sum of grants": lambda store: store.add_credit("team/a", "x", "x", amount=2**63 - 1, timestamp=0),
    "no ticks": lambda store: store.spendable_rate("team/a", start=5, until=5),
    "a late hold": lambda store: store.authorise("team/a", "x", amount=1, start=2**63 - 1, length=5),
    "a hold of nothing": lambda store: store.authorise("team/a", "x", start=5, length=5),
    "a unit": lambda store: store.set_time_unit("h"),
    "another unit": lambda store: store.set_time_unit("ms"),
    "a file that is not there": lambda store: store.import_events("/nowhere/events.csv"),
    "a journal that is not there": lambda store: store.import_journal("/nowhere/journal.jsonl"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_the_same_error(store, tmp_path, call):
    with CreditStore(tmp_path / "credit.redb", unit="s") as own:
        own.open_account("team/a")
        own.add_credit("team/a", "g", "march", amount=100, timestamp=0, expiration=99)
        errors = []
        for asked in (own, store):
            with pytest.raises(Exception) as caught:
                call(asked)
            errors.append(caught)
        assert errors[0].type is errors[1].type, errors
    assert store.revision("team/a") == 2


@pytest.mark.parametrize("token", ["", "  ", "gct_a\nb", "gct_\u00e9", "gct_a\x7f"])
def test_a_token_that_is_none_is_refused_unseen(token):
    with pytest.raises(ValueError, match="^token: expected what") as caught:
        Store("http://127.0.0.1:1", token)
    assert not token.strip() or token not in str(caught.value)


def test_a_token_is_taken_from_a_file_as_it_is(service, store):
    with Store(service.url, f"{service.token}\n") as again:
        assert again.accounts() == ["team/a"]


def test_no_token_goes_to_another_machine_in_clear():
    for host in ("credit.example", "10.0.0.1", "[::2]"):
        with pytest.raises(ValueError, match="another machine"):
            Store(f"http://{host}:8080", "gct_a")
        Store(f"http://{host}:8080", "gct_a", plain_http=True).close()
        Store(f"https://{host}:8080", "gct_a").close()
    for host in ("localhost", "127.0.0.1", "127.3.2.1", "[::1]"):
        Store(f"http://{host}:8080", "gct_a").close()
    for user in ("", "name", ":secret", "name:secret"):
        with pytest.raises(ValueError, match="no user") as caught:
            Store(f"https://{user}@credit.example", "gct_a")
        assert "secret" not in str(caught.value)


class Other(BaseHTTPRequestHandler):
    """Something else that answers, as a path says."""

    ANSWERS: ClassVar = {"html": b"<html></html>", "list": b"[]", "deep": b"[" * 100_000, "other": b'{"status": "ok"}', "cut": b'{"accounts": ['}

    def do_GET(self):
        body = self.ANSWERS[self.path.split("/")[1]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + ("cut" in self.path)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def other():
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", Other.ANSWERS)
def test_what_is_no_answer_of_a_service_is_no_answer(other, answer, monkeypatch):
    monkeypatch.setattr(_client, "_again", lambda attempt, _: attempt())
    with Store(f"{other}/{answer}", "gct_a") as store:
        for ask in (store.accounts, lambda: store.get_balance("a", 0), lambda: store.subtract("a", "x", amount=1, timestamp=0)):
            with pytest.raises(ConnectionError):
                ask()


def test_no_more_than_so_much_is_read(other, monkeypatch):
    monkeypatch.setattr(_client, "_again", lambda attempt, _: attempt())
    monkeypatch.setattr(_client, "ANSWER_BYTES", 10)
    with Store(f"{other}/html", "gct_a") as store, pytest.raises(ConnectionError, match="more than 10 bytes"):
        store.accounts()
    monkeypatch.setattr(_client, "LINE_BYTES", 10)
    with Client(f"{other}/html", "gct_a").lines() as lines, pytest.raises(ConnectionError, match="more than 10 bytes"):
        list(lines)


def test_a_token_says_what_is_allowed(service, store):
    def token(scope):
        command = [program(), "token", "make", "--tokens", service.folder / "tokens", "--scope", scope]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]

    store.open_account("team/b")
    store.open_account("other")
    with Store(service.url, "gct_nothing") as nobody, pytest.raises(PermissionError, match="no such token"):
        nobody.accounts()
    reader = Store(service.url, token("read=team/"))
    deadline = time.monotonic() + 30
    while True:  # The service reads its tokens again when the file has changed.
        try:
            assert reader.accounts() == ["team/a", "team/b"]
            break
        except PermissionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert reader.to_book().keys() == ["team/a", "team/b"]
    assert reader.account("team/a").get_balance(5) == 100
    with pytest.raises(PermissionError):
        reader.subtract("team/a", "x", amount=1, timestamp=0)
    with pytest.raises(KeyError, match="other"):
        reader.get_balance("other", 5)


def test_a_service_that_is_not_there_is_an_error_that_says_so(service, store):
    service.stop()
    with pytest.raises(ConnectionError, match="127.0.0.1"):
        store.get_balance("team/a", 5)
    with pytest.raises(ConnectionError):
        store.account("team/a")
    service.start("s")
    with service.open() as again:
        assert again.get_balance("team/a", 5) == 100
    with pytest.raises(ValueError, match="http"):
        Store("127.0.0.1:8080", "gct_")


class Lossy:
    """Between a client and a service: of the first requests what is answered gets lost."""

    def __init__(self, service, lost):
        self.to = service.url.removeprefix("http://").split(":")
        self.lost = lost
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        with client, socket.create_connection(self.to) as service:
            while request := client.recv(1 << 20):
                service.sendall(request)
                if b"POST" not in request and b"{" not in request:
                    client.sendall(service.recv(1 << 20))
                    continue
                if b"}" not in request:
                    continue  # The body comes next.
                answer = service.recv(1 << 20)
                if self.lost:
                    self.lost -= 1
                    return
                client.sendall(answer)


def test_what_is_posted_is_posted_once_if_answers_get_lost(service, store):
    lossy = Lossy(service, lost=2)
    with Store(lossy.url, service.token) as asked:
        assert asked.subtract("team/a", "job", amount=5, timestamp=5) is False  # It was posted by the first of three requests.
        assert asked.get_balance("team/a", 5) == 95
    lossy.listener.close()
    assert [entry["id"] for entry in store.history("team/a")] == ["open", "g", "job"]


def test_a_connection_that_was_closed_while_it_was_idle_is_no_failure():
    """Each request after a pause was sent twice, a tenth of a second apart."""
    closed = threading.Semaphore(0)

    def serve():
        for _ in range(2):
            client, _ = listener.accept()
            client.recv(1 << 16)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            client.close()
            closed.release()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "gct_")
        for _ in range(2):
            assert client.request("GET", "v1", delays=()) == (200, {})
            closed.acquire()
        client.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"Transfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n",  # between two chunks
        b"Transfer-Encoding: chunked\r\n\r\n8\r\na\nb\n",
        b"Content-Length: 8\r\n\r\na\nb\n",
    ],
)
def test_a_journal_that_is_cut_short_is_no_journal(answer):
    """It was taken for a whole one if its last chunk was whole."""

    def serve():
        client, _ = listener.accept()
        client.recv(1 << 16)
        client.sendall(b"HTTP/1.1 200 OK\r\n" + answer)
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "gct_")
        with pytest.raises(ConnectionError), client.lines("v1", "export") as lines:
            assert [*lines]


def test_a_forked_child_uses_connections_of_its_own(store):
    assert store.get_balance("team/a", 5) == 100
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.subtract("team/a", "child", amount=5, timestamp=5)
            code = 0
        finally:
            os._exit(code)
    assert store.get_balance("team/a", 4) == 100
    assert os.waitpid(child, 0)[1] == 0
    assert store.get_balance("team/a", 5) == 95


def test_rows_without_ids_are_refused_and_nothing_is_posted(store, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("kind,account,credit_id,amount,timestamp,expiration,id\nusage,team/a,,5,5,,one\nusage,team/a,,5,5,,\n")
    with pytest.raises(io.UnsupportedOperation, match="team/a"):
        store.import_events(events)
    assert store.revision("team/a") == 2


def test_a_journal_with_holds_is_known_here_and_not_taken_from_elsewhere(store, new_service, tmp_path):
    store.open_account("b")
    store.add_credit("b", "g", "march", amount=100, timestamp=0, expiration=99)
    assert store.authorise(["team/a", "b"], "req", amount=5, start=5, length=5).hold
    assert store.authorise(["team/a", "b"], "too much", amount=500, start=5, length=5).hold is None
    assert store.settle("b", "req/end", "req", 3)
    journal = tmp_path / "journal.jsonl"
    assert store.export_journal(journal) == 4 + 2 * 3
    assert store.import_journal(journal).already_posted == 10
    for copied in (store.account("b"), store.to_book(accounts=["b"])["b"], store.to_book()["b"]):
        assert copied.get_balance(5) == 97
    with open_store(new_service(), unit="s") as other:
        with pytest.raises(io.UnsupportedOperation, match="hold"):
            other.import_journal(journal)
        assert other.accounts() == []
    store.copy_to(tmp_path / "copy.redb")
    with CreditStore(tmp_path / "copy.redb") as copy:
        assert copy.history("b") == store.history("b")


def test_many_accounts_are_listed_and_imported(store, tmp_path):
    events = tmp_path / "events.csv"
    rows = [f"usage,n{number:04},,5,5,,u{number}\n" for number in range(1_100)]
    events.write_text("kind,account,credit_id,amount,timestamp,expiration,id\n" + "".join(rows))
    assert store.import_events(events).posted == 2_200
    assert store.import_events(events) == (0, 1_100, [], 0, 0, [])
    assert store.accounts() == [f"n{number:04}" for number in range(1_100)] + ["team/a"]


def test_what_does_not_fit_into_one_request_goes_into_several(store):
    rows = 25_000
    usage = pyarrow.table({"id": range(rows), "account": ["bob"] * rows, "amount": [1] * rows, "timestamp": range(rows)})
    assert store.ingest(usage, kind="usage") == (rows, 0, 1)
    assert store.ingest(usage, kind="usage") == (0, rows, 0)
    assert (store.revision("bob"), store.balance_at("bob", rows).deficit) == (1 + rows, rows)
    large = [{"credit_id": "x" * 60_000}] * 500
    assert [len(batch) for batch in batches(large)] == [209, 209, 82]
    assert [*batches([])] == []


def test_names_that_need_encoding(store):
    name = "a/b?c=d&e #%2F ü\n"
    assert store.open_account(name)
    assert store.subtract(name, "x/y?z", amount=5, timestamp=5)
    assert store.balance_at(name, 5).deficit == 5
    assert store.history(name)[1]["id"] == "x/y?z"
    assert store.delete_account(name, "gone/?")
    assert not store.delete_account(name, "gone/?")


def test_the_example_runs(service):
    service.open("s").close()
    names = {"url": service.url, "token": service.token}
    finder = doctest.DocTestFinder(recurse=False)
    [example] = finder.find(Store, "Store", globs=names)
    assert doctest.DocTestRunner().run(example).failed == 0
    assert remote.__doc__
