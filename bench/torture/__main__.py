"""`python -m bench.torture --minutes 15 --seed 1`: exit status 0 when nothing was lost, doubled or changed."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.torture.run import Outcome, Plan, as_json, torture


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="the same faults in the same order")
    asked = parser.parse_args()
    console = Console(log_path=False)
    console.log(f"{asked.minutes:g} minutes, seed {asked.seed}")
    data = Path(tempfile.mkdtemp(prefix="torture-"))
    with console.status("Starting"):
        outcome = torture(data, Plan(asked.seed, asked.minutes * 60), lambda text: console.log(text, highlight=False))
    _show(outcome, console)
    if not outcome.is_clean:
        console.print(f"The logs and all data are left in {data}")
        return 1
    shutil.rmtree(data)
    return 0


def _show(outcome: Outcome, console: Console) -> None:
    table = Table("check", "", title="recount")
    for check, found in outcome.findings.items():
        table.add_row(check, "holds" if not found else f"{len(found)} times not, first: {found[0]}")
    console.print(table)
    print(as_json(outcome))


if __name__ == "__main__":
    sys.exit(main())
