"""The command line: every part of Tidemark, and everything to look after it, by its name.

What runs a command is imported where it runs: a part needs no other part's libraries.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Final

import typer

from tidemark.cli import dead_letters, log, organization, parts, reports, schemas, token

app: Final = typer.Typer(
    name="tidemark",
    help="Usage metering with synchronous decisions, exact under crashes, from the log.",
    epilog="Settings are environment variables, TIDEMARK_…: docs/operations.md lists them.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for commands in (parts, schemas, reports, log):
    app.add_typer(commands.app)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=log.PANEL)
app.add_typer(token.app, name="token", rich_help_panel=organization.PANEL)
app.add_typer(organization.app, name="organization", rich_help_panel=organization.PANEL)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidemark {version('tidemark')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...
