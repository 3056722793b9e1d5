"""Pages of an audit trail: a place in it, and the way to read on from there."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, Self

from fastapi import Depends, Query

from api.audit_event import AuditEventView, shown
from api.shapes import PageView
from metering.problems import Fault, Invalid
from sql.instants import END, micros

#: Its end shows that nothing was cut off.
_CURSOR: Final = re.compile(r"(\d{1,17})\.(\d{1,5})\.(\d{1,19})\.(\d{1,9})\.", re.ASCII)
#: In front of a cursor that leads back, to newer events.
_BACK: Final = "~"


class AuditPageView(PageView[AuditEventView]):
    """Events, the newest first."""

    previous_cursor: str | None = None


class Cursor(NamedTuple):
    """The place of an event in reading order: what comes after it is older. Events that arrive later do not move it."""

    time: int
    partition: int
    offset: int
    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `Invalid` for what `str` of none gives."""
        try:
            found = _CURSOR.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii"))
        except ValueError:
            found = None
        cursor = found and cls(*map(int, found.groups()))
        if not cursor or cursor.time > TOP.time or cursor.partition > TOP.partition or str(cursor) != text:
            fault = Fault("query.cursor", "not a cursor", text)
            raise Invalid("The cursor is none that was given out.", faults=[fault])
        return cursor

    @classmethod
    def behind(cls, row: Mapping[str, Any]) -> Self:
        return cls(micros(row["received_at"]), row["partition"], row["offset"], row["position"])

    def __str__(self) -> str:
        return urlsafe_b64encode("".join(f"{part}." for part in self).encode()).decode().rstrip("=")


#: Before the newest event there is.
TOP: Final = Cursor(micros(END), 65_535, (1 << 64) - 1, (1 << 32) - 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a trail: `limit` events older than the cursor's, newest first, or newer than it, oldest first."""

    limit: int = 50
    cursor: Cursor = TOP
    skip: int = 0
    is_newer: bool = False

    @property
    def suffix(self) -> str:
        """Of the question that gives the page."""
        return "_newer" if self.is_newer else ""

    @property
    def rows(self) -> int:
        """How many have to be there from the cursor on for a page that says that there are more."""
        return self.skip + self.limit + 1

    @property
    def by_place(self) -> dict[str, Any]:
        """Parameters of a trail's queries for exactly the page; one row more than wanted says whether there are more.

        What is skipped is said even where it is nothing: it stands for the order by the place in the log.
        """
        rows = {"limit": self.limit + 1, "skip": self.skip}
        return rows if self.cursor is TOP else {**rows, "above" if self.is_newer else "below": tuple(self.cursor)}

    @property
    def by_time(self) -> dict[str, Any]:
        """Parameters of the same queries for what comes next by its time alone, maybe the cursor's own event, too."""
        return {"limit": self.limit + (1 if self.cursor is TOP else 2)}

    def in_order(self, found: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]] | None:
        """The page, and a row more where there are more, out of what was found by `by_time`.

        None where it can't be told: where an event that belongs to it may have been left out for one of the same time.
        """
        rows = {Cursor.behind(row): row for row in found}
        cursors = sorted(rows, reverse=not self.is_newer)
        onward = [cursor for cursor in cursors if self._leads_to(cursor)]
        has_all = len(found) < self.by_time["limit"]
        # If something was found that comes later in time, then so was all that comes sooner.
        if has_all or (len(onward) > self.limit and onward[self.limit - 1].time != cursors[-1].time):
            return [rows[cursor] for cursor in onward[: self.limit + 1]]
        return None

    def _leads_to(self, other: Cursor) -> bool:
        return other > self.cursor if self.is_newer else other < self.cursor

    def page(self, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The page as `AuditPageView` describes it. What a cursor was given out for lies on the cursor's other side."""
        rows = [*found[: self.limit]]
        has_more, was_led = len(found) > self.limit, self.cursor is not TOP
        if self.is_newer:
            rows.reverse()
        older, newer = (was_led, has_more) if self.is_newer else (has_more, was_led or self.skip > 0)
        return {
            "items": [shown(row) for row in rows],
            "hasMore": older and bool(rows),
            "nextCursor": str(Cursor.behind(rows[-1])) if older and rows else None,
            "previousCursor": _BACK + str(Cursor.behind(rows[0])) if newer and rows else None,
        }


async def _wanted(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=100, description="`nextCursor` or `previousCursor` of another page.")
    ] = None,
    offset: Annotated[int | None, Query(ge=0, le=1_000_000_000)] = None,
) -> Wanted:
    if cursor is None:
        return Wanted(limit, skip=offset or 0)
    if offset is not None:
        fault = Fault("query.offset", "next to a cursor", offset)
        raise Invalid("Give a cursor or an offset, not both.", faults=[fault])
    return Wanted(limit, Cursor.parse(cursor.removeprefix(_BACK)), is_newer=cursor.startswith(_BACK))


PageWanted = Annotated[Wanted, Depends(_wanted)]
