"""Feature flags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.Uuid(as_uuid=False)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "feature_flags",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("organization_id", _ID, sa.ForeignKey("organizations.id"), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("event_name", sa.String(200), nullable=False),
        *(sa.Column(document, sa.Text(), nullable=False) for document in ("metadata", "variants")),
        *(sa.Column(document, sa.Text(), nullable=False) for document in ("default_variant", "targetings")),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by_id", _ID, nullable=False),
        sa.Column("created_by_name", sa.String(200), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("updated_by_id", _ID, nullable=False),
        sa.Column("updated_by_name", sa.String(200), nullable=False),
        sa.UniqueConstraint("organization_id", "slug"),
    )


def downgrade() -> None:
    op.drop_table("feature_flags")
