"""`Store`: the methods of CreditStore, over HTTP."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, cast

from gpu_credit._client import Problem
from gpu_credit._native import CreditBook, GPUCredit
from gpu_credit.words import Answer, Authorised, Funds, Hold, Imported, Ingested, SacctImported, Status, UsageStatement

from . import copies
from .arguments import FIRST, LAST, Arguments, names, text
from .requests import Requests

if TYPE_CHECKING:
    from _typeshed import StrPath
    from gpu_credit._native import _Instant, _Kind, _Length, _Names, _Policy, _Progress, _Table, _TimeUnit

# The id that an import gives to a row without one.
MADE_ID = re.compile(r"~[-\w]{11}(\.\d+)?", re.ASCII)


class Store:
    """Store(url, token, *, timeout=10.0, plain_http=False): the store of a service, `gpu-credit serve`, with the methods of CreditStore.

    url is the address of the service, such as "http://127.0.0.1:8080"; token is what `gpu-credit token` made, and has to allow what is
    called; timeout is in seconds, for each attempt. http sends the token as it is: it is for this machine alone, unless plain_http says that
    something else encrypts it. Nothing is sent before the first call.

    Each call means, answers and raises what it does in CreditStore. The service decides: what a call has posted when it returns is durable.
    A request is sent again, a few times within seconds, while the service cannot be reached or says that it may be; ids make that
    safe. So a call may answer False, posted before, if it was posted just now and the first answer was lost.

    What differs from afar:

    * `account`, `history`, `usage_statement`, `to_book`, `check` and `copy_to` fetch the journal of the account, or of all accounts, and answer from
      a copy: O(entries). The copy holds what the token may read.
    * `ingest`, `import_events`, `import_sacct` and `import_journal` read the file or the table here and post what is new in it, 10,000 entries at a time,
      each time all or nothing. If one of several such requests fails, the same call again posts the rest. Rows of an events file take an id
      each. A journal's entries are recorded anew, and it has no holds.
    * `set_time_unit` only compares: `gpu-credit serve --unit` says the unit.
    * `close` closes connections. A forked child may use the store, over connections of its own.

    Any thread may use it.

    Raises
    ------
    ConnectionError
        If the service cannot be reached, or does not answer: whether it has posted is settled by the same call again.
    PermissionError
        If the token is not accepted, or does not allow this.
    OSError
        If the service fails, or refuses for now.
    KeyError
        If there is no account of a name, or the token does not reach it.
    LookupError, OverflowError, TypeError, ValueError
        As CreditStore does.

    Examples
    --------
    >>> from gpu_credit.remote import Store
    >>> with Store(url, token) as store:
    ...     store.open_account("acme")
    ...     store.add_credit("acme", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    ...     store.subtract("acme", "job-17", amount=20, timestamp=12)
    ...     store.subtract("acme", "job-17", amount=20, timestamp=12)   # a retry
    ...     store.get_balance("acme", 12)
    True
    True
    True
    False
    80
    """

    def __init__(self, url: str, token: str, *, timeout: float = 10.0, plain_http: bool = False):
        self._requests = Requests(url, token, timeout, plain_http=plain_http)
        self._unit: _TimeUnit | None = None
        self._read = Arguments(lambda: self.time_unit)

    # What is posted.

    def open_account(self, name: str, policy: _Policy = "carry") -> bool:
        """Open an account, with its policy for good."""
        return self._post("open", name, "open", {"policy": self._read.policy(policy)})

    def add_credit(
        self,
        account: str,
        id: str,
        credit_id: str,
        *,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length | None = None,
        until: _Instant | None = None,
        priority: SupportsIndex = 0,
    ) -> bool:
        """Post a grant, live in [timestamp, timestamp + expiration] or in [timestamp, until); without either it
        never ends."""
        return self._post("grant", account, id, self._read.grant(credit_id, amount, timestamp, expiration, until, priority))

    def subtract(self, account: str, id: str, *, amount: SupportsIndex, timestamp: _Instant) -> bool:
        """Post usage at an instant."""
        return self._post("usage", account, id, {"amount": self._read.amount(amount), "at": self._read.instant(timestamp)})

    def run(self, account: str, id: str, *, rate: SupportsIndex, start: _Instant, until: _Instant) -> bool:
        """Post metered usage, a job: rate units at each tick of [start, until)."""
        job = self._read.job(rate, start, until)
        return self._post("run", account, id, {"rate": job.rate, "from": job.start, "until": job.until})

    def stop(self, account: str, of: str, *, at: _Instant) -> bool:
        """Stop the job of an id: its ticks from an instant on are not used. Returns whether it stopped only now: if
        it has ended by then, or was stopped before, it stays as it is."""
        body = {"run": text("of", of), "at": self._read.instant(at)}
        return bool(self._requests.ask("POST", "accounts", text("account", account), "stops", body=body)["outcome"] == "stopped")

    def change_metered(
        self,
        account: str,
        id: str,
        of: str,
        *,
        rate: SupportsIndex | None = None,
        start: _Instant | None = None,
        until: _Instant | None = None,
    ) -> bool:
        """Give the job of an id another rate, first tick or end; what is not given stays."""
        change = {
            "rate": None if rate is None else self._read.rate(rate),
            "from": self._read.instant_or_none(start),
            "until": self._read.instant_or_none(until),
        }
        return self._correct("change_run", account, id, of, change)

    def retract(self, account: str, id: str, of: str) -> bool:
        """Take the grant or the usage of an id back, as if it had never been posted."""
        return self._correct("retract", account, id, of, {})

    def change_usage(self, account: str, id: str, of: str, amount: SupportsIndex) -> bool:
        """Give the usage of an id another amount."""
        return self._correct("change_usage", account, id, of, {"amount": self._read.amount(amount)})

    def revoke_grant(self, account: str, id: str, of: str, timestamp: _Instant) -> bool:
        """Revoke the grant of an id from an instant on."""
        return self._correct("revoke", account, id, of, {"from": self._read.instant(timestamp)})

    def change_expiration(self, account: str, id: str, of: str, expiration: _Length | None) -> bool:
        """Give the window of the grant of an id another end; with None it never ends."""
        return self._correct("change_expiration", account, id, of, {"expiration": self._read.length_or_none(expiration)})

    def change_priority(self, account: str, id: str, of: str, *, priority: SupportsIndex) -> bool:
        """Give the grant of an id another priority, in its place in posting order."""
        return self._correct("change_priority", account, id, of, {"priority": self._read.priority(priority)})

    def close_books(self, account: str, id: str, until: _Instant) -> bool:
        """Close the books: records and questions before an instant are refused from now on."""
        return self._post("close", account, id, {"until": self._read.instant(until)})

    def delete_account(self, account: str, id: str) -> bool:
        """Delete an account, with all its entries."""
        answer = self._requests.ask("DELETE", "accounts", text("account", account), query={"id": text("id", id)})
        return bool(answer["outcome"] == "posted")

    # Holds.

    def authorise(
        self,
        accounts: str | Iterable[str],
        id: str,
        *,
        amount: SupportsIndex | None = None,
        rate: SupportsIndex | None = None,
        start: _Instant | None = None,
        until: _Instant | None = None,
        length: _Length | None = None,
        up_to: bool = False,
    ) -> Authorised:
        """May this be spent, and will it be kept? The hold is given on all accounts or on none: an Authorised.
        start is now, by the clock of the service, if it is not given."""
        on = [accounts] if isinstance(accounts, str) else [text("accounts", name) for name in accounts]
        body: dict[str, Any] = {"id": text("id", id), "accounts": on, "up_to": bool(up_to)}
        if amount is not None and rate is None:
            if (length is None) == (until is None):
                raise ValueError("a hold of an amount takes length or until, one of them")
            body["amount"] = self._read.amount(amount)
        elif rate is not None and amount is None:
            if length is None:
                raise ValueError("a hold of a rate takes length: how long the job runs")
            body["rate"] = self._read.rate(rate)
        else:
            raise ValueError("a hold takes amount or rate, one of them")
        at = self._read.instant_or_none(start)
        ticks = self._read.length_or_none(length)
        body |= _open_from(at, ticks, self._read.instant_or_none(until), is_job=rate is not None)
        try:
            answer = self._requests.ask("POST", "holds", body=body)
        except ValueError as error:
            problem = error.__cause__
            if not isinstance(problem, Problem) or problem.kind != "insufficient-credit":
                raise
            refused = {had["account"]: _funds(had) for had in problem.document["accounts"]}
            return Authorised(problem.document["outcome"] == "posted", None, refused)
        return Authorised(answer["outcome"] == "posted", _hold(answer), {})

    def settle(
        self,
        account: str,
        id: str,
        hold: str,
        amount: SupportsIndex | None = None,
        *,
        timestamp: _Instant | None = None,
        rate: SupportsIndex | None = None,
        until: _Instant | None = None,
    ) -> bool:
        """Settle a hold: what was used is posted in full in its place, on all its accounts. With an amount it takes
        effect at the start of the hold, or at timestamp; without one it is a job, as it was held unless others are
        given."""
        if amount is not None and (rate is not None or until is not None):
            raise ValueError("a settlement takes amount, or rate and until")
        body: dict[str, Any] = {"account": text("account", account), "id": text("id", id), "hold": text("hold", hold)}
        body["from" if amount is None else "at"] = self._read.instant_or_none(timestamp)
        body["amount"] = None if amount is None else self._read.amount(amount)
        body["rate"] = None if rate is None else self._read.rate(rate)
        body["until"] = self._read.instant_or_none(until)
        return bool(self._requests.ask("POST", "settlements", body=body)["outcome"] == "posted")

    def release(self, account: str, id: str, hold: str) -> bool:
        """Release a hold: nothing is posted in its place, on all its accounts. It can still be settled."""
        body = {"account": text("account", account), "id": text("id", id), "hold": text("hold", hold)}
        return bool(self._requests.ask("POST", "releases", body=body)["outcome"] == "posted")

    def held(self, account: str, timestamp: _Instant) -> int:
        """The sum of the holds that are open at an instant: of jobs, all of their ticks."""
        return int(self._of(account, "balance", at=self._read.instant(timestamp))["held"])

    def available(self, account: str, timestamp: _Instant) -> int:
        """The balance with the holds that are open at an instant as usage at their starts, never below 0."""
        return int(self._of(account, "balance", at=self._read.instant(timestamp))["available"])

    def holds(self, account: str) -> dict[str, Hold]:
        """The holds of an account that are neither settled nor released, those that have ended too: a Hold for each
        id."""
        pages = self._requests.pages("holds", "accounts", text("account", account), "holds")
        return {held["id"]: _hold(held) for held in pages}

    # Questions.

    def get_balance(self, account: str, timestamp: _Instant) -> int | None:
        """The balance of an account at an instant, as GPUCredit.get_balance."""
        return cast("int | None", self._of(account, "balance", at=self._read.instant(timestamp))["balance"])

    def balance_at(self, account: str, timestamp: _Instant) -> Answer:
        """The balance of an account at an instant, and why: an Answer."""
        answer = self._of(account, "balance", at=self._read.instant(timestamp))
        return Answer(answer["balance"], Status(answer["status"]), answer["deficit"])

    def spendable(self, account: str, timestamp: _Instant) -> int:
        """The largest amount that may be used at an instant without taking from anything that is posted or held."""
        return int(self._of(account, "spendable", at=self._read.instant(timestamp))["spendable"])

    def spendable_rate(self, account: str, *, start: _Instant, until: _Instant) -> int:
        """The largest rate of a job at each tick of [start, until)."""
        answer = self._of(account, "spendable", at=self._read.instant(start), until=self._read.instant(until))
        return int(answer["spendable"])

    def runs_dry(self, account: str, *, rate: SupportsIndex, start: _Instant) -> int | None:
        """The first tick that a job of this rate could not pay for."""
        return self._runs_dry(account, self._read.instant(start), self._read.rate(rate))

    def first_uncovered(self, account: str, *, first: _Instant | None = None) -> int | None:
        """The first tick, from one on, at which usage that is posted is not drawn whole as it falls. Without a
        tick, from where the books are open."""
        if first is not None:
            return self._runs_dry(account, self._read.instant(first), None)
        closed = self._requests.ask("GET", "accounts", text("account", account), query={"at": LAST})["closed_until"]
        return self._runs_dry(account, FIRST if closed is None else closed, None)

    def account(self, name: str, as_recorded: SupportsIndex | None = None) -> GPUCredit:
        """A copy of an account, to ask it anything: a GPUCredit. With as_recorded, the account as it stood at that
        revision. O(entries)"""
        with copies.of_accounts(self._requests, text("account", name)) as copy:
            return copy.account(name, as_recorded)

    def usage_statement(self, account: str, id: str, as_recorded: SupportsIndex | None = None) -> UsageStatement:
        """What the usage of an id, metered or not, has cost and which grants paid for it: a UsageStatement.
        O(entries)"""
        with copies.of_accounts(self._requests, text("account", account)) as copy:
            return copy.usage_statement(account, id, as_recorded)

    def history(self, account: str) -> list[dict[str, Any]]:
        """How an account came about: its entries, each a dictionary, as CreditStore.history. O(entries)"""
        with copies.of_accounts(self._requests, text("account", account)) as copy:
            return copy.history(account)

    def revision(self, account: str) -> int:
        """The revision that an account is at: how many entries it has."""
        answer = self._requests.ask("GET", "accounts", text("account", account), "entries", query={"limit": 1})
        return int(answer["revision"])

    def accounts(self) -> list[str]:
        """The names of all accounts that the token may read, in their order."""
        return [listed["account"] for listed in self._requests.pages("accounts", "accounts")]

    def to_book(self, *, accounts: _Names | None = None) -> CreditBook:
        """A copy of all accounts, at one moment, or of some, one after the other: a CreditBook. O(entries)"""
        wanted = None if accounts is None else names(accounts)
        with copies.of_all(self._requests) if wanted is None else copies.of_accounts(self._requests, *dict.fromkeys(wanted)) as copy:
            return copy.to_book(accounts=wanted)

    def check(self, instants: int = 10) -> list[str]:
        """What is wrong with the accounts, a line each; nothing if the list is empty: their entries are fetched,
        folded and compared with a replay. The file of the service is checked beside it, by `gpu-credit check`."""
        with copies.of_all(self._requests) as copy:
            return copy.check(instants)

    # The unit of time.

    @property
    def time_unit(self) -> _TimeUnit | None:
        """The unit of all timestamps: "s", "ms", "us" or "ns", counted from the beginning of 1970, UTC; None if
        nobody has said it yet."""
        if self._unit is None:
            self._unit = self._requests.ask("GET", "time-unit")["time_unit"]
        return self._unit

    def set_time_unit(self, unit: _TimeUnit) -> None:
        """Nothing if the store has this unit; ValueError if it has another one, and io.UnsupportedOperation if it
        has none: `gpu-credit serve --unit` says it."""
        said, kept = GPUCredit(unit=unit).unit, self.time_unit
        if kept is None:
            raise io.UnsupportedOperation(f"the store has no unit of time, and the service alone can say it: gpu-credit serve --unit {said}")
        if kept != said:
            raise ValueError(f"the store's unit of time is {kept}, not {said}")

    # Files and tables.

    def ingest(
        self, events: _Table, *, kind: _Kind | None = None, policy: _Policy = "carry", progress: _Progress | None = None
    ) -> Ingested:
        """Post the records of a table, in the order of the rows, as CreditStore.ingest, 10,000 at a time. Returns
        Ingested(posted, already_posted, accounts)."""
        with copies.empty(self.time_unit) as new:
            read = new.ingest(events, kind=kind, policy=policy, progress=progress)
            there = set(self.accounts())
            entries = (entry for entry in copies.entries_after(new, {}) if entry["kind"] != "open" or entry["account"] not in there)
            posted, opened = self._requests.post_all(entries)
        return Ingested(posted, read.posted - posted + read.already_posted, opened)

    def import_events(
        self,
        path: StrPath,
        *,
        policy: _Policy | None = "carry",
        again: bool = False,
        unit: _TimeUnit | None = None,
        skip_refused: bool = False,
        dry_run: bool = False,
    ) -> Imported:
        """Post the records of an events file, as CreditStore.import_events. It is checked against a copy of the
        accounts that it names, and what is new is posted. Each row takes an id: io.UnsupportedOperation if one has
        none, and nothing is posted."""
        with copies.empty(self.time_unit) as new:
            named = new.import_events(path, again=True, unit=unit, skip_refused=True, dry_run=True).opened
        with copies.of_those_there(self._requests, named, self.time_unit) as copy:
            before = copies.revisions(copy)
            done = copy.import_events(
                path, policy=policy, again=again, unit=unit, skip_refused=skip_refused, dry_run=dry_run
            )
            entries = [*copies.entries_after(copy, before)]
            for entry in entries:
                if MADE_ID.fullmatch(entry["id"]):
                    raise io.UnsupportedOperation(f"a row of account {entry['account']!r} has no id, and a service takes rows with ids alone")
            self._post_all(entries, copy.time_unit)
        return done

    def import_sacct(
        self,
        path: StrPath,
        *,
        policy: _Policy | None = "carry",
        timezone: str = "UTC",
        now: _Instant | None = None,
        resource: str = "gpu",
        payer: Literal["account", "user"] = "account",
        unit: _TimeUnit = "s",
        skip_refused: bool = False,
        dry_run: bool = False,
    ) -> SacctImported:
        """Post the jobs of a Slurm cluster, as CreditStore.import_sacct. They are compared with a copy of all
        accounts, and what is new is posted. The service has to have a unit of time."""
        with copies.of_all(self._requests) as copy:
            before = copies.revisions(copy)
            done = copy.import_sacct(
                path,
                policy=policy,
                timezone=timezone,
                now=now,
                resource=resource,
                payer=payer,
                unit=unit,
                skip_refused=skip_refused,
                dry_run=dry_run,
            )
            self._post_all([*copies.entries_after(copy, before)], copy.time_unit)
        return done

    def import_journal(self, path: StrPath, *, unit: _TimeUnit | None = None, dry_run: bool = False) -> Imported:
        """Post the entries of an exported journal that are not here, under their ids, already. They are recorded
        now. io.UnsupportedOperation, and nothing is posted, if it has holds that are not here, or the service has
        no unit of time and the journal has one."""
        with copies.of_all(self._requests) as copy:
            before = copies.revisions(copy)
            done = copy.import_journal(path, unit=unit, dry_run=dry_run)
            self._post_all([*copies.entries_after(copy, before)], copy.time_unit)
        return done

    def export_journal(self, path: StrPath) -> int:
        """Write all entries that the token may read as JSON lines to a new file, as of one moment, and return how
        many they are."""
        with open(path, "xb") as file:
            try:
                count = self._requests.save_journal(file, "export")
                os.fsync(file.fileno())
            except BaseException:
                os.remove(path)
                raise
        return count

    def copy_to(self, path: StrPath) -> None:
        """Copy all accounts that the token may read to another file, or to an empty database, for CreditStore.
        O(entries)"""
        with copies.of_all(self._requests) as copy:
            copy.copy_to(path)

    def close(self) -> None:
        """Close the connections. After that every other call is a ValueError."""
        self._requests.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, _type: object, _value: object, _traceback: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<gpu_credit.remote.Store of {self._requests.url}{', closed' if self._requests.is_closed else ''}>"

    def _repr_html_(self) -> str:
        return f"<table><tr><th>service</th><td>{escape(self._requests.url)}</td></tr></table>"

    def _post(self, kind: str, account: str, id: str, entry: dict[str, Any]) -> bool:
        return self._requests.post({"kind": kind, "account": text("account", account), "id": text("id", id)} | entry)

    def _correct(self, kind: str, account: str, id: str, of: str, change: dict[str, Any]) -> bool:
        return self._post(kind, account, id, {"of": text("of", of)} | change)

    def _of(self, account: str, question: str, **query: int | None) -> Any:
        return self._requests.of(text("account", account), question, query)

    def _runs_dry(self, account: str, first: int, rate: int | None) -> int | None:
        return cast("int | None", self._of(account, "runs-dry", **{"from": first, "rate": rate})["runs_dry"])

    def _post_all(self, entries: list[dict[str, Any]], unit: _TimeUnit | None) -> None:
        """Posts what a copy has that is new, if the times are in the unit of the store."""
        if entries and unit is not None:
            self.set_time_unit(unit)
        self._requests.post_all(entries)


def _open_from(at: int | None, length: int | None, until: int | None, *, is_job: bool) -> dict[str, int | None]:
    """When a hold begins and ends, as a request has it. What is counted from now is counted by the service."""
    if at is None:
        return {"lasts": length, "until": until}
    end = None if length is None else at + length
    if end is not None and end > LAST:
        raise ValueError("start and length are later than any timestamp")
    until = end if until is None else until
    return {"at": at, "end": end, "until": until} if is_job else {"at": at, "until": until}


def _hold(held: dict[str, Any]) -> Hold:
    return Hold(tuple(held["accounts"]), held.get("amount"), held.get("rate"), held["at"], held.get("end"), held["until"])


def _funds(had: dict[str, Any]) -> Funds:
    return Funds(had["balance"], had["held"], had["available"], had["spendable"])
