"""`tidemark replay`: each row of a CSV file reported as usage, once, however often it is run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from tidemark.failures import CannotRun
from tidemark.tally import Outcome, Tally, outcome_of
from tidemark.trace import Trace, body_of

_GIVE_UP_AFTER_S: Final = 180.0
_BUSY: Final = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


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


class Busy(Exception):
    """The service asks to come back; `after` is its Retry-After in seconds."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.status_code} {response.text[:200]}")
        self.after = float(response.headers.get("Retry-After") or 0)


class Replay:
    """Reports the rows of `trace` to one meter, at `path` of `client`'s service."""

    def __init__(self, client: httpx.AsyncClient, path: str, trace: Trace, advance: Callable[[], None]) -> None:
        self._client = client
        self._path = path
        self._trace = trace
        self._advance = advance
        self._transactions = trace.fingerprint()
        self.tally = Tally()

    async def run(self, concurrency: int) -> None:
        """Report every row; with a concurrency of 1, in the order of the file."""
        started = time.monotonic()
        rows = enumerate(self._trace.rows(), 1)
        async with asyncio.TaskGroup() as lanes:
            for _ in range(concurrency):
                lanes.create_task(self._report_all(rows))
        self.tally.seconds = time.monotonic() - started

    async def final_value(self) -> Decimal | None:
        """What the meter shows; None when it can't be read, and the rows' failures tell why."""
        try:
            response = await self._patiently("GET")
        except (Busy, httpx.TransportError):
            return None
        if not response.is_success:
            return None
        value: Decimal = msgspec.json.decode(response.content, type=_Usage).value.value
        return value

    async def _report_all(self, rows: Iterator[tuple[int, dict[str, str]]]) -> None:
        for number, row in rows:
            await self._report(number, row)
            self._advance()

    async def _report(self, number: int, row: dict[str, str]) -> None:
        try:
            response = await self._patiently("POST", body_of(row, self._trace, f"{self._transactions}-{number}"))
        except (ValueError, Busy, httpx.TransportError) as error:
            self.tally.fail(number, str(error) or type(error).__name__)
            return
        outcome = outcome_of(response)
        if outcome is Outcome.FAILED:
            self.tally.fail(number, f"{response.status_code} {response.text[:200]}")
        else:
            self.tally.count(outcome)

    async def _patiently(self, method: str, body: bytes | None = None) -> httpx.Response:
        """Ask again while nobody answers, or asks to be asked again: a service that restarts is waited for."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((httpx.TransportError, Busy)),
            wait=_pause,
            stop=stop_after_delay(_GIVE_UP_AFTER_S),
            reraise=True,
        )
        return await retrying(self._ask, method, body)

    async def _ask(self, method: str, body: bytes | None) -> httpx.Response:
        response = await self._client.request(method, self._path, content=body)
        if response.status_code in _BUSY:
            raise Busy(response)
        return response


class _Value(msgspec.Struct):
    value: Decimal


class _Usage(msgspec.Struct):
    value: _Value


_BACK_OFF: Final = wait_exponential_jitter(multiplier=0.1, max=5.0, jitter=0.5)


def _pause(state: RetryCallState) -> float:
    """As long as the service says, at least; else longer and longer."""
    error = state.outcome and state.outcome.exception()
    return max(_BACK_OFF(state), error.after if isinstance(error, Busy) else 0.0)


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
