"""The load: writers that report, and retry under the same transaction id until they are answered."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec

from bench.torture.answers import Answers, Told
from bench.torture.meters import Meter, Meters

_RETRIED: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_ANSWERED_WITHIN: Final = 120.0
_PATIENCE: Final = aiohttp.ClientTimeout(total=15)
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Form:
    """One report: its body, how its answer is asked for, and `mark`, by which its decisions are known."""

    meter: Meter
    mark: str
    body: dict[str, Any]
    headers: dict[str, str]


class Load:
    """`writers` on one hot meter after the other, and `others` on the meters beside; `answers` is what they were told.

    After `end` no report is begun; one that is under way is retried until it is answered, or 2 minutes have passed.
    """

    def __init__(self, meters: Meters, answers: Answers, seed: int) -> None:
        self._meters = meters
        self._answers = answers
        self._seed = seed
        self._ended_at: float | None = None
        self._numbers = itertools.count(1)

    async def run(self, url: str, token: str, *, writers: int, others: int) -> None:
        connector = aiohttp.TCPConnector(limit=0, force_close=False)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession(url, headers=headers, connector=connector, timeout=_PATIENCE) as session,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._fill_hot_meters(session, writers))
            for number in range(others):
                tasks.create_task(self._report_beside(session, random.Random(f"{self._seed}/{number}")))

    def end(self) -> None:
        self._ended_at = time.monotonic()

    @property
    def _is_over(self) -> bool:
        return self._ended_at is not None

    @property
    def _is_hopeless(self) -> bool:
        return self._ended_at is not None and time.monotonic() > self._ended_at + _ANSWERED_WITHIN

    async def _fill_hot_meters(self, session: aiohttp.ClientSession, writers: int) -> None:
        chance = random.Random(self._seed)
        for meter in self._meters.hot:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(writers):
                    tasks.create_task(self._fill(session, meter, random.Random(chance.random())))
            if self._is_over:
                return
            await asyncio.sleep(chance.random())

    async def _fill(self, session: aiohttp.ClientSession, meter: Meter, chance: random.Random) -> None:
        """Report whole numbers until even a 1 is refused."""
        while not self._is_over:
            value = chance.randint(1, 3)
            told = await self._deliver(session, self._form(meter, {"value": _number(value)}, {}, chance), chance)
            if told is None or told.status == HTTPStatus.ACCEPTED:
                continue
            if told.status == HTTPStatus.CONFLICT and value == 1:
                self._answers.filled.add(meter)
                return
            if told.status == HTTPStatus.OK and chance.random() < 0.01:
                await self._read_back(session, told)

    async def _report_beside(self, session: aiohttp.ClientSession, chance: random.Random) -> None:
        """Some meters much, most a little, each with all there is to a report."""
        meters = self._meters.beside
        while not self._is_over:
            meter = meters[int(len(meters) * chance.random() ** 3)]
            await self._deliver(session, self._any_form(meter, chance), chance)
            await asyncio.sleep(chance.random() / 20)

    def _any_form(self, meter: Meter, chance: random.Random) -> Form:
        body: dict[str, Any] = {"value": _number(Decimal(chance.randint(0, 2_000)) / 100)}
        if chance.random() < 0.05:
            body["behavior"] = "set"
        if chance.random() < 0.3:
            body["timestamp"] = datetime.now(UTC) - timedelta(seconds=chance.randint(1, 10_000))
        headers = {"Prefer": "respond-async"} if chance.random() < 0.05 else {}
        return self._form(meter, body, headers, chance)

    def _form(self, meter: Meter, body: dict[str, Any], headers: dict[str, str], chance: random.Random) -> Form:
        """Nine of ten reports have an id of their own; the others can be told by their metadata."""
        mark = f"torture-{next(self._numbers)}"
        body |= {"transactionId": mark} if chance.random() < 0.9 else {"metadata": {"mark": mark}}
        return Form(meter, mark, body, headers)

    async def _deliver(self, session: aiohttp.ClientSession, form: Form, chance: random.Random) -> Told | None:
        """Send it until it is answered. None where nobody can know: it has no id, and the connection broke."""
        self._answers.reports += 1
        body = dict(form.body)
        for attempt in itertools.count(1):
            status, document = await self._send(session, form, body)
            if status is not None and status not in _RETRIED:
                told = _told(form, status, attempt, document)
                self._answers.tell(told)
                return told
            if status is not None and "transactionId" in document:
                body.setdefault("transactionId", document["transactionId"])
            if "transactionId" not in body:
                self._answers.given_up += 1
                return None
            if self._is_hopeless:
                break
            await asyncio.sleep(0.1 + chance.random())
        self._answers.unanswered.append(form.mark)
        return None

    async def _send(
        self, session: aiohttp.ClientSession, form: Form, body: dict[str, Any]
    ) -> tuple[int | None, dict[str, Any]]:
        try:
            async with session.post(form.meter.path, data=_encode(body), headers=form.headers) as response:
                document = _decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            self._answers.statuses[type(error).__name__] += 1
            return None, {}
        self._answers.statuses[str(response.status)] += 1
        return response.status, document

    async def _read_back(self, session: aiohttp.ClientSession, told: Told) -> None:
        """A read sees every report that was answered before; a hot meter only grows."""
        try:
            async with session.get(told.meter.path) as response:
                document = _decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return
        if response.status == HTTPStatus.OK and document["value"]["value"] < (told.total or 0):
            self._answers.stale_reads.append(f"{told.meter.path}: {document['value']['value']} after {told.total}")


def _number(value: Decimal | int) -> dict[str, Any]:
    return {"type": "number", "value": value}


def _told(form: Form, status: int, attempts: int, document: dict[str, Any]) -> Told:
    total = document["value"]["value"] if status == HTTPStatus.OK else document.get("current")
    return Told(
        form.meter,
        form.mark,
        status,
        attempts,
        document.get("decisionId"),
        document.get("sequence"),
        None if total is None else Decimal(total),
    )
