"""How a replay looks: its progress bar, and the table at its end."""

from __future__ import annotations

from decimal import Decimal

import httpx
from httpx_aiohttp import AiohttpTransport
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tidemark.failures import CannotRun
from tidemark.replay import Replay, Tally, Trace


async def replay(url: str, token: str | None, path: str, trace: Trace, concurrency: int, console: Console) -> Tally:
    """Replay `trace` to the usage route `path` of the service at `url`, and show what came of it."""
    if token is None:
        raise CannotRun("A replay needs a token: --token, or TIDEMARK_TOKEN.")
    rows = sum(1 for _ in trace.rows())
    async with _client(url, token, concurrency) as client:
        with _progress(console) as progress:
            task = progress.add_task(trace.file.name, total=rows)
            replaying = Replay(client, path, trace, lambda: progress.advance(task))
            await replaying.run(concurrency)
        value = await replaying.final_value()
    console.print(_summary(replaying.tally, value))
    for reason in replaying.tally.reasons:
        console.print(reason, style="red", markup=False, highlight=False)
    return replaying.tally


def _client(url: str, token: str, concurrency: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        # httpx's own takes 5 ms of CPU a request at 32 at once (it walks its whole pool), aiohttp's 0.7
        transport=AiohttpTransport(limits=httpx.Limits(max_connections=concurrency), trust_env=False),
        timeout=30,
        trust_env=False,
    )


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _summary(tally: Tally, value: Decimal | None) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("accepted", f"{tally.accepted:,}")
    table.add_row("rejected", f"{tally.rejected:,}")
    table.add_row("failed", f"{tally.failed:,}")
    table.add_row("rate", f"{tally.rate:,.0f}/s")
    table.add_row("final value", "unknown" if value is None else f"{value:f}")
    return table
