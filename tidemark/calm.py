"""What keeps a log readable while something is away: who says the same with each try says it once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from structlog.typing import EventDict, WrappedLogger

#: aiokafka tells each of its tries, of every client, to reach a broker that is away: some sixty lines a second. Ours
#: here try once a second, and say the same.
_TALKATIVE: Final = ("aiokafka", "stream.gateway", "catalog.feed")
_ONCE_IN_S: Final = 10.0

#: What is part of a start or a rebalance in good order, in words that sound like an error; by logger and beginning.
_HARMLESS: Final = (
    # The first group of a broker makes it create the topic of the groups; the next try finds it.
    ("aiokafka.consumer.group_coordinator", "Group Coordinator Request failed: [Error 15]"),
    # It looks for another one; why is told by the line before, if it is not that first group.
    ("aiokafka.consumer.group_coordinator", "Marking the coordinator dead"),
    # That is how a member learns that another one came or went.
    ("aiokafka.consumer.group_coordinator", "Heartbeat failed for group %s because it is rebalancing"),
)


class Calm(logging.Filter):
    """Passes a talkative library's message once in ten seconds, with how many like it were left out before.

    Messages are alike when their texts before formatting are. Who tries nothing again and again always passes.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._passed: dict[tuple[str, str], float] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "root":  # none of ours: the library of ClickHouse's migrations tells whole scripts there
            return record.levelno >= logging.WARNING
        if not record.name.startswith(_TALKATIVE):
            return True
        return not _is_harmless(record) and self._is_due(record)

    def _is_due(self, record: logging.LogRecord) -> bool:
        alike = record.name, str(record.msg)
        now, last = self._now(), self._passed.get(alike)
        if last is not None and now - last < _ONCE_IN_S:
            self._left_out[alike] = self._left_out.get(alike, 0) + 1
            return False
        self._passed[alike] = now
        record.left_out = self._left_out.pop(alike, 0)
        return True


def tell_left_out(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A processor: `left_out` says how many alike were not told."""
    if left_out := getattr(event.get("_record"), "left_out", 0):
        event["left_out"] = left_out
    return event


def _is_harmless(record: logging.LogRecord) -> bool:
    message = str(record.msg), record.getMessage()
    return any(record.name == name and any(it.startswith(text) for it in message) for name, text in _HARMLESS)
