"""Questions about windows of a meter's time: whole hours come from what is counted of them, cut ones from the rows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final, TypeAlias, TypeVar

from api.windows import Windows
from sql.instants import moment_at, quarter_of

HOUR: Final = 3_600
"""Seconds of the stretch that a meter's history is kept for."""

Row = TypeVar("Row")
_Ask: TypeAlias = Callable[..., Awaitable[Iterable[Row]]]


async def by_hours(
    ask: _Ask[Row], name: str, windows: Windows, meter: Mapping[str, str], since: int | None = None, **bounds: int
) -> list[Row]:
    """The rows of the question `name` and of `{name}_cut`, which knows the hours that an edge of a window cuts.

    A window has any number of rows of either. A row in front of the first window is of its hour's beginning. A question
    that looks back is told `since` when, by `all_before`, and has rows at that second. `bounds` are for `name` alone.
    """
    return [*chain.from_iterable(await asyncio.gather(*_questions(ask, name, windows, meter, since, bounds)))]


def _questions(
    ask: _Ask[Row], name: str, windows: Windows, meter: Mapping[str, str], since: int | None, bounds: Mapping[str, int]
) -> Iterator[Awaitable[Iterable[Row]]]:
    hours, cut = hours_of(windows), _cut(windows)
    edges = {hours.start * HOUR, *windows.edges}
    has_whole = len(cut) < len(hours)
    if has_whole or since is not None:
        span = {"from_hour": hours.start, "before_hour": hours.stop if has_whole else hours.start}
        known = edges if since is None else {since, *edges}
        yield ask(name, **meter, edges=sorted(known), **span, **bounds, **({"cut": cut} if cut else {}))
    if cut:
        yield ask(f"{name}_cut", **meter, edges=sorted(edges), cut=cut, until=windows.until)


def all_before(windows: Windows) -> int:
    """The second that stands for all time before the windows, in a question that looks back: of the hour in front."""
    return (hours_of(windows).start - 1) * HOUR


def hours_of(windows: Windows) -> range:
    """The hours since 1970 that hold any of the windows."""
    return range(windows.since // HOUR, -(-windows.until // HOUR))


def quarters_of(windows: Windows) -> tuple[int, int]:
    """The first and the last calendar quarter that hold any of the windows (20264 is the last of 2026)."""
    first, last = (moment_at(second * 1_000_000) for second in (windows.since, windows.until - 1))
    return quarter_of(first), quarter_of(last)


def _cut(windows: Windows) -> list[int]:
    """The hours since 1970 that hold an edge other than their own first second."""
    return sorted({edge // HOUR for edge in windows.edges if edge % HOUR})
