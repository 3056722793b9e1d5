"""`tidemark token`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, print_plain, settings

app: Final = typer.Typer(help="The tokens of the first service account.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Such as write:instances, which reports need. Repeatable; all scopes when left out."),
    ] = None,
) -> None:
    """Make a token, and print it this once."""
    from tidemark import tokens

    with settings() as given:
        print_plain(tokens.create(given, name, scope))


@app.command("list")
def show_all() -> None:
    """Show the tokens, without their secrets."""
    from tidemark import tokens

    with settings() as given:
        console.print(tokens.table(given))


@app.command()
def revoke(slug: Annotated[str, typer.Argument(help="As `tidemark token list` shows it.")]) -> None:
    """End a token; its next call is refused."""
    from tidemark import tokens

    with settings() as given:
        tokens.revoke(given, slug)
