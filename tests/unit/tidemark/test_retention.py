from __future__ import annotations

from datetime import UTC, datetime

from catalog.organizations import Organization
from tidemark.retention import expired_at

NOW = datetime(2026, 11, 23, 8, 30, 1, tzinfo=UTC)


def test_events_are_over_after_so_many_whole_days() -> None:
    kept = [Organization(id="a", audit_retention_days=1), Organization(id="b", audit_retention_days=90)]
    assert expired_at(kept, NOW) == {"a": datetime(2026, 11, 22, tzinfo=UTC), "b": datetime(2026, 8, 25, tzinfo=UTC)}


def test_who_keeps_everything_loses_nothing() -> None:
    assert expired_at([Organization(id="a", audit_retention_days=None)], NOW) == {}
