"""How long an organization's audit events are kept: for ever, where nothing is said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("organizations", sa.Column("audit_retention_days", sa.Integer()))


def downgrade() -> None:
    with op.batch_alter_table("organizations") as organizations:
        organizations.drop_column("audit_retention_days")
