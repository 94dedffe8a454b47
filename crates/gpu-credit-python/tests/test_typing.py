"""What type checkers take, and what they refuse."""

import re
import subprocess
import sys

TAKEN = """
import numpy
import polars
from gpu_credit import CreditBook, CreditLine, CreditStore, GPUCredit, Policy

account = GPUCredit(policy="forfeit", unit="s")
policy: Policy | CreditLine = account.policy
GPUCredit(policy=policy)
GPUCredit(policy=CreditLine(500))
GPUCredit(policy=Policy.CARRY)
account.subtract_many(amounts=polars.Series([1]), timestamps=numpy.array([5]))
balance: int | None = account.get_balance(numpy.int64(5))
book = CreditBook()
book.ingest(polars.DataFrame())
book.get_balances(polars.Series(["ada"]), polars.Series([5]))
for name, member in book.items():
    member.subtract(len(name), 5)
fallback: GPUCredit | int = book.get("ada", 5)
"""

REFUSED = [
    'GPUCredit(policy="forefit")',
    'GPUCredit(unit="hours")',
    "GPUCredit().subtract(1.0, 5)",
    "GPUCredit().extend([(1, 2, 3)])",
    "GPUCredit().get_balance(5) + 1",
    'CreditBook().ingest({"account": ["ada"]})',
    'CreditStore("credit.redb").import_sacct("jobs.txt", payer="eve")',
]


def test_type_checkers_take_what_works_and_refuse_what_does_not(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(TAKEN + "\n".join(REFUSED) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(code)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {int(line) for line in re.findall(r"code\.py:(\d+): error", checked.stdout)}
    first = TAKEN.count("\n") + 1
    assert found == set(range(first, first + len(REFUSED))), checked.stdout
