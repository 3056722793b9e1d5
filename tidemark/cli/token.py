"""`tidemark token`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import console, print_plain, settings

Organization = Annotated[str, typer.Option(help="Its slug, as `tidemark organization list` shows it.")]
Account = Annotated[str, typer.Option(help="The slug of the service account that the token is of.")]

app: Final = typer.Typer(help="The tokens that clients call with.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="Such as write:instances, which reports need. Repeatable; all scopes when left out."),
    ] = None,
    organization: Organization = "default",
    account: Account = "admin",
) -> None:
    """Make a token, and print it this once."""
    from catalog.operator import Holder
    from tidemark import tokens

    with settings() as given:
        print_plain(tokens.create(given, name, scope, Holder(organization, account)))


@app.command("list")
def show_all(organization: Organization = "default") -> None:
    """Show an organization's tokens, without their secrets."""
    from tidemark import tokens

    with settings() as given:
        console.print(tokens.table(given, organization))


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its slug, as `tidemark token list` shows it, or the token itself.")],
    organization: Organization = "default",
    account: Account = "admin",
) -> None:
    """End a token; its next call is refused. Of a token itself it need not be said whose it is."""
    from catalog.operator import Holder
    from tidemark import tokens

    with settings() as given:
        tokens.revoke(given, token, Holder(organization, account))
