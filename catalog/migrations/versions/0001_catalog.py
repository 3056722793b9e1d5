"""The first catalog: organizations, accounts, tokens, customers, zones, entitlements, licenses, instances, changes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    _changes()
    _stamped("organizations", _text("slug", 100), _text("name", 200), sa.UniqueConstraint("slug"))
    _resource("service_accounts", _slug_unique())
    _tokens()
    _resource(
        "customers",
        _text("external_customer_id", 200, nullable=True),
        _text("domain", 253, nullable=True),
        _slug_unique(),
    )
    _resource(
        "deployment_zones", _long("description"), _text("type", 100), _long("metadata", nullable=True), _slug_unique()
    )
    _entitlements()
    _licenses()
    _license_entitlements()
    _instances()


def downgrade() -> None:
    for table in ("instances", "license_entitlements", "licenses", "entitlements", "deployment_zones", "customers"):
        op.drop_table(table)
    for table in ("tokens", "service_accounts", "organizations", "changes"):
        op.drop_table(table)


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        _text("subject", 36),
        sa.Column("at", _MOMENT, nullable=False, index=True),
        sqlite_autoincrement=True,
    )


def _tokens() -> None:
    _resource(
        "tokens",
        _reference("account_id", "service_accounts"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        _long("scopes"),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("revoked_by_id", _ID),
        _text("revoked_by_name", 200, nullable=True),
        sa.UniqueConstraint("account_id", "slug"),
    )


def _entitlements() -> None:
    _resource(
        "entitlements",
        _long("description", nullable=True),
        _text("type", 16),
        _text("meter_type", 32),
        _text("aggregation_method", 16),
        _text("reset_period", 16, nullable=True),
        _text("reset_anchor", 16),
        _text("warning_threshold_percent", 80, nullable=True),
        _text("unit_singular", 100, nullable=True),
        _text("unit_plural", 100, nullable=True),
        sa.Column("user_facing", sa.Boolean(), nullable=False),
        sa.Column("display_order", sa.Integer(), nullable=False),
        _slug_unique(),
    )


def _licenses() -> None:
    _resource(
        "licenses",
        _long("description"),
        _text("type", 16),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("version_name", 200, nullable=True),
        _text("lifecycle_state", 16),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        _slug_unique(),
    )
    is_default = sa.text("is_default")
    op.create_index(
        "uq_licenses_default",
        "licenses",
        ["organization_id"],
        unique=True,
        sqlite_where=is_default,
        postgresql_where=is_default,
    )


def _license_entitlements() -> None:
    _stamped(
        "license_entitlements",
        _reference("license_id", "licenses", ondelete="CASCADE"),
        _reference("entitlement_id", "entitlements", index=True),
        _long("value"),
        _text("overage_percent", 80),
        sa.UniqueConstraint("license_id", "entitlement_id"),
    )


def _instances() -> None:
    _resource(
        "instances",
        _long("description"),
        _reference("customer_id", "customers", index=True),
        _reference("license_id", "licenses", index=True),
        _reference("zone_id", "deployment_zones", index=True, nullable=True),
        sa.Column("start_license_date", _MOMENT),
        sa.Column("end_license_date", _MOMENT),
        _long("metadata", nullable=True),
        _text("status", 16),
        _text("lifecycle_stage", 100, nullable=True),
        _slug_unique(),
    )


def _resource(table: str, *parts: sa.Column[Any] | sa.UniqueConstraint) -> None:
    organization = _reference("organization_id", "organizations")
    _stamped(table, organization, _text("slug", 100), _text("name", 200), *parts)


def _stamped(table: str, *parts: sa.Column[Any] | sa.UniqueConstraint) -> None:
    op.create_table(
        table,
        sa.Column("id", _ID, primary_key=True),
        *parts,
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by_id", _ID, nullable=False),
        _text("created_by_name", 200),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by_id", _ID, nullable=False),
        _text("updated_by_name", 200),
    )


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _long(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _reference(
    name: str, table: str, *, ondelete: str | None = None, index: bool = False, nullable: bool = False
) -> sa.Column[str]:
    return sa.Column(name, _ID, sa.ForeignKey(f"{table}.id", ondelete=ondelete), index=index, nullable=nullable)


def _slug_unique() -> sa.UniqueConstraint:
    return sa.UniqueConstraint("organization_id", "slug")
