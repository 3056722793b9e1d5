"""The questions and commands, by name: each a file in `queries/` or `commands/`, its parameters `{name:Type}`.

A line `-- include NAME` stands for the lines of `parts/NAME.sql`, which several questions share.
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


@cache
def statement(name: str) -> str:
    """The text of `queries/{name}.sql`. Names are the program's own, never a caller's."""
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: (PARTS / f"{found['name']}.sql").read_text(encoding="utf-8"), text)


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
