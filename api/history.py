"""Usage history: the value of a meter at the end of each window of time, and what was reported in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial, reduce
from itertools import pairwise
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import Query, Response
from pydantic import Field

from api.auth import CatalogState
from api.fields import Number
from api.freshness import Newest, Reader, fresh_router
from api.hours import HOUR, all_before, by_hours, hours_of, quarters_of
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import EntitlementSlug, InstanceSlug
from api.shapes import View
from api.span import Spanned
from api.trail import OwnTrail
from api.windows import Width, Windows
from metering.quantity import EXACT, ZERO, plain
from sql.instants import moment_at

router = fresh_router("usage")

_MICROS: Final = 1_000_000
_NOTHING: Final = {"reported": ZERO, "events": 0, "accepted": 0, "rejected": 0}


class PointView(View):
    """One window of a meter's history."""

    start: datetime
    end: datetime
    value: Number = Field(description="As a lookup at the end of the window would have shown it.")
    min: Number = Field(description="The lowest value after any of the window's decisions; `value` without one.")
    max: Number = Field(description="The highest value after any of the window's decisions; `value` without one.")
    reported: Number = Field(description="The sum of the numbers that were reported and accepted.")
    events: int = Field(description="Decisions of every kind: accepted, rejected, and lookups.")
    accepted: int
    rejected: int


class HistoryView(View):
    items: list[PointView]


@router.get(
    "/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage/history",
    response_model=HistoryView,
    operation_id="GetEntitlementUsageHistory",
    responses=LOOKUP,
)
async def get_usage_history(
    slug: InstanceSlug,
    entitlement_slug: EntitlementSlug,
    caller: Reader,
    catalog: CatalogState,
    trail: OwnTrail,
    newest: Newest,
    span: Spanned,
    window: Annotated[Width, Query(description="How long a window is, by the time zone's clocks.")] = Width.DAY,
) -> Response:
    """A NUMBER entitlement's value over time, window by window, each value exact at the window's end.

    Decisions count when they were received. A counter that starts anew counts from 0; a late report that counted in a
    closed period is in `reported` and `accepted`, but moves no `value`.
    """
    points = span.cut(window)
    instance, entitlement = await catalog.resolver.meter_ids(caller.organization_id, slug, entitlement_slug)
    meter, ask = {"instance": instance, "entitlement": entitlement}, partial(trail.read, _PART)
    _, last = quarters_of(points)
    behind = {"last_quarter": last} if points.until * _MICROS <= newest else {}
    happened = await by_hours(ask, "usage_history", points, meter, all_before(points), **behind)
    return ExactJson({"items": [*_points(points, happened)]})


class Part(NamedTuple):
    """What happened in a window, or in a part of it, in one period: [begins, ends) in microseconds, or without an end.

    `latest` is the sequence of its last decision, and the value after it.
    """

    starts_at: int
    begins: int | None
    ends: int | None
    reported: Decimal
    lowest: Decimal | None
    highest: Decimal | None
    latest: tuple[int, Decimal]
    events: int
    accepted: int
    rejected: int


#: Not strict: a server may be told to put numbers in quotes.
_PART: Final = msgspec.json.Decoder(Part, strict=False)


@dataclass
class _Meter:
    """The periods of a meter that are not over, and how the last decision in each left it."""

    latest: dict[tuple[int | None, int | None], tuple[int, Decimal]] = field(default_factory=dict)

    def take(self, begins: int | None, ends: int | None, latest: tuple[int, Decimal]) -> None:
        """In any order: clocks of two that receive may differ a little, sequences tell which came last."""
        period = begins, ends
        self.latest[period] = max(latest, self.latest.get(period, latest))

    def value_before(self, micros: int) -> Decimal:
        """What a lookup would have shown just before that microsecond; 0 in a period without a decision.

        Asked in the order of time: a period that is over is forgotten.
        """
        for over in [period for period in self.latest if period[1] is not None and period[1] < micros]:
            del self.latest[over]
        running = [last for (begins, _), last in self.latest.items() if begins is None or begins < micros]
        return max(running)[1] if running else ZERO


def _points(windows: Windows, happened: Iterable[Part]) -> Iterator[Mapping[str, Any]]:
    meter, parts = _Meter(), defaultdict[int, list[Part]](list)
    for part in happened:
        parts[part.starts_at].append(part)
    for part in parts[all_before(windows)] + parts[hours_of(windows).start * HOUR]:  # this of the first window, maybe
        meter.take(part.begins, part.ends, part.latest)
    moments = [moment_at(edge * _MICROS) for edge in windows.edges]
    for (start, end), (begins, ends) in zip(windows, pairwise(moments), strict=True):
        here = parts[start]
        for part in here:
            meter.take(part.begins, part.ends, part.latest)
        value = meter.value_before(end * _MICROS)
        yield {"start": begins, "end": ends, "value": value, **_beside(value, here)}


def _beside(value: Decimal, parts: Sequence[Part]) -> Mapping[str, Any]:
    """What a point tells beside its value."""
    if not parts:
        return {"min": value, "max": value, **_NOTHING}
    whole = reduce(_together, parts)  # nearly always there is one
    return {
        "min": value if whole.lowest is None else whole.lowest,
        "max": value if whole.highest is None else whole.highest,
        "reported": whole.reported,
        "events": whole.events,
        "accepted": whole.accepted,
        "rejected": whole.rejected,
    }


def _together(one: Part, other: Part) -> Part:
    """What happened in both, whichever their periods are."""
    stood = [moved for moved in (one.lowest, one.highest, other.lowest, other.highest) if moved is not None]
    return one._replace(
        reported=plain(EXACT.add(one.reported, other.reported)),
        lowest=min(stood, default=None),
        highest=max(stood, default=None),
        events=one.events + other.events,
        accepted=one.accepted + other.accepted,
        rejected=one.rejected + other.rejected,
    )
