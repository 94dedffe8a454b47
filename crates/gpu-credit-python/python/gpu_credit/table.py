"""Tables of answers."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from typing import Any, overload

import numpy

from gpu_credit._native import Columns

_ROWS_SHOWN = 10


class Table:
    """Answers by columns, which pandas, Polars and PyArrow read where they stand.

    pandas.DataFrame.from_arrow(table), polars.DataFrame(table) and pyarrow.table(table) take it, as does
    whatever else reads the Arrow PyCapsule interface. Integers are int64, and a null is a null, never a float.

    table["amount"] is a column: a NumPy array, masked if a row may be null, and a list for text. Rows
    are named tuples: for row in table, table[0], table[-1], len(table). Two tables are equal if their columns
    and rows are.

    >>> from gpu_credit import GPUCredit
    >>> account = GPUCredit()
    >>> account.add_credit("march", 10, 0, 60)
    >>> account.subtract(4, 30)
    >>> table = account.series(first=0, last=72, step=24)
    >>> table.column_names
    ['timestamp', 'balance', 'status', 'deficit']
    >>> table["balance"].tolist()
    [10, 10, 6, None]
    >>> table[-1]
    Row(timestamp=72, balance=None, status='inactive', deficit=0)
    """

    __slots__ = ("_columns",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return self._columns.names

    @property
    def unit(self) -> str | None:
        """The unit of the instants, "s", "ms", "us" or "ns" since 1970 in UTC; None if nobody has said it."""
        return self._columns.unit

    def datetimes(self, *, unit: str | None = None, timezone: str | None = "UTC") -> Table:
        """The same table with datetimes for instants.

        Parameters
        ----------
        unit
            In what the instants count: "s", "ms", "us" or "ns". Only if the account, book or store was not
            told.
        timezone
            In which datetimes are shown, such as "Europe/Berlin". None for datetimes without a zone, in UTC.

        Returns
        -------
        Table
            With timestamps of Arrow in that unit, exactly. The end of a grant that never ends is null.

        Raises
        ------
        ValueError
            If no unit is known, or another one.

        Examples
        --------
        >>> from gpu_credit import GPUCredit
        >>> account = GPUCredit(unit="s")
        >>> account.add_credit("march", 10, 0, 60)
        >>> account.grants().datetimes()["end"].tolist()
        [datetime.datetime(1970, 1, 1, 0, 1)]
        """
        return Table(self._columns.datetimes(unit, timezone))

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Draws balances over time with matplotlib, which the extra "plot" installs; deficits below zero.

        Parameters
        ----------
        ax
            Axes of matplotlib to draw on; new ones if there are none.
        options
            What Axes.step takes: color, label, linewidth ...

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the table has no balances over time: series, balances and steps do.
        """
        from gpu_credit.plots import plot

        return plot(self, ax, options)

    def __arrow_c_schema__(self) -> object:
        return self._columns.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._columns.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, key: str) -> Any: ...
    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Table: ...
    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return self._columns.column(key)
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            if step != 1:
                raise ValueError(f"a slice of a table has no step, not {step}")
            return Table(self._columns.slice(first=first, count=max(last - first, 0)))
        row = range(len(self))[key]
        return next(iter(self[row : row + 1]))

    def __iter__(self) -> Iterator[Any]:
        row = namedtuple("Row", self.column_names)  # type: ignore[misc]
        columns = (self[name] for name in self.column_names)
        lists = (column.tolist() if isinstance(column, numpy.ndarray) else column for column in columns)
        return map(row._make, zip(*lists))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self._columns.equals(other._columns)

    def __repr__(self) -> str:
        shown = "".join(f"\n{row}" for row in self[:_ROWS_SHOWN])
        return f"<Table of {len(self)} rows: {', '.join(self.column_names)}>{shown}{self._rest(chr(10))}"

    def _repr_html_(self) -> str:
        from html import escape

        def cells(tag: str, row: Any) -> str:
            shown = ("" if cell is None else escape(str(cell)) for cell in row)
            return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in shown) + "</tr>"

        head = cells("th", self.column_names)
        body = "".join(cells("td", row) for row in self[:_ROWS_SHOWN])
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{self._rest('')}"

    def _rest(self, before: str) -> str:
        rest = len(self) - _ROWS_SHOWN
        return f"{before}... and {rest} rows more" if rest > 0 else ""
