"""The words of the ledger: what an account is told, and what it answers."""

from enum import StrEnum
from typing import NamedTuple


class Policy(StrEnum):
    """What becomes of usage beyond what the live grants can pay. One account, one policy."""

    CARRY = "carry"
    """It becomes a deficit, which the grants that start later pay on arrival. A balance of exactly
    zero reads 0."""

    FORFEIT = "forfeit"
    """It forfeits every live remainder and is itself dropped whole: no debt, and the next grant
    starts clean. A balance of exactly zero reads None."""


class Status(StrEnum):
    """Why an Answer is what it is."""

    INACTIVE = "inactive"
    """No window contains the instant. It wins over the others."""

    OVERDRAWN = "overdrawn"
    """There is a deficit."""

    SPENT = "spent"
    """Under the policy "forfeit": live grants, and nothing left."""

    AVAILABLE = "available"
    """The balance is a number."""


class Answer(NamedTuple):
    """The balance at an instant, and why it is what it is."""

    balance: int | None
    """Live remainders minus deficit, in the smallest unit. None where no window contains the
    instant, where the result is negative, and under "forfeit" where it is zero."""

    status: Status
    """Why."""

    deficit: int
    """Usage not yet paid by any grant, whatever the status. Always 0 under "forfeit"."""


class Grant(NamedTuple):
    """A posted grant as the account holds it."""

    number: int
    """Its place in posting order, from 0 on. A grant that is taken back keeps its number."""

    credit_id: str
    """As posted: metadata."""

    amount: int
    """In the smallest unit."""

    start: int
    """The first instant of the window."""

    end: int
    """The last instant of the window. 2**63 - 1: it never ends."""


class Remainder(NamedTuple):
    """What is undrawn of one live grant at an instant."""

    grant: int
    """The number of the grant."""

    amount: int
    """What is left of it, in the smallest unit."""


class SettlementStatistics(NamedTuple):
    """What settling has done since the account was opened: how much work writes have caused."""

    boundaries_replayed: int
    """Window ends replayed."""

    checkpoints_written: int
    """Checkpoints written, new ones and old ones whose remainders had changed."""

    repairs: int
    """Repairs of late writes that were begun."""

    early_stops: int
    """Repairs that ended where the new state met the remembered one."""

    jumps: int
    """Jumps over stretches of deficit."""
