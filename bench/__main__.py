"""Run the benches named on the command line, or all of them: each prints a table, then a line of JSON."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from bench.report import Bench, print_report


def benches() -> dict[str, Bench]:
    """Every module here that offers a bench, by its name."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__")
    found = {name: getattr(importlib.import_module(f"bench.{name}"), "run", None) for name in names}
    return {name: run for name, run in sorted(found.items()) if run is not None}


def main(wanted: list[str]) -> int:
    known = benches()
    if unknown := set(wanted) - known.keys():
        print(f"There is no bench {', '.join(unknown)}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    met = [print_report(name, known[name]()) for name in wanted or known]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
