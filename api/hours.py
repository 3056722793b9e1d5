"""Questions about windows of a meter's time: whole hours come from what is counted of them, cut ones from the rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from api.trail import Trail
from api.windows import Windows

HOUR: Final = 3_600
"""Seconds of the stretch that a meter's history is kept for."""


async def by_hours(trail: Trail, name: str, windows: Windows, **meter: str) -> list[tuple[Any, ...]]:
    """The rows of the question `name` and of `{name}_cut`, which knows the hours that an edge of a window cuts.

    A window has any number of rows of either. A row in front of the first window is of its hour's beginning.
    """
    return [*chain.from_iterable(await asyncio.gather(*_questions(trail, name, windows, meter)))]


def _questions(trail: Trail, name: str, windows: Windows, meter: dict[str, str]) -> Iterator[Any]:
    hours, cut = hours_of(windows), _cut(windows)
    known = {**meter, "edges": sorted({hours.start * HOUR, *windows.edges})}
    if len(cut) < len(hours):
        bounds = {"from_hour": hours.start, "before_hour": hours.stop}
        yield trail.query(name, **known, **bounds, **({"cut": cut} if cut else {}))
    if cut:
        yield trail.query(f"{name}_cut", **known, cut=cut, until=windows.until)


def hours_of(windows: Windows) -> range:
    """The hours since 1970 that hold any of the windows."""
    return range(windows.since // HOUR, -(-windows.until // HOUR))


def _cut(windows: Windows) -> list[int]:
    """The hours since 1970 that hold an edge other than their own first second."""
    return sorted({edge // HOUR for edge in windows.edges if edge % HOUR})
