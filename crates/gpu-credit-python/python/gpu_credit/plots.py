"""Pictures, with matplotlib: the extra "plot"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

if TYPE_CHECKING:
    from gpu_credit.table import Table


def plot(table: Table, ax: Any, options: dict[str, Any]) -> Any:
    """Balances as steps, a line for each account; deficits below zero."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plot() needs matplotlib: pip install "gpu-credit[plot]"') from error

    names = table.column_names
    time = next((name for name in ("timestamp", "first") if name in names), None)
    if time is None or "balance" not in names:
        raise ValueError(f"there are no balances over time among the columns {', '.join(names)}")
    if table.unit is not None:
        table = table.datetimes(timezone=None)
    if ax is None:
        _, ax = pyplot.subplots(layout="constrained")
    times = numpy.ma.asarray(table[time])
    balances, deficits = (numpy.ma.asarray(table[name]).astype(float) for name in ("balance", "deficit"))
    for account, rows in _parts(table):
        label = {"label": account} if account is not None else {}
        # If there is no balance, the line is broken.
        ax.step(times[rows], balances[rows].filled(numpy.nan), where="post", **label | options)
        owed = deficits[rows].filled(0)
        if owed.any():
            ax.fill_between(times[rows], -owed, step="post", alpha=0.4, color=ax.lines[-1].get_color())
    if "account" in names and len(table) > 0:
        ax.legend()
    ax.set_ylabel("balance")
    return ax


def _parts(table: Table) -> list[tuple[str | None, Any]]:
    """Each account with its rows, or all rows if no account is named."""
    if "account" not in table.column_names:
        return [(None, slice(None))]
    accounts = numpy.array(table["account"], dtype=object)
    return [(account, accounts == account) for account in dict.fromkeys(accounts)]
