"""`tidemark organization`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, print_plain, settings

PANEL: Final = "Who may call"

app: Final = typer.Typer(help="The organizations: tenants that see nothing of each other.", no_args_is_help=True)


@app.command()
def create(name: Annotated[str, typer.Option(help="Its slug is made from it.")]) -> None:
    """Make an organization, and print its first token this once."""
    from tidemark import tokens

    with settings() as given:
        print_plain(tokens.create_organization(given, name))


@app.command("list")
def show_all() -> None:
    """Show the organizations."""
    from tidemark import organizations

    with settings() as given:
        console.print(organizations.table(given))


@app.command()
def retention(
    slug: Annotated[str, typer.Argument(help="As `tidemark organization list` shows it.")],
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="For ever when left out.")] = None,
) -> None:
    """Keep an organization's audit events for so many days. What is older goes, and does not come back."""
    from tidemark import organizations

    with settings() as given:
        organizations.set_retention(given, slug, days)
