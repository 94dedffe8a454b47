"""Arguments as the other classes take them: the same integers and times are taken, and the same errors raised.

An account that nobody keeps reads them: what is posted to it says how it understood them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, SupportsIndex, TypeVar

from gpu_credit._native import GPUCredit
from gpu_credit.words import CreditLine, MeteredUsage, Policy

if TYPE_CHECKING:
    from gpu_credit._native import _Instant, _Length, _Policy, _TimeUnit

FIRST, LAST = -(2**63), 2**63 - 1

_Found = TypeVar("_Found")


class Arguments:
    """Reads arguments. unit is asked for the unit of timestamps if one of them is no plain integer."""

    def __init__(self, unit: Callable[[], _TimeUnit | None]):
        self._unit = unit

    def instant(self, time: _Instant) -> int:
        """An instant in the unit of the store."""
        return self._account(time).post_usage(amount=0, timestamp=time).timestamp

    def instant_or_none(self, time: _Instant | None) -> int | None:
        """The same of one that may be left out."""
        return None if time is None else self.instant(time)

    def length(self, length: _Length) -> int:
        """A length of time in the unit of the store."""
        account = self._account(length)
        number = account.post_grant("", amount=0, timestamp=FIRST, expiration=length)
        return _the(account.grant(number)).end - FIRST

    def length_or_none(self, length: _Length | None) -> int | None:
        """The same of one that may be left out."""
        return None if length is None else self.length(length)

    def grant(
        self,
        credit_id: str,
        amount: SupportsIndex,
        timestamp: _Instant,
        expiration: _Length | None,
        until: _Instant | None,
        priority: SupportsIndex,
    ) -> dict[str, object]:
        """A grant, as a request has it."""
        account = self._account(timestamp, expiration, until)
        number = account.post_grant(
            credit_id, amount=amount, timestamp=timestamp, expiration=expiration, until=until, priority=priority
        )
        grant = _the(account.grant(number))
        never_ends = expiration is None and until is None
        return {
            "credit_id": grant.credit_id,
            "amount": grant.amount,
            "start": grant.start,
            "expiration": None if never_ends else grant.end - grant.start,
            "priority": grant.priority,
        }

    def job(self, rate: SupportsIndex, start: _Instant, until: _Instant) -> MeteredUsage:
        """Metered usage."""
        account = self._account(start, until)
        return _the(account.metered_usage(account.post_metered(rate=rate, start=start, until=until)))

    @staticmethod
    def amount(amount: SupportsIndex) -> int:
        """An amount: an integer that is not negative."""
        account = GPUCredit()
        account.post_usage(amount=amount, timestamp=0)
        return account.used

    def rate(self, rate: SupportsIndex) -> int:
        """A rate: an integer that is not negative."""
        return self.job(rate, 0, 1).rate

    @staticmethod
    def priority(priority: SupportsIndex) -> int:
        """A priority."""
        account = GPUCredit()
        return _the(account.grant(account.post_grant("", amount=0, timestamp=0, priority=priority))).priority

    @staticmethod
    def policy(policy: _Policy) -> Policy | CreditLine:
        """A policy."""
        return GPUCredit(policy).policy

    def _account(self, *times: object) -> GPUCredit:
        is_plain = all(time is None or type(time) is int for time in times)
        return GPUCredit(unit=None if is_plain else self._unit())


def text(name: str, value: str) -> str:
    """A text. TypeError for anything else, before it becomes another text in an address."""
    if not isinstance(value, str):
        raise TypeError(f"argument '{name}': '{type(value).__name__}' object is no 'str'")
    return value


def names(accounts: str | Iterable[str] | Iterable[int]) -> list[str]:
    """Names of accounts, of one or of many."""
    return [accounts] if isinstance(accounts, str) else [name if isinstance(name, str) else str(name) for name in accounts]


def _the(found: _Found | None) -> _Found:
    assert found is not None, "it was posted just now"
    return found
