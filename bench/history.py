"""Made-up decisions for the audit trail: a year of one organization's, some instances far busier than others.

Chunk n holds the same rows in every run, so that a table can be filled in several goes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from metering.transaction import generate
from sql.instants import micros, moment_at
from stream.rows import Row

ORGANIZATION: Final = "7d4bb0ad-19e4-4d5f-9a57-5a6f5a1f2c11"
INSTANCES: Final = 100
ENTITLEMENTS: Final = 10
CHUNK: Final = 100_000
BEGIN: Final = micros(datetime(2025, 11, 1, tzinfo=UTC))
YEAR: Final = 365 * 86_400_000_000

_PARTITIONS: Final = 8
_A_RECORD: Final = 50
#: By what a record of `decisions` is ahead of the one of `usage` that it answers.
_AHEAD: Final = 3
_LIMIT: Final = Decimal(1_000_000)
#: The gateways' own digits in the ids that they make.
_SERIES: Final = [random.Random(gateway).randbytes(10).hex() for gateway in range(4)]
_REGIONS: Final = ("eu-1", "us-2", "ap-3")
_MONTHS: Final = [
    micros(datetime(2025 + (10 + month) // 12, (10 + month) % 12 + 1, 1, tzinfo=UTC)) for month in range(14)
]
_NO_ID: Final = "00000000-0000-4000-8000-"


class History:
    """The rows in the order of their places, each meter's value and sequence going on from the last."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._values = [0] * (INSTANCES * ENTITLEMENTS)
        self._counted = [0] * (INSTANCES * ENTITLEMENTS)
        self._sequences = [0] * (INSTANCES * ENTITLEMENTS)
        self._month_of = [0] * (INSTANCES * ENTITLEMENTS)
        self._grants = [_grant(meter) for meter in range(INSTANCES * ENTITLEMENTS)]

    def chunks_behind(self, there: int) -> Iterator[list[Row]]:
        """The rows that come after the first so many, a chunk at a time."""
        for number in range(self._events // CHUNK):
            chance = random.Random(number)
            rows = [self._row(number * CHUNK + at, chance) for at in range(CHUNK)]
            if missing := rows[max(0, there - number * CHUNK) :]:
                yield missing

    def _row(self, number: int, chance: random.Random) -> Row:
        received = BEGIN + number * YEAR // self._events + chance.randrange(1_000)
        meter = int(INSTANCES * chance.random() ** 3) * ENTITLEMENTS + chance.randrange(ENTITLEMENTS)
        month = next(at for at in range(14) if _MONTHS[at + 1] > received)
        if self._month_of[meter] != month:
            self._month_of[meter], self._values[meter], self._counted[meter] = month, 0, 0
        self._sequences[meter] += 1
        kind = chance.random()
        status = "READ" if kind < 0.05 else "REJECTED" if kind < 0.1 else "ACCEPTED"
        cents = chance.randrange(1, 1_000)
        if status == "ACCEPTED":
            self._values[meter] += cents
            self._counted[meter] += 1
        value, sequence = self._values[meter], self._sequences[meter]
        place = (received, meter % _PARTITIONS, number // _A_RECORD, number % _A_RECORD, _AHEAD)
        return (
            *place,
            *self._grants[meter],
            *_command(number, status, received, cents, chance),
            *(status, sequence, Decimal(0), _euros(value), sequence - self._counted[meter]),
            *(_MONTHS[month], _MONTHS[month + 1], "THRESHOLD_EXCEEDED" if status == "REJECTED" else "", "", ""),
        )


def instance_id(number: int) -> str:
    return f"{_NO_ID}{number:012x}"


def entitlement_id(number: int) -> str:
    return f"{_NO_ID}{number + 4096:012x}"


def _grant(meter: int) -> Row:
    instance, entitlement = divmod(meter, ENTITLEMENTS)
    names = (instance_id(instance), f"instance-{instance}", entitlement_id(entitlement), f"meter-{entitlement}")
    return (ORGANIZATION, *names, f"{_NO_ID}000000009999", "paid", "3", _LIMIT, Decimal(0))


def _command(number: int, status: str, received: int, cents: int, chance: random.Random) -> Row:
    token = f"collector-{cents % 5}"
    if status == "READ":
        return (token, "", 0, None, None, "")
    transaction = generate(moment_at(received), f"{_SERIES[cents % len(_SERIES)]}{number:012x}")
    metadata = f'{{"region":"{_REGIONS[cents % 3]}","job":"job-{chance.randrange(5_000)}"}}' if cents % 4 == 0 else ""
    return (token, "append", 0, _euros(cents), transaction, metadata)


def _euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
