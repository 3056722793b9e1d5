"""The questions and commands, by name: each a file in `queries/` or `commands/`, its parameters `{name:Type}`.

A line `-- include NAME` stands for the lines of `parts/NAME.sql`, which several questions share; `-- filter by A B` for
those of `parts/filters/A.sql` and `B.sql`, each where its parameter is given; and `-- given A: TEXT` for TEXT, where A
is given. What is not asked costs nothing.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

QUERIES: Final = Path(__file__).parent / "queries"
INSERTS: Final = Path(__file__).parent / "inserts"
PARTS: Final = Path(__file__).parent / "parts"
COMMANDS: Final = Path(__file__).parent / "commands"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_INCLUDE: Final = re.compile(r"^ *-- include (?P<name>\w+)\n", re.MULTILINE)
_FILTER: Final = re.compile(r"^ *-- filter by (?P<names>[\w ]+)\n", re.MULTILINE)
_GIVEN: Final = re.compile(r"^(?P<indent> *)-- given (?P<name>\w+): (?P<text>.*\n)", re.MULTILINE)


@cache
def statement(name: str, given: frozenset[str] = frozenset()) -> str:
    """The text of `queries/{name}.sql` for these parameters. All names are the program's own, never a caller's."""

    def filters(found: re.Match[str]) -> str:
        return "".join(_part(f"filters/{one}") for one in found["names"].split() if one in given)

    def text(found: re.Match[str]) -> str:
        return found["indent"] + found["text"] if found["name"] in given else ""

    whole = _whole((QUERIES / f"{name}.sql").read_text(encoding="utf-8"))
    return _GIVEN.sub(text, _FILTER.sub(filters, whole))


def _whole(text: str) -> str:
    return _INCLUDE.sub(lambda found: _whole(_part(found["name"])), text)


def _part(name: str) -> str:
    return (PARTS / f"{name}.sql").read_text(encoding="utf-8")


@cache
def command_text(name: str) -> str:
    """The text of `commands/{name}.sql`: what changes something, which is nothing to ask for from outside."""
    return (COMMANDS / f"{name}.sql").read_text(encoding="utf-8")


@cache
def names() -> frozenset[str]:
    """The questions that there are."""
    return frozenset(path.stem for path in QUERIES.glob("*.sql"))


@cache
def insert_statement(name: str) -> str:
    """The text of `inserts/{name}.sql`, whose rows come from `@block`."""
    return (INSERTS / f"{name}.sql").read_text(encoding="utf-8")
