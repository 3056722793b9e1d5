"""`tidemark verify --what-if`: the log under other limits, as a table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from metering.quantity import plain
from stream.verify.what_if import Outcome, Refusal, Supposition, WhatIf
from stream.verify.worker_log import WorkerLog
from tidemark.attach import attached_log
from tidemark.failures import CannotRun
from tidemark.preflight import make_directory
from tidemark.settings import Settings
from tidemark.verify import failing_in_words, watching


def suppose(settings: Settings, console: Console, texts: Sequence[str]) -> None:
    """Show what would have been refused under the limits that `texts` name. Raises `CannotRun`."""
    suppositions = _parsed(texts)
    make_directory(settings.data)
    with failing_in_words(), attached_log(settings, console.log) as servers:
        supposed = asyncio.run(_replay(settings, servers, console, suppositions))
    _show(supposed, console)


def _parsed(texts: Sequence[str]) -> list[Supposition]:
    try:
        return [Supposition.parse(text) for text in texts]
    except ValueError as error:
        raise CannotRun(f"--what-if: {error}") from error


async def _replay(settings: Settings, servers: str, console: Console, suppositions: Sequence[Supposition]) -> WhatIf:
    async with WorkerLog(servers) as log:
        with watching(console, "Replaying") as watch:
            supposed = WhatIf(log, suppositions, settings.data, watch)
            await supposed.run()
        return supposed


def _show(supposed: WhatIf, console: Console) -> None:
    for partition, start in supposed.starts.items():
        if start:
            text = f"Partition {partition}: retention took the log before offset {start}; usage of before it is not in."
            console.print(text, style="yellow")
    if not supposed.outcomes:
        console.print("Nothing was ever reported on these entitlements.", style="yellow")
        return
    console.print(_table([*supposed.outcomes.values()]), soft_wrap=True)


def _table(outcomes: Sequence[Outcome]) -> Table:
    names = ("Instance", "Entitlement", "Accepted", "would be", "Refused", "would be", "First refusal")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for each in sorted(outcomes, key=lambda each: (-each.would_be_refused, each.instance)):
        counts = (each.accepted, each.would_be_accepted, each.refused, each.would_be_refused)
        table.add_row(
            *map(Text, (each.instance, each.entitlement, *(f"{count:,}" for count in counts), _first(each.first)))
        )
    return table


def _first(refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    at = refusal.at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{at} #{refusal.sequence}: {plain(refusal.value):f} on {plain(refusal.before):f}"
