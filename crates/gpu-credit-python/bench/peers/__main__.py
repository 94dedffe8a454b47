"""gpu-credit and what one might use instead: the same events, in one run, in turns.

    python bench/peers             needs the extra "bench"
    python bench/peers --quick     within half a minute: proves that it works, not how fast it is
    python bench/peers --json      the raw figures, for `compare -- record`

Every answer is compared with that of gpu-credit, and a disagreement ends the run. Traces of real
usage are read from the folder GPU_CREDIT_DATA; without it small ones are made. PostgreSQL takes
part if its programs are there: a server is started for the run. All files are in a temporary
folder, so TMPDIR says on which disk a commit is.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median

import ledger
from parties import parties
from rows import ROWS, Workload
from turns import take_turns


def main():
    arguments = parsed()
    with parties() as everybody:
        workload = made(everybody.folder, arguments.quick)
        cases = []
        for row in arguments.rows:
            for case in ROWS[row](everybody, workload):
                cases.append(measured(case, arguments.rounds))
                print(shown(cases[-1]), file=sys.stderr if arguments.json else sys.stdout)
            everybody.close()
    if arguments.json:
        print(json.dumps({"seed": 1, "is_quick": arguments.quick, "cases": cases}, indent=1))


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--json", action="store_true", help="print the raw figures")
    parser.add_argument("--rounds", type=int, help="of each case; 5 if not given")
    parser.add_argument(
        "--rows", type=lambda text: text.split(","), default=list(ROWS), help="P1,P4"
    )
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    return arguments


def made(folder: Path, is_quick):
    return Workload(
        traces=ledger.traces(folder),
        years=ledger.two_years(folder, 10_000 if is_quick else 100_000),
        postings=100 if is_quick else 500,
    )


def measured(case, rounds):
    """The case as the page keeps it: a list of figures for each party."""
    if isinstance(case.entrants, dict):
        samples = {name: [size / case.size] for name, size in case.entrants.items()}
        listed = [{"name": name, "samples": figures} for name, figures in samples.items()]
    else:
        figures = take_turns(rounds, case.entrants)
        listed = [
            {"name": entrant.name, "samples": figures}
            | ({} if entrant.says is None else {"says": entrant.says})
            for entrant, figures in zip(case.entrants, figures)
        ]
    kept = {field: value for field, value in case._asdict().items() if field != "entrants"}
    return kept | {"target": None, "parties": listed}


def shown(case):
    lines = [f"{case['row']} {case['series']}, {case['size']:,} {case['size_of']}"]
    for party in case["parties"]:
        figures = party["samples"]
        words = f"{median(figures):14,.0f} {case['unit']}" if figures else f"  {party['says']}"
        lines.append(f"   {party['name']:36}{words}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
