"""The terminal that a command was typed in: where it prints, and how it says what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from pydantic import ValidationError
from rich.console import Console

from tidemark import telemetry
from tidemark.failures import CannotRun
from tidemark.settings import Settings

console: Final = Console(log_path=False, soft_wrap=True)
errors: Final = Console(stderr=True)


@contextmanager
def settings(refusal: int = 1) -> Iterator[Settings]:
    """The settings of this process; what stands in its way is told in words, as exit status `refusal`."""
    from metering.problems import Problem

    try:
        found = Settings()
        telemetry.configure(found.log_level, found.log_file)
        yield found
    except ValidationError as error:
        _refuse(
            "\n".join(f"TIDEMARK_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()), refusal
        )
    except (CannotRun, Problem) as error:
        _refuse(str(error), refusal)


def print_plain(text: str) -> None:
    """Print on one line whatever the terminal's width, so that a token can be copied."""
    console.print(text, soft_wrap=True, highlight=False)


def _refuse(why: str, status: int) -> None:
    errors.print(why, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)
