"""License families, whose versions are the licenses: each that there is begins its own. Entitlement groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.Uuid(as_uuid=False)
_MOMENT = sa.DateTime(timezone=True)
_OWN_FAMILIES = """
INSERT INTO license_families (
    id, organization_id, slug, name, newest_version,
    created_at, created_by_id, created_by_name, updated_at, updated_by_id, updated_by_name
)
SELECT
    id, organization_id, slug, name, version,
    created_at, created_by_id, created_by_name, updated_at, updated_by_id, updated_by_name
FROM licenses
"""


def upgrade() -> None:
    _resource("license_families", sa.Column("newest_version", sa.Integer(), nullable=False))
    _give_each_license_a_family()
    _resource("entitlement_groups", sa.Column("description", sa.Text()))
    op.create_table(
        "entitlement_group_members",
        _member_of("group_id", "entitlement_groups"),
        _member_of("entitlement_id", "entitlements", index=True),
    )


def downgrade() -> None:
    op.drop_table("entitlement_group_members")
    op.drop_table("entitlement_groups")
    with op.batch_alter_table("licenses") as licenses:
        licenses.drop_constraint("uq_licenses_family_id_version", type_="unique")
        licenses.drop_constraint("fk_licenses_family_id", type_="foreignkey")
        licenses.drop_column("family_id")
    op.drop_table("license_families")


def _give_each_license_a_family() -> None:
    """A family takes its first license's id: unique already, and the same on every replica of the data."""
    op.add_column("licenses", sa.Column("family_id", _ID))
    op.execute(_OWN_FAMILIES)
    op.execute("UPDATE licenses SET family_id = id")
    with op.batch_alter_table("licenses") as licenses:
        licenses.alter_column("family_id", existing_type=_ID, nullable=False)
        licenses.create_foreign_key("fk_licenses_family_id", "license_families", ["family_id"], ["id"])
        licenses.create_unique_constraint("uq_licenses_family_id_version", ["family_id", "version"])


def _resource(table: str, column: sa.Column[int] | sa.Column[str]) -> None:
    op.create_table(
        table,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        column,
        sa.UniqueConstraint("organization_id", "slug"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by_id", _ID, nullable=False),
        sa.Column("created_by_name", sa.String(200), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by_id", _ID, nullable=False),
        sa.Column("updated_by_name", sa.String(200), nullable=False),
    )


def _member_of(name: str, table: str, *, index: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, _ID, reference, primary_key=True, index=index)
