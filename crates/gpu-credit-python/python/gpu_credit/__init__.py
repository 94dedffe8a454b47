"""A ledger for credit that expires: exactly right about any moment of the past, however late and
shuffled its records arrive.

>>> from gpu_credit import GPUCredit
>>> account = GPUCredit()
>>> account.add_credit("march", 100, 0, 30)   # live in [0, 30], both ends included
>>> account.add_credit("trial", 50, 10, 5)
>>> account.subtract(20, 12)                  # from the trial, which expires sooner
>>> account.get_balance(12), account.get_balance(16)
(130, 100)
>>> account.subtract(60, 5)                   # arrives late
>>> account.get_balance(12)
70

GPUCredit is one account, CreditBook many by name, CreditStore many in a durable file, and
KeyedGPUCredit the classic keyed exercise. gpu_credit.remote.Store is the store of a service, over
HTTP. gpu_credit.spark has the balances of tables too large for one machine; it needs the extra "spark".
"""

from collections.abc import Mapping

from gpu_credit._native import CreditBook, CreditStore, GPUCredit, KeyedGPUCredit, __version__
from gpu_credit.progress import bar
from gpu_credit.table import Table
from gpu_credit.words import (
    Answer,
    Authorised,
    CreditLine,
    Draw,
    Funds,
    Grant,
    GrantRecord,
    GrantStatement,
    Hold,
    Imported,
    Ingested,
    MeteredId,
    MeteredUsage,
    Policy,
    Remainder,
    SacctImported,
    SettlementStatistics,
    Statement,
    Status,
    Total,
    UsageId,
    UsageRecord,
    UsageStatement,
)

__all__ = [
    "Answer",
    "Authorised",
    "CreditBook",
    "CreditLine",
    "CreditStore",
    "Draw",
    "Funds",
    "GPUCredit",
    "Grant",
    "GrantRecord",
    "GrantStatement",
    "Hold",
    "Imported",
    "Ingested",
    "KeyedGPUCredit",
    "MeteredId",
    "MeteredUsage",
    "Policy",
    "Remainder",
    "SacctImported",
    "SettlementStatistics",
    "Statement",
    "Status",
    "Table",
    "Total",
    "UsageId",
    "UsageRecord",
    "UsageStatement",
    "__version__",
    "bar",
]

Mapping.register(CreditBook)
