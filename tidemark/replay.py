"""`tidemark replay`: each row of a CSV file reported as usage, once, however often it is run."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from metering.quantity import checked
from tidemark.failures import CannotRun

_GIVE_UP_AFTER_S: Final = 180.0
_REASONS_KEPT: Final = 5
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_BUSY: Final = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_REFUSALS: Final = ("ThresholdExceeded", "LicenseInactive", "LicenseOutsideDates")


@dataclass(frozen=True)
class Trace:
    """A CSV file, and which of its columns say what."""

    file: Path
    value_column: str
    timestamp_column: str | None = None

    def fingerprint(self) -> str:
        """What its transaction ids start with: the same file and column, the same ids."""
        digest = hashlib.sha256(self.value_column.encode())
        with self.file.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:24]

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row by its columns' names. Raises `CannotRun` for what is no CSV file in UTF-8, or lacks a column."""
        try:
            with self.file.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, restval="")
                self._check(reader.fieldnames or ())
                yield from reader
        except (UnicodeDecodeError, csv.Error) as error:
            raise CannotRun(f"{self.file} is no CSV file in UTF-8: {error}.") from error

    def _check(self, columns: Any) -> None:
        for wanted in (self.value_column, self.timestamp_column):
            if wanted is not None and wanted not in columns:
                raise CannotRun(f"{self.file} has no column {wanted!r}; it has {', '.join(columns) or 'none'}.")


class Outcome(Enum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass
class Tally:
    """What came of the rows so far, and the first reasons of those that failed."""

    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.accepted + self.rejected + self.failed

    @property
    def rate(self) -> float:
        return self.total / self.seconds if self.seconds else 0.0

    def count(self, outcome: Outcome) -> None:
        match outcome:
            case Outcome.ACCEPTED:
                self.accepted += 1
            case Outcome.REJECTED:
                self.rejected += 1
            case Outcome.FAILED:
                self.failed += 1

    def fail(self, row: int, reason: str) -> None:
        self.count(Outcome.FAILED)
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(f"row {row}: {reason}")


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


def body_of(row: dict[str, str], trace: Trace, transaction_id: str) -> bytes:
    """The report's JSON, its number as exact as the file has it. Raises `ValueError`."""
    number = number_of(row[trace.value_column])
    report: dict[str, Any] = {
        "value": {"type": "number", "value": msgspec.Raw(f"{number:f}".encode())},
        "transactionId": transaction_id,
    }
    if trace.timestamp_column is not None:
        report["timestamp"] = moment_of(row[trace.timestamp_column])
    return msgspec.json.encode(report)


def number_of(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text[:100]!r} is no number")
    return checked(Decimal(text.strip()))


def moment_of(text: str) -> datetime:
    """An ISO 8601 moment; UTC where it names no zone, and to the microsecond where it has more digits."""
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def outcome_of(response: httpx.Response) -> Outcome:
    if response.status_code == httpx.codes.OK:
        return Outcome.ACCEPTED
    if response.status_code in (httpx.codes.CONFLICT, httpx.codes.FORBIDDEN):
        code = str(response.json().get("code", ""))
        return Outcome.REJECTED if code.endswith(_REFUSALS) else Outcome.FAILED
    return Outcome.FAILED
