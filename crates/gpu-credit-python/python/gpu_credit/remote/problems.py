"""What the service answers instead, as the exceptions that CreditStore raises."""

from __future__ import annotations

from gpu_credit._client import Problem

LOOKUPS = {"no-such-record", "no-such-hold", "no-such-usage", "no-such-revision", "no-such-entry"}


def exception(problem: Problem) -> Exception:
    """The exception for a problem: KeyError, LookupError, OverflowError and ValueError as CreditStore raises them;
    PermissionError for a token that may not do this; OSError if the service fails, or is no such service."""
    document = problem.document
    said = str(document.get("detail") or problem)
    if problem.kind == "no-such-account":
        return KeyError(str(document.get("account", said)))
    if problem.kind in LOOKUPS:
        return LookupError(said)
    if problem.kind == "limit":
        return OverflowError(said)
    if problem.status in (401, 403):
        return PermissionError(said)
    if problem.status == 408:
        return TimeoutError(said)
    if not problem.kind or problem.status == 429 or problem.status >= 500:
        return OSError(said)
    return ValueError(said)
