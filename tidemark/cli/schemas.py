"""The form of what is stored and answered: made, taken back, shown."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from tidemark.cli.terminal import print_plain, settings
from tidemark.settings import Settings

_PANEL: Final = "Schemas"

app: Final = typer.Typer()


@app.command(rich_help_panel=_PANEL)
def migrate() -> None:
    """Create topics, schemas and the first organization for parts that run apart; safe to repeat."""
    from tidemark.preparation import prepare, prepare_clickhouse

    with settings() as given:
        made = prepare(given)
        prepare_clickhouse(given)
        if made is not None and given.token is None:
            print_plain(made)


@app.command(rich_help_panel=_PANEL)
def downgrade(revision: Annotated[str, typer.Argument(help="Of the catalog's schema: 0001, …")]) -> None:
    """Take the catalog's schema back for an older release; what later ones brought is deleted. Back up first."""
    from catalog.migrate import downgrade
    from tidemark.failures import catalog_in_words
    from tidemark.preflight import check_catalog

    with settings() as given, catalog_in_words():
        check_catalog(given)
        downgrade(given.catalog_url, revision)


@app.command(rich_help_panel=_PANEL)
def openapi() -> None:
    """Print the OpenAPI document, as `GET /openapi.json` answers it."""
    import json

    from tidemark.http import compose
    from tidemark.parts import Parts

    document = compose(Settings(), Parts()).openapi()
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
