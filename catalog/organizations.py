"""Organizations: the tenants. Everything else belongs to one."""

from __future__ import annotations

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from catalog.model import Base, Stamped


class Organization(Stamped, Base):
    """`audit_retention_days` is how long its audit events are kept; None: for ever."""

    __tablename__ = "organizations"

    slug: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    audit_retention_days: Mapped[int | None] = mapped_column(Integer)
