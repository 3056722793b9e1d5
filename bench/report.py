"""What a bench found: figures for people, ratios for machines, each with the bound that it has to keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number; `at_most` or `at_least` is its bound, None where it is told for its own sake."""

    name: str
    value: float
    unit: str
    key: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        return not (
            (self.at_most is not None and self.value > self.at_most)
            or (self.at_least is not None and self.value < self.at_least)
        )

    @property
    def bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"


Bench = Callable[[], Sequence[Figure]]


def print_report(name: str, figures: Sequence[Figure]) -> bool:
    """Print the table and the line of JSON; returns whether every bound was kept."""
    table = Table("figure", "measured", "unit", "bound", "", title=name)
    for figure in figures:
        kept = "" if not figure.bound else "met" if figure.is_met else "MISSED"
        table.add_row(figure.name, f"{figure.value:,.2f}", figure.unit, figure.bound, kept)
    Console().print(table)
    print(json.dumps({"bench": name, **{figure.key: round(figure.value, 3) for figure in figures if figure.key}}))
    return all(figure.is_met for figure in figures)
