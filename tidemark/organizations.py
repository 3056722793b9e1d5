"""`tidemark organization`: who there is, and how long their audit events are kept."""

from __future__ import annotations

from rich.table import Table

from catalog import operator
from tidemark.settings import Settings
from tidemark.tokens import copied, in_catalog


def table(settings: Settings) -> Table:
    shown = Table(copied("Slug"), "Name", copied("Id"), "Created", "Audit events kept")
    for one in in_catalog(settings, operator.list_organizations):
        kept = "for ever" if one.audit_retention_days is None else f"{one.audit_retention_days} days"
        shown.add_row(one.slug, one.name, one.id, f"{one.created_at:%Y-%m-%d}", kept)
    return shown


def set_retention(settings: Settings, slug: str, days: int | None) -> None:
    in_catalog(settings, lambda it: operator.set_audit_retention(it, slug, days))
