"""`tidemark dead-letters`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, settings

_PLACE: Final = "PARTITION-OFFSET in usage, as `tidemark dead-letters list` shows it."

app: Final = typer.Typer(help="Records that could not be decided.", no_args_is_help=True)


@app.command("list")
def show_all() -> None:
    """Show what could not be decided, and why."""
    from tidemark import dead_letters

    with settings() as given:
        dead_letters.show_all(given, console)


@app.command()
def show(place: Annotated[str, typer.Argument(help=_PLACE)]) -> None:
    """Show one of them with its content."""
    from tidemark import dead_letters

    with settings() as given:
        dead_letters.show(given, console, place)


@app.command()
def redrive(places: Annotated[list[str], typer.Argument(help=_PLACE)]) -> None:
    """Send them to the log again, to be decided from their new place; none is sent twice."""
    from tidemark import dead_letters

    with settings() as given:
        dead_letters.redrive(given, console, places)
