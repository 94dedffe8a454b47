"""The words of the ledger: what an account is told, and what it answers."""

from enum import StrEnum
from operator import index
from typing import NamedTuple, Self, SupportsIndex


class Policy(StrEnum):
    """What becomes of usage beyond what the live grants can pay. One account, one policy.

    Beside these there is CreditLine."""

    CARRY = "carry"
    """It becomes a deficit, which the grants that start later pay on arrival. A balance of exactly
    zero reads 0."""

    FORFEIT = "forfeit"
    """It forfeits every live remainder and is itself dropped whole: no debt, and the next grant
    starts clean. A balance of exactly zero reads None."""


class CreditLine(str):
    """The policy "carry:C", as CreditLine(500), which is the string "carry:500": a deficit grows to the credit line at
    most, and the rest is dropped: billed elsewhere, and never owed by later grants.

    >>> from gpu_credit import CreditLine, GPUCredit
    >>> account = GPUCredit(policy=CreditLine(500))
    >>> account.subtract(600, 0)
    >>> account.balance_at(0).deficit, account.policy
    (500, 'carry:500')
    """

    __slots__ = ()

    def __new__(cls, amount: SupportsIndex) -> Self:
        return super().__new__(cls, f"carry:{index(amount)}")

    def __getnewargs__(self) -> tuple[int]:  # type: ignore[override]
        return (self.amount,)

    @property
    def amount(self) -> int:
        """The credit line, from 0 to 2**63 - 1."""
        return int(self.removeprefix("carry:"))


class Status(StrEnum):
    """Why an Answer is what it is."""

    INACTIVE = "inactive"
    """No window contains the instant: whatever else is true, this is the status then."""

    OVERDRAWN = "overdrawn"
    """There is a deficit."""

    SPENT = "spent"
    """Under the policy "forfeit": grants are live, and none has a remainder."""

    AVAILABLE = "available"
    """The balance is a number."""


class Answer(NamedTuple):
    """The balance at an instant, and why it is what it is."""

    balance: int | None
    """Live remainders minus deficit, in the smallest unit. None if no window contains the
    instant, if the result is negative, or if it is zero under "forfeit"."""

    status: Status
    """Why."""

    deficit: int
    """Usage not yet paid by any grant, whatever the status. Always 0 under "forfeit"."""


class Hold(NamedTuple):
    """Credit that is kept for usage to come."""

    accounts: tuple[str, ...]
    """The accounts that it is on, by name."""

    amount: int | None
    """How much it keeps; None of a job."""

    rate: int | None
    """What each tick of a job uses; None of an amount."""

    start: int
    """The instant at which it stands as usage: of a job, the first tick."""

    end: int | None
    """The first tick after the job; None of an amount."""

    until: int
    """The first instant at which it is no longer open."""


class Funds(NamedTuple):
    """What an account had for a hold that was refused."""

    balance: int | None
    """As of get_balance, which knows no holds."""

    held: int
    """The sum of the holds that were open."""

    available: int
    """The balance with those as usage at their starts."""

    spendable: int
    """The largest amount, or rate, that would have been admitted."""


class Authorised(NamedTuple):
    """What came of asking for a hold."""

    is_new: bool
    """Whether it was decided only now."""

    hold: Hold | None
    """The hold; None if it is refused."""

    refused: dict[str, Funds]
    """By account, what it had; empty if the hold is given."""


class UsageId(NamedTuple):
    """The identity of usage. It never changes, and is not used again: taking other usage back does
    not move it."""

    timestamp: int
    """When the usage took effect."""

    nth: int
    """How many usage records had been posted at that instant before it, those taken back included."""


class UsageRecord(NamedTuple):
    """Usage at an instant, as extend and balance_if take it."""

    amount: int
    """In the smallest unit."""

    timestamp: int
    """When it takes effect."""


class GrantRecord(NamedTuple):
    """A grant, as extend and balance_if take it."""

    credit_id: str
    """Metadata: two grants with one id are two grants."""

    amount: int
    """In the smallest unit."""

    timestamp: int
    """The first instant of the window."""

    expiration: int
    """The last instant of the window, counted from the first."""

    priority: int = 0
    """From -2**15 to 2**15 - 1. Lower is drawn first; of one priority, the grant that ends soonest."""


class MeteredId(NamedTuple):
    """The identity of metered usage. It never changes, whatever is corrected, and is not used again."""

    number: int
    """Its place in posting order among all metered usage, from 0 on."""


class MeteredUsage(NamedTuple):
    """Usage of the same amount at each tick of [start, until), as extend and balance_if take it: a job.
    If until is not later than start, it is nothing, but can be changed into something."""

    rate: int
    """What each tick uses, in the smallest unit."""

    start: int
    """The first tick."""

    until: int
    """The first tick that is no longer used: the planned end, as long as the job runs."""


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

    revoked_from: int | None
    """The instant from which the grant is revoked, if it is: the one after end. Or its start: then it
    was never live, and end is the end of the window that it had before."""

    priority: int
    """Lower is drawn first; of one priority, the grant that ends soonest."""


class Remainder(NamedTuple):
    """What is undrawn of one live grant at an instant."""

    grant: int
    """The number of the grant."""

    amount: int
    """What is undrawn of it, in the smallest unit; never 0."""


class Draw(NamedTuple):
    """The part of one usage record that one grant paid: of metered usage, at some ticks that follow one
    another."""

    usage: UsageId | MeteredId
    """The usage that was paid."""

    grant: int
    """The number of the grant that paid."""

    amount: int
    """What it paid, in the smallest unit; never 0."""

    first: int
    """The first tick of the usage that was paid, perhaps in part: its instant, if it is not metered."""

    last: int
    """The last tick of the usage that was paid, perhaps in part."""

    drawn_at: int
    """When it paid: at each of these ticks, from the first on, or at its own start if the usage had
    become a deficit."""


class GrantStatement(NamedTuple):
    """Where one grant went: amount = drawn + lapsed + forfeited + revoked + remaining."""

    grant: int
    """The number of the grant."""

    amount: int
    """As posted, in the smallest unit like the rest."""

    drawn: int
    """What paid usage."""

    lapsed: int
    """Its remainder at the end of its window."""

    forfeited: int
    """What an overdraft took. Always 0 but under "forfeit"."""

    revoked: int
    """Its remainder when it was revoked: all of it if it was never live."""

    remaining: int
    """What is undrawn and live."""


class Statement(NamedTuple):
    """Where all grants and all usage went: used = drawn + deficit + dropped."""

    grants: list[GrantStatement]
    """The grants that have started, in posting order."""

    used: int
    """All usage, in the smallest unit like the rest."""

    drawn: int
    """Usage that grants have paid: the sum of what was drawn from them."""

    deficit: int
    """Usage not yet paid by any grant. Always 0 under "forfeit"."""

    dropped: int
    """Usage that was dropped. Always 0 under "carry" without a line."""


class UsageStatement(NamedTuple):
    """Where the usage of one record went: amount is the sum of its draws, deficit and dropped."""

    amount: int
    """As posted, or as corrected."""

    draws: list[Draw]
    """What grants paid, in the order in which they did."""

    deficit: int
    """What no grant has paid yet. Always 0 under "forfeit"."""

    dropped: int
    """What was dropped: always 0 under "carry", under "carry:C" what passes the line, and under "forfeit"
    of usage at an instant nothing or all."""


class Total(NamedTuple):
    """What the accounts of a book add up to at an instant."""

    balance: int
    """The sum of all balances that there are, in the smallest unit."""

    deficit: int
    """The sum of all deficits, whatever the status."""

    available: int
    """The number of accounts that have a balance."""


class Ingested(NamedTuple):
    """What CreditStore.ingest did."""

    posted: int
    """Records that are new."""

    already_posted: int
    """Records that were there already."""

    accounts: int
    """Accounts that are new."""


class Imported(NamedTuple):
    """What an import of events did, or would do."""

    posted: int
    """Entries that are new, opened accounts among them."""

    already_posted: int
    """Records that were there already."""

    opened: list[str]
    """Accounts that are new, by name."""

    questions: int
    """Questions, which a file may hold and a store does not."""

    continued: int
    """Rows at the beginning that are all rows of a file imported before."""

    refused: list[str]
    """Why rows were refused that skip_refused has left out, with their lines."""


class SacctImported(NamedTuple):
    """What an import of the jobs of a Slurm cluster did, or would do."""

    posted: int
    """Jobs that are new."""

    running: int
    """Of these, the ones that still run."""

    moved: int
    """Jobs whose end was provisional, and moved."""

    closed: int
    """Jobs that have ended since."""

    known: int
    """Jobs of which nothing is new."""

    corrected: list[tuple[str, str]]
    """Jobs that differ from what is posted because they were corrected by hand, and stay so: account and id."""

    refused: list[str]
    """Why rows were refused that skip_refused has left out, with their lines."""

    opened: list[str]
    """Accounts that are new, by name."""

    gone: list[tuple[str, str]]
    """Jobs with a provisional end that should be in the file and are not: account and id."""

    without_limit: int
    """Jobs with neither an end nor a time limit, of those that are new or moved: they end for now at now."""

    without_use: int
    """Jobs that use nothing: their nodes have none of the resource."""

    steps: int
    """Steps of jobs, which are ignored."""

    not_started: int
    """Jobs that have not started, or never did, which are ignored."""


class SettlementStatistics(NamedTuple):
    """What settling has done since the account was opened: how much work writes have caused."""

    boundaries_replayed: int
    """Boundaries replayed."""

    checkpoints_written: int
    """Checkpoints written, new ones and old ones whose remainders had changed."""

    repairs: int
    """Repairs of late writes that were begun."""

    early_stops: int
    """Repairs that ended where the new state met the remembered one."""

    jumps: int
    """Jumps over stretches of deficit."""

    skips: int
    """Sections of the timeline that repairs have skipped: only grants that outlive them differed."""
