"""Random histories of an organization: several meters, renamed and reset, on time and late, and the rows they leave.

The organization has three instances (one of them deleted since) and two entitlements; each of the six meters has a
partition of its own. Names change between two decisions, and a name that was given up may be another's next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec
from hypothesis import strategies as st

from metering.command import Command, Read, Report
from metering.meter import Behavior
from metering.period import Period, ResetPeriod
from metering.quantity import EXACT
from sql.clickhouse import ClickHouse
from sql.instants import moment_at
from stream.rows import COLUMNS, TABLE, parts
from tests.decisions_log import DecisionsLog, grant
from tests.integration.sql.test_clickhouse import rows_in
from tests.written_rows import by_name

Row = dict[str, Any]

INSTANCES: Final = ("prod", "test", "gone")
ENTITLEMENTS: Final = ("calls", "seats")
NAMES: Final = ("prod", "test", "gone", "next")
REGIONS: Final = ("eu-1", "EU", "us-2", "Ärger", "12", "a'b\\\"", "--")
#: Each with a moment shortly before its clocks change.
ZONES: Final = {
    "UTC": datetime(2026, 10, 31, 20, tzinfo=UTC),
    "America/New_York": datetime(2026, 10, 31, 20, tzinfo=UTC),
    "Europe/Berlin": datetime(2026, 3, 28, 20, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 9, tzinfo=UTC),
    "Asia/Kolkata": datetime(2026, 6, 30, 9, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 6, 30, 9, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 28, 9, tzinfo=UTC),
}

_resets = st.sampled_from([None, None, *ResetPeriod])
_limits = st.sampled_from(["-1", "6", "40.5"])
_values = st.sampled_from(["1", "2.5", "12", "-3", "0.000000000001", "99999999999999999999"])
_pauses = st.sampled_from([0, 0, 1, 59, 700, 3_600, 40_000, 90_000, 2_600_000])
_late = st.sampled_from([0, 0, 0, 50, 5_000, 80_000])


@dataclass(frozen=True)
class Step:
    """One decision, after a pause; or a new name for what the meter is of."""

    meter: int
    kind: str
    pause: int
    value: str
    behavior: Behavior
    late: int
    region: str
    name: str

    def command(self, now: datetime, number: int) -> Command:
        if self.kind == "read":
            return Read(now, "reader")
        metadata, token = f'{{"region":"{self.region}"}}'.encode(), ("collector", "importer")[number % 2]
        transaction = f"t-{number % 7}"
        event_time = now - timedelta(seconds=self.late)
        return Report(Decimal(self.value), self.behavior, event_time, now, token, transaction, metadata)


_steps = st.builds(
    Step,
    st.integers(0, len(INSTANCES) * len(ENTITLEMENTS) - 1),
    st.sampled_from(["report", "report", "report", "report", "read", "rename"]),
    _pauses,
    _values,
    st.sampled_from([Behavior.APPEND, Behavior.APPEND, Behavior.SET]),
    _late,
    st.sampled_from(REGIONS),
    st.sampled_from(NAMES),
)


@dataclass
class History:
    """What was decided in an organization, and the rows that it left, as a client would know them."""

    organization: str
    zone: str
    log: DecisionsLog
    rows: list[Row] = field(default_factory=list)

    async def write(self, clickhouse: ClickHouse) -> None:
        """As the sink does, and the same in another organization, which nobody asks about."""
        written = rows_in(self.log)
        at = COLUMNS.index("organization_id")
        others = [(*row[:at], str(uuid4()), *row[at + 1 :]) for row in written[:1]]
        for part in (*parts(written), *parts(others)):
            await clickhouse.insert(TABLE, COLUMNS, part)
        self.rows = sorted((_as_read(by_name(row)) for row in written), key=place)

    @property
    def since(self) -> datetime:
        return received(self.rows[0]) if self.rows else ZONES[self.zone]

    def of(self, instance: str) -> list[Row]:
        return [row for row in self.rows if row["instance_id"] == f"{instance}-id"]

    def last_names(self, kind: str) -> dict[str, str]:
        """The name that each instance or entitlement had last, by its id."""
        return {row[f"{kind}_id"]: row[f"{kind}_slug"] for row in self.rows}


def _as_read(row: Row) -> Row:
    """Quantities as numbers, and texts as text."""
    numbers = {name: EXACT.create_decimal(str(row[name])) for name in ("before", "after", "limit")}
    return {**row, **numbers, "value": None if row["value"] is None else EXACT.create_decimal(str(row["value"]))}


def place(row: Row) -> tuple[int, int, int, int]:
    """The order of the trail: by time, and by the log where that is the same."""
    return row["received_at"], row["partition"], row["offset"], row["position"]


def received(row: Row) -> datetime:
    return moment_at(row["received_at"])


def period(row: Row) -> Period:
    return Period(*(None if row[end] is None else moment_at(row[end]) for end in ("period_start", "period_end")))


def totals(rows: Sequence[Row]) -> dict[str, int]:
    counts = Counter(str(row["status"]).lower() for row in rows)
    return {"total": len(rows), **{status: counts[status] for status in ("accepted", "rejected", "read")}}


def grouped(rows: Sequence[Row], *names: str) -> dict[Any, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found


def decision(row: Row) -> str:
    return f"{row['partition']}-{row['offset']}-{row['position']}"


@st.composite
def histories(draw: st.DrawFn, begin: Callable[[str], datetime] = ZONES.__getitem__) -> History:
    zone = draw(st.sampled_from(sorted(ZONES)))
    grants = [
        grant(
            organization_id="", instance_id=f"{instance}-id", instance_slug=instance,
            entitlement_id=f"{entitlement}-id", entitlement_slug=entitlement,
            limit=Decimal(draw(_limits)), reset_period=draw(_resets), warning_percent=Decimal(80),
        )
        for instance in INSTANCES
        for entitlement in ENTITLEMENTS
    ]  # fmt: skip
    return _decided(zone, begin(zone), grants, draw(st.lists(_steps, min_size=1, max_size=30)))


def _decided(zone: str, now: datetime, grants: list[Any], steps: Sequence[Step]) -> History:
    history = History(str(uuid4()), zone, DecisionsLog(partitions=len(grants)))
    for number, step in enumerate(steps):
        now += timedelta(seconds=step.pause)
        if step.kind == "rename":
            now += timedelta(seconds=1)  # names change between two moments
            grants = _renamed(grants, grants[step.meter], step)
            continue
        history.log.held_against = msgspec.structs.replace(grants[step.meter], organization_id=history.organization)
        history.log.decide(step.command(now, number), partition=step.meter)
    return history


def _renamed(grants: Sequence[Any], one: Any, step: Step) -> list[Any]:
    kind, name = ("instance", step.name) if step.late else ("entitlement", f"{one.entitlement_id}-{step.name}")
    change = {f"{kind}_slug": name}
    return [
        msgspec.structs.replace(held, **change) if getattr(held, f"{kind}_id") == getattr(one, f"{kind}_id") else held
        for held in grants
    ]
