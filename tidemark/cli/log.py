"""The log, and whether all that was made of it is right."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, settings

PANEL: Final = "The log"

app: Final = typer.Typer()


@app.command(rich_help_panel=PANEL)
def verify(
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="Only replay, under another limit: entitlement=SLUG,limit=N. Repeatable.", metavar="LIMIT"),
    ] = None,
    rows: Annotated[bool, typer.Option(help="Whether to compare ClickHouse's rows, too.")] = True,
) -> None:
    """Replay the log and compare all that was made of it. Exit status: 0 exact, 1 differences, 2 could not run."""
    with settings(refusal=2) as given:
        if what_if:
            from tidemark.what_if import suppose

            suppose(given, console, what_if)
            return
        from tidemark.verify import verify as verify_log

        if not verify_log(given, console, rows=rows).exact:
            raise typer.Exit(1)
