"""The command line: every part of Tidemark by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console

from tidemark import telemetry
from tidemark.failures import CannotRun
from tidemark.settings import Settings

app: Final = typer.Typer(
    name="tidemark",
    help="Usage metering with synchronous decisions, exact under crashes, from the log.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
token: Final = typer.Typer(help="The tokens of the first service account.", no_args_is_help=True)
app.add_typer(token, name="token")
organization: Final = typer.Typer(
    help="The organizations: tenants that see nothing of each other.", no_args_is_help=True
)
app.add_typer(organization, name="organization")
dead_letters: Final = typer.Typer(help="Records that could not be decided.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")

console: Final = Console(log_path=False, soft_wrap=True)
errors: Final = Console(stderr=True)


@contextmanager
def _settings(refusal: int = 1) -> Iterator[Settings]:
    """The settings of this process; what stands in its way is told in words, as exit status `refusal`."""
    from metering.problems import Problem

    try:
        settings = Settings()
        telemetry.configure(settings.log_level, settings.log_file)
        yield settings
    except ValidationError as error:
        _refuse(
            "\n".join(f"TIDEMARK_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()), refusal
        )
    except (CannotRun, Problem) as error:
        _refuse(str(error), refusal)


def _refuse(why: str, status: int) -> None:
    errors.print(why, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


@app.command()
def up() -> None:
    """Start everything on this machine, and keep it up until Ctrl-C."""
    from tidemark.up import run

    with _settings() as settings:
        # Its own log is what it prints; its children have theirs.
        telemetry.configure("WARNING")
        run(settings, console)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document, as `GET /openapi.json` answers it."""
    import json

    from tidemark.http import Parts, compose

    document = compose(Settings(), Parts()).openapi()
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@app.command(hidden=True)
def serve() -> None:
    """The one HTTP process of `up`: ingest, api and sink."""
    from tidemark.http import serve as serve_http

    with _settings() as settings:
        serve_http(settings, ingest=True, api=True, sink=True)


@app.command()
def ingest() -> None:
    """Take reports over HTTP, and answer with their decisions."""
    from tidemark.http import serve as serve_http

    with _settings() as settings:
        serve_http(settings, ingest=True, api=False, sink=False)


@app.command()
def api() -> None:
    """Serve lookups and edits over HTTP."""
    from tidemark.http import serve as serve_http

    with _settings() as settings:
        serve_http(settings, ingest=False, api=True, sink=False)


@app.command()
def sink() -> None:
    """Copy decisions from the log into ClickHouse."""
    from tidemark.http import serve as serve_http

    with _settings() as settings:
        serve_http(settings, ingest=False, api=False, sink=True)


@app.command()
def worker(
    instance: Annotated[str, typer.Option(help="Its name in the group; unique, and kept over restarts.")] = "worker-1",
) -> None:
    """Decide reports: one of the stream workers that share the partitions."""
    from stream.worker import run

    with _settings() as settings:
        run(
            bootstrap_servers=settings.kafka_servers,
            state=settings.data / instance,
            instance=instance,
            partitions=settings.partitions,
        )


@app.command()
def migrate() -> None:
    """Create topics, schemas and the first organization for parts that run apart; safe to repeat."""
    from tidemark.up import prepare

    with _settings() as settings:
        made = prepare(settings)
        if settings.clickhouse is not None:
            asyncio.run(_migrate_clickhouse(settings.clickhouse))
        if made is not None and settings.token is None:
            console.print(made, soft_wrap=True, highlight=False)


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="Of the catalog's schema: 0001, …")]) -> None:
    """Take the catalog's schema back for an older release; what later ones brought is deleted. Back up first."""
    from catalog.migrate import downgrade
    from tidemark.failures import catalog_in_words

    with _settings() as settings, catalog_in_words():
        downgrade(settings.catalog_url, revision)


async def _migrate_clickhouse(dsn: str) -> None:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from sql.clickhouse import open_clickhouse

    try:
        async with open_clickhouse(dsn) as clickhouse:
            await clickhouse.migrate()
    except ClickHouseError as error:
        raise CannotRun(f"ClickHouse can't be prepared: {error}\nTIDEMARK_CLICKHOUSE says where it is.") from error


@organization.command("create")
def create_organization(name: Annotated[str, typer.Option(help="Its slug is made from it.")]) -> None:
    """Make an organization, and print its first token this once."""
    from tidemark import tokens

    with _settings() as settings:
        console.print(tokens.create_organization(settings, name), soft_wrap=True, highlight=False)


@organization.command("list")
def list_organizations() -> None:
    """Show the organizations."""
    from tidemark import organizations

    with _settings() as settings:
        console.print(organizations.table(settings))


@organization.command("retention")
def set_retention(
    slug: Annotated[str, typer.Argument(help="As `organization list` shows it.")],
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="For ever when left out.")] = None,
) -> None:
    """Keep an organization's audit events for so many days. What is older goes, and does not come back."""
    from tidemark import organizations

    with _settings() as settings:
        organizations.set_retention(settings, slug, days)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="Repeatable; all scopes when left out.")] = None,
) -> None:
    """Make a token, and print it this once."""
    from tidemark import tokens

    with _settings() as settings:
        console.print(tokens.create(settings, name, scope), soft_wrap=True, highlight=False)


@token.command("list")
def list_tokens() -> None:
    """Show the tokens, without their secrets."""
    from tidemark import tokens

    with _settings() as settings:
        console.print(tokens.table(settings))


@token.command("revoke")
def revoke_token(slug: Annotated[str, typer.Argument(help="As `token list` shows it.")]) -> None:
    """End a token; its next call is refused."""
    from tidemark import tokens

    with _settings() as settings:
        tokens.revoke(settings, slug)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file with a header.")],
    instance: Annotated[str, typer.Option(help="Slug of the instance that the usage is of.")],
    entitlement: Annotated[str, typer.Option(help="Slug of the entitlement.")],
    value_column: Annotated[str, typer.Option(help="Column with the numbers.")],
    timestamp_column: Annotated[str | None, typer.Option(help="Column with the moments; now when left out.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Reports under way at once; 1 keeps the order.")] = 32,
    url: Annotated[str | None, typer.Option(help="Where Tidemark answers.")] = None,
    token: Annotated[str | None, typer.Option(envvar="TIDEMARK_TOKEN", help="A token that may report usage.")] = None,
) -> None:
    """Report each row of a CSV file as usage; run again, nothing counts twice."""
    from tidemark.replay import Trace
    from tidemark.replaying import replay as replay_trace

    with _settings() as settings:
        trace = Trace(file, value_column, timestamp_column)
        path = f"/instances/{instance}/entitlements/{entitlement}/usage"
        tally = asyncio.run(replay_trace(url or settings.url, token, path, trace, concurrency, console))
        if tally.failed:
            raise typer.Exit(1)


@app.command()
def verify(
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="Only replay, under another limit: entitlement=SLUG,limit=N. Repeatable.", metavar="LIMIT"),
    ] = None,
    rows: Annotated[bool, typer.Option(help="Whether to compare ClickHouse's rows, too.")] = True,  # noqa: FBT002  # typer's way
) -> None:
    """Replay the log and compare all that was made of it. Exit status: 0 exact, 1 differences, 2 could not run."""
    with _settings(refusal=2) as settings:
        if what_if:
            from tidemark.what_if import suppose

            suppose(settings, console, what_if)
            return
        from tidemark.verifying import verify as verify_log

        if not verify_log(settings, console, rows=rows).exact:
            raise typer.Exit(1)


@dead_letters.command("list")
def list_dead_letters() -> None:
    """Show what could not be decided, and why."""
    from tidemark.dead_letters import show_all

    with _settings() as settings:
        show_all(settings, console)


@dead_letters.command("show")
def show_dead_letter(
    place: Annotated[str, typer.Argument(help="PARTITION-OFFSET in usage, as `list` shows it.")],
) -> None:
    """Show one of them with its content."""
    from tidemark.dead_letters import show

    with _settings() as settings:
        show(settings, console, place)


@dead_letters.command("redrive")
def redrive_dead_letters(
    places: Annotated[list[str], typer.Argument(help="PARTITION-OFFSET in usage, as `list` shows it.")],
) -> None:
    """Send them to the log again, to be decided from their new place; none is sent twice."""
    from tidemark.dead_letters import redrive

    with _settings() as settings:
        redrive(settings, console, places)
