"""Balances of tables that are too large for one machine, on Apache Spark.

Needs the extra "spark", on the driver and on every worker: pip install gpu-credit[spark].

An event table has the columns

* kind: "grant" or "usage";
* account: a string;
* amount, timestamp: integers of any width;
* expiration: an integer; of usage it is not looked at, and may be null;
* posted, if you have it: an integer, by which grants of one account that start at one instant are
  put in order. Those without one come first. If it is the same or missing, the shorter window
  comes first, then the smaller amount, then the lower priority;
* priority, if you have it: an integer of a grant, of which lower is drawn first; 0 if null;
* until, if you have it: an integer. Usage that has one is metered: amount at each tick from timestamp on
  and before until.

Other columns are not looked at. Two grants with one id are two grants, and a row that stands in the
table twice counts twice. Units and limits are those of GPUCredit.

All rows of one account go to one task, which puts them in order itself: no answer depends on the
order of the rows, nor on how they are spread. So the largest account must fit into the memory of
one task, as rows in Arrow's format and some 60 bytes for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from gpu_credit._native import _Policy
    from pyspark.sql import Column, DataFrame  # type: ignore[import-not-found, unused-ignore]

ANSWERS = "account string, timestamp bigint, balance bigint, status string, deficit bigint"


def balances(
    events: DataFrame,
    queries: DataFrame,
    policy: _Policy = "carry",
    partitions: int | None = None,
) -> DataFrame:
    """The answer to each query: a row (account, timestamp, balance, status, deficit) for each row
    of queries, which has the columns account and timestamp, in no particular order.

    balance is null if GPUCredit.get_balance would answer None; status says why. An account
    without events is inactive. partitions is the number of tasks, by default what
    spark.sql.shuffle.partitions says.

    Raises TypeError for a column of another type, and ValueError for one that is missing or for
    another policy. A null or a negative amount among the rows, a kind that is neither "grant" nor
    "usage", or an amount that does not fit, ends the job with an error that names the account.
    """
    from pyspark.sql import functions  # type: ignore[import-not-found, unused-ignore]

    from gpu_credit import GPUCredit

    GPUCredit(policy)
    check(events, ["kind", "account"], ["amount", "timestamp", "expiration"], ["posted", "priority", "until"])
    check(queries, ["account"], ["timestamp"], [])

    def integer(table: DataFrame, name: str) -> Column:
        present = table[name] if name in table.columns else functions.lit(None)
        return present.cast("bigint").alias(name)

    numbers = ["amount", "timestamp", "expiration", "posted", "priority", "until"]
    kinds = functions.when(events["kind"] == "grant", 0).when(events["kind"] == "usage", 1)
    rows = events.select(
        kinds.cast("bigint").alias("kind"),
        events["account"],
        *(integer(events, name) for name in numbers),
    ).unionAll(
        queries.select(
            functions.lit(2).cast("bigint").alias("kind"),
            queries["account"],
            *(integer(queries, name) if name == "timestamp" else null(name) for name in numbers),
        )
    )
    if partitions is None:
        partitions = int(events.sparkSession.conf.get("spark.sql.shuffle.partitions") or 200)
    # A number of partitions, so that none is ever split: an account would be in two of them.
    spread = rows.repartition(partitions, "account")
    return spread.mapInArrow(folding(str(policy)), ANSWERS)


def null(name: str) -> Column:
    from pyspark.sql import functions  # type: ignore[import-not-found, unused-ignore]

    return functions.lit(None).cast("bigint").alias(name)


def check(table: DataFrame, strings: list[str], integers: list[str], optional: list[str]) -> None:
    types = dict(table.dtypes)
    for name in strings + integers:
        if name not in types:
            raise ValueError(f"the table has no column {name!r}: it has {table.columns}")
    for name in strings:
        if types[name] != "string":
            raise TypeError(f"column {name!r} is of {types[name]}: strings are expected")
    for name in integers + [name for name in optional if name in types]:
        if types[name] not in ("tinyint", "smallint", "int", "bigint", "void"):
            raise TypeError(f"column {name!r} is of {types[name]}: integers are expected")


def folding(policy: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """What each task runs, on batches of PyArrow: nothing but the policy is sent to it."""

    def fold_partition(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow  # type: ignore[import-untyped, unused-ignore]

        from gpu_credit._native import fold

        # Each task has a core of its own; there are as many tasks as cores.
        os.environ.setdefault("RAYON_NUM_THREADS", "1")
        first = next(batches, None)
        if first is None:
            return

        def all_batches() -> Iterator[Any]:
            yield first
            yield from batches

        rows = pyarrow.RecordBatchReader.from_batches(first.schema, all_batches())
        yield from fold(rows, cast("_Policy", policy))

    return fold_partition
