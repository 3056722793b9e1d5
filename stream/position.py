"""Positions: how far a reader has come in the log, over all its partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Self

from metering.balance import NOWHERE, Place

_PARTITION: Final = re.compile(r"(\d{1,5}):(\d{1,19})-(\d{1,9})", re.ASCII)
_NOTHING: Final = "-"


class LogPosition(Mapping[int, Place]):
    """The place of the last command read, by partition; `NOWHERE` in one that nothing was read of.

    As text: `0:1234-7,3:99-0` is command 7 of record 1234 in partition 0 of `usage`, and command 0 of record 99 in
    partition 3; `-` is before everything.
    """

    def __init__(self, places: Mapping[int, Place] | None = None) -> None:
        self._places = dict(sorted((places or {}).items()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` for what is no position."""
        parts = [_PARTITION.fullmatch(part) for part in text.split(",")] if text != _NOTHING else []
        places = {int(part[1]): Place(int(part[2]), int(part[3])) for part in parts if part is not None}
        if len(places) != len(parts):
            raise ValueError("not a position in the log")
        return cls(places)

    def __getitem__(self, partition: int) -> Place:
        return self._places.get(partition, NOWHERE)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __str__(self) -> str:
        parts = (f"{partition}:{place.offset}-{place.position}" for partition, place in self._places.items())
        return ",".join(parts) or _NOTHING

    def at(self, partition: int, place: Place) -> LogPosition:
        """This position with another place in one partition."""
        return LogPosition({**self._places, partition: place})

    def covers(self, other: LogPosition) -> bool:
        """Whether everything that was read at `other` was read here."""
        return all(self[partition] >= place for partition, place in other.items())

    def joined(self, other: LogPosition) -> LogPosition:
        """The later of both places, in each partition."""
        return LogPosition({partition: max(self[partition], other[partition]) for partition in {*self, *other}})
