"""What runs until it is told to end: everything on this machine, or one part of it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark import telemetry
from tidemark.cli.terminal import console, settings

_APART: Final = "Parts on their own"

app: Final = typer.Typer()


@app.command()
def up() -> None:
    """Start everything on this machine, and keep it up until Ctrl-C."""
    from tidemark.up import run

    with settings() as given:
        # Its own log is what it prints; its children have theirs.
        telemetry.configure("WARNING")
        run(given, console)


@app.command(hidden=True)
def serve() -> None:
    """The one HTTP process of `up`: ingest, api and sink."""
    _serve(ingest=True, api=True, sink=True)


@app.command(rich_help_panel=_APART)
def ingest() -> None:
    """Take reports over HTTP, and answer with their decisions."""
    _serve(ingest=True, api=False, sink=False)


@app.command(rich_help_panel=_APART)
def api() -> None:
    """Serve lookups and edits over HTTP."""
    _serve(ingest=False, api=True, sink=False)


@app.command(rich_help_panel=_APART)
def sink() -> None:
    """Copy decisions from the log into ClickHouse."""
    _serve(ingest=False, api=False, sink=True)


@app.command(rich_help_panel=_APART)
def worker(
    instance: Annotated[str, typer.Option(help="Its name in the group; unique, and kept over restarts.")] = "worker-1",
) -> None:
    """Decide reports: one of the stream workers that share the partitions."""
    from stream.worker import run

    with settings() as given:
        run(
            bootstrap_servers=given.kafka_servers,
            state=given.data / instance,
            instance=instance,
            partitions=given.partitions,
        )


def _serve(*, ingest: bool, api: bool, sink: bool) -> None:
    from tidemark.http import serve
    from tidemark.parts import Parts

    with settings() as given:
        serve(given, Parts(ingest, api, sink))
