"""Reports from a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, settings

app: Final = typer.Typer()


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file with a header.")],
    instance: Annotated[str, typer.Option(help="Slug of the instance that the usage is of.")],
    entitlement: Annotated[str, typer.Option(help="Slug of the entitlement.")],
    value_column: Annotated[str, typer.Option(help="Column with the numbers.")],
    timestamp_column: Annotated[
        str | None, typer.Option(help="Column with the moments, as ISO 8601 (UTC without a zone); now when left out.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Reports under way at once; 1 keeps the order.")] = 32,
    url: Annotated[
        str | None,
        typer.Option(help="Where Tidemark answers.", show_default="http://TIDEMARK_HOST:TIDEMARK_PORT"),
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="TIDEMARK_TOKEN", help="A token that may report usage.")] = None,
) -> None:
    """Report each row of a CSV file as usage; run again, nothing counts twice. Exit status: 1 where a row failed."""
    from tidemark.replay import replay as replay_trace
    from tidemark.trace import Trace

    with settings() as given:
        trace = Trace(file, value_column, timestamp_column)
        path = f"/instances/{instance}/entitlements/{entitlement}/usage"
        tally = asyncio.run(replay_trace(url or given.url, token, path, trace, concurrency, console))
        if tally.failed:
            raise typer.Exit(1)
