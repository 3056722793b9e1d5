"""How the events of a page are found: in the order of the key, by an index, or further and further from its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

from api.audit_event import named
from api.audit_filter import Filter
from api.audit_page import Wanted
from api.audit_search import Searched
from api.trail import Trail
from sql.clickhouse import TooManyRows

Events: TypeAlias = Sequence[Mapping[str, Any]]
_Ask: TypeAlias = Callable[..., Awaitable[Iterable[Sequence[Any]]]]

#: Rows that a question may look at before another way is tried: some hundred granules, some 20 ms.
FEW_ROWS: Final = 250_000
#: The same where the other way is the order of the key: that takes longer only where less than this is looked at.
FEW_OF_INSTANCE: Final = 100_000
#: The same next to the page's place, where each instance has a granule of its own.
NEAR_ROWS: Final = 2_500_000
_MINUTE: Final = 60_000_000
_HOUR: Final = 3_600_000_000
_MONTH: Final = 31 * 24 * _HOUR
_YEAR: Final = 366 * 24 * _HOUR
#: How much more time is looked at where nothing was found, and at least where little was.
_FAR, _FURTHER = 64, 4


async def of_instance(trail: Trail, only: Filter, wanted: Wanted, newest: int, instance: str) -> Events:
    """An instance's events, which stand in the table in their order: the engine ends where the page is full.

    Rare events are found among all by an index. Others are looked for in the month next to the page's place first:
    looking into each part of the table costs more than what is read of it.
    """
    pages = _Pages(trail, "instance_trail", wanted, {"instance": instance})
    if only.is_indexed and (rare := await pages.rare(only, FEW_OF_INSTANCE)) is not None:
        return rare
    near = _near(only, wanted, newest, _MONTH)
    if not (wanted.skip or near == only) and len(found := await pages.events(near)) > wanted.limit:
        return found
    return await pages.events(only)


async def of_organization(trail: Trail, only: Filter, wanted: Wanted, newest: int, slug: str = "") -> Events:
    """An organization's events, or those of the instance that was called so last.

    The table is sorted by instance first, so what stands next in time is everywhere in it. Rare events are found among
    all by an index; most others are near the page's place, and what is asked for there is little. `newest` is the time
    of the newest event there is, in microseconds.
    """
    pages = _Pages(trail, "organization_trail", wanted, {"slug": slug} if slug else {})
    near, reach = _near(only, wanted, newest, _HOUR), _MINUTE
    whole = partial(pages.rare, only, FEW_ROWS), only
    next_to = partial(pages.few, near, NEAR_ROWS), near
    for ask, time in (next_to, whole) if only.takes_all and not slug else (whole, next_to):
        if (found := await ask()) is None:
            continue
        if len(found) > wanted.limit or time == only:
            return found
        reach = _further(_HOUR, found, wanted)
    while True:
        time = _near(only, wanted, newest, reach)
        found = await pages.events(time)
        if len(found) > wanted.limit or time == only:
            return found
        reach = _further(reach, found, wanted)


def _near(only: Filter, wanted: Wanted, newest: int, reach: int) -> Filter:
    """The filter with no time further than so many microseconds from where the page begins; all of it past a year."""
    if reach > _YEAR:
        return only
    if wanted.is_newer:
        ends = max(only.since, wanted.cursor.time) + reach
        return only if ends >= newest else replace(only, until=min(only.until, ends))
    begins = min(only.until, wanted.cursor.time, newest)
    return replace(only, since=max(only.since, begins - reach))


def _from_cursor(only: Filter, wanted: Wanted) -> Filter:
    """The filter with no time on the cursor's other side."""
    if wanted.is_newer:
        return replace(only, since=max(only.since, wanted.cursor.time))
    return replace(only, until=min(only.until, wanted.cursor.time))


def _further(reach: int, found: Events, wanted: Wanted) -> int:
    """How far twice as many as are wanted may lie, if they come as often as those that were found."""
    if not found:
        return reach * _FAR
    return reach * min(_FAR, max(_FURTHER, 2 * wanted.rows // (wanted.skip + len(found))))


@dataclass(frozen=True, slots=True)
class _Pages:
    """One page of a trail, as it is under one filter or another; one event more where there are more."""

    trail: Trail
    name: str
    wanted: Wanted
    scope: Mapping[str, Any]

    async def few(self, only: Filter, most_rows: int) -> Events | None:
        """None where more than so many rows would have to be looked at."""
        try:
            return await self._events(only, partial(self.trail.query_few, most_rows))
        except TooManyRows:
            return None

    async def rare(self, only: Filter, most_rows: int) -> Events | None:
        """As `few`, but not asked again where it was asked in vain: that costs as much as an answer."""
        asked = (self.trail.organization_id, self.name, repr(self.scope), repr(only))  # lists are in them
        if asked in self.trail.in_vain:
            return None
        found = await self.few(only, most_rows)
        if found is None:
            self.trail.in_vain.add(asked)
        return found

    async def events(self, only: Filter) -> Events:
        return await self._events(only, self.trail.query)

    async def _events(self, only: Filter, ask: _Ask) -> Events:
        """Words tell what is sought nearly always, by their index alone; what that gave is held against the text here.

        Where it is not all so, the engine holds every event against the text, for which it reads far more of each.
        """
        if not self.wanted.skip and only.search.phrases:
            found = await self._asked(replace(only, search=only.search.by_words), ask)
            if all(only.search.is_whole_in(Searched(event)) for event in found):
                return found
        return await self._asked(only, ask)

    async def _asked(self, only: Filter, ask: _Ask) -> Events:
        """Sought by their time alone, for which less is read of what does not come to stand in the page.

        Where events of one time stand at its end, they are sought once more, told apart by their place in the log: two
        questions of the same cost, of which either may be refused.
        """
        if not self.wanted.skip:
            by_time = await self._answer(only, self.wanted.by_time, ask)
            if (page := self.wanted.in_order(by_time)) is not None:
                return page
        return await self._answer(only, self.wanted.by_place, ask)

    async def _answer(self, only: Filter, page: Mapping[str, Any], ask: _Ask) -> Events:
        filters = _from_cursor(only, self.wanted).parameters
        rows = await ask(f"{self.name}{self.wanted.suffix}", **self.scope, **filters, **page)
        return [named(row) for row in rows]
