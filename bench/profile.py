"""Where the worker's microseconds go: `python -m bench.profile [--flame FILE.svg]`.

py-spy (`pip install --group bench`) looks at the worker while it decides what `bench.decide` gives it. Without FILE, a
table of functions: the time spent in each itself, and with all that it called, in µs of a core for one report. Only
threads that hold the interpreter are looked at, since one that waits for the network would be counted as busy.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.decide import METERS, REPORTS
from bench.engine import fill_usage, worker
from bench.log import Run, kafka, watch
from bench.work import make_work
from stream.topics import DECISIONS

_TIMES_A_SECOND: Final = 250
_ROWS: Final = 45
_SPY: Final = Path(sys.executable).with_name("py-spy")


def main(flame: Path | None) -> None:
    work = make_work(REPORTS, METERS)
    with kafka() as (servers, folder):
        records, _ = fill_usage(servers, work)
        stacks = folder / "stacks.txt"
        with worker(servers, folder) as pid:
            run = watched(servers, records, pid, flame or stacks, "flamegraph" if flame else "raw")
        if not flame:
            print_shares(stacks.read_text(), run.cpu_seconds / (run.records * len(work) / records) * 1e6)


def watched(servers: str, records: int, pid: int, output: Path, form: str) -> Run:
    """Look on from the first decision to the last."""
    asyncio.run(watch(servers, DECISIONS, 1, pid))
    options = ["-r", str(_TIMES_A_SECOND), "-f", form, "-o", str(output), "--gil"]
    with subprocess.Popen([str(_SPY), "record", "-p", str(pid), *options], stdout=subprocess.DEVNULL) as spy:
        run = asyncio.run(watch(servers, DECISIONS, records, pid))
        spy.send_signal(signal.SIGINT)
    return run


def print_shares(stacks: str, cpu_per_report: float) -> None:
    """Print the functions that take the most, of so many µs of CPU a report."""
    itself, in_all, lines = _counts(stacks)
    to_us = cpu_per_report / sum(itself.values())
    table = Table("µs with callees", "µs itself", "function (file)", title=f"{cpu_per_report:.1f} µs of CPU a report")
    for name, count in in_all.most_common(_ROWS):
        table.add_row(f"{count * to_us:.2f}", f"{itself[name] * to_us:.2f}", name)
    Console(width=140).print(table)
    table = Table("µs itself", "line", title="hottest lines")
    for name, count in lines.most_common(_ROWS):
        table.add_row(f"{count * to_us:.2f}", name)
    Console(width=140).print(table)


def _counts(stacks: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Samples by function: itself, and with callees; and by line, itself."""
    itself: Counter[str] = Counter()
    in_all: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for stack in stacks.splitlines():
        frames, _, count = stack.rpartition(" ")
        names = [frame.rpartition(":")[0] or frame for frame in frames.split(";")]
        itself[names[-1]] += int(count)
        lines[frames.split(";")[-1]] += int(count)
        in_all.update(dict.fromkeys(names, int(count)))
    return itself, in_all, lines


if __name__ == "__main__":
    main(Path(sys.argv[2]).absolute() if sys.argv[1:2] == ["--flame"] else None)
