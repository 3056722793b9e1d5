"""`tidemark verify`: what is attached, how it looks, and what it ends with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from metering.problems import Unavailable
from stream.verify.findings import Findings
from stream.verify.log import Verification, Watch
from stream.verify.span import Span
from stream.verify.worker_log import WorkerLog
from tidemark.attach import attached_log, attached_trail
from tidemark.failures import CannotRun
from tidemark.preflight import make_directory
from tidemark.settings import Settings

_AWAY: Final = (KafkaError, ClickHouseError, Unavailable, OSError)


def verify(settings: Settings, console: Console, *, rows: bool) -> Findings:
    """Verify everything, and show what was found. Raises `CannotRun` where something can't be read."""
    make_directory(settings.data)
    with failing_in_words(), attached_log(settings, console.log) as servers:
        verification = asyncio.run(_verify(settings, servers, console, rows=rows))
    for span in verification.spans:
        if not span.whole:
            console.print(_retired(span), style="yellow")
    _show(verification.findings, console, rows=rows)
    return verification.findings


@contextmanager
def failing_in_words() -> Iterator[None]:
    """Raise `CannotRun` where the log, the catalog or the audit trail can't be read."""
    try:
        yield
    except _AWAY as error:
        raise CannotRun(f"Not everything can be read: {error or type(error).__name__}") from error


async def _verify(settings: Settings, servers: str, console: Console, *, rows: bool) -> Verification:
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(WorkerLog(servers))
        trail = await stack.enter_async_context(attached_trail(settings)) if rows else None
        verification = Verification(log, trail, settings.data, stack.enter_context(watching(console, "Verifying")))
        await verification.run()
        return verification


@contextmanager
def watching(console: Console, what: str) -> Iterator[Watch]:
    """A bar that shows how many records of the log are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=None)
        yield Watch(lambda total: progress.update(task, total=total), lambda: progress.advance(task))


def _retired(span: Span) -> str:
    return (
        f"Partition {span.partition}: retention took the log before offset {span.usage.start}; "
        "meters that began before it are left out."
    )


def _show(findings: Findings, console: Console, *, rows: bool) -> None:
    console.print(_summary(findings, rows=rows))
    if findings.exact:
        console.print("Exact: nothing differs from the replay.", style="green")
        return
    console.print(_differences(findings), soft_wrap=True)
    counts = ", ".join(f"{count:,} of a {subject}" for subject, count in sorted(findings.differing.items()))
    console.print(f"Differences: {counts}.", style="red")


def _summary(findings: Findings, *, rows: bool) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("records of the log replayed", f"{findings.records:,}")
    table.add_row("decisions compared", f"{findings.decisions:,}")
    table.add_row("decided again after a restart, compared", f"{findings.repeated:,}")
    table.add_row("balances compared", f"{findings.balances:,}")
    table.add_row("rows compared", f"{findings.rows:,}" if rows else "none, as told")
    if findings.undecidable:
        table.add_row("records that can't be decided (see dead-letters)", f"{findings.undecidable:,}")
    if findings.unknown_meters:
        table.add_row("meters left out: they began before the log does", f"{findings.unknown_meters:,}")
    return table


def _differences(findings: Findings) -> Table:
    table = Table(*(Column(name, overflow="fold") for name in ("What", "Event", "Meter", "Expected", "Found")))
    for each in findings.differences:
        table.add_row(*map(Text, (each.subject, each.place, each.meter, each.expected, each.found)))
    return table
