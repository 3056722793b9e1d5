"""What every model shares: its id, its organization, its slug, and who made and changed it when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from sqlalchemy import ForeignKey, MetaData, String, UniqueConstraint, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from catalog.columns import UtcDateTime


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Author:
    """The service account behind a stamp. Its name is that of the time: it outlives a renaming."""

    id: str
    name: str


class Stamped:
    """The stamps on every row."""

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    created_by_name: Mapped[str] = mapped_column(String(200))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    updated_by_name: Mapped[str] = mapped_column(String(200))

    @property
    def created_by(self) -> Author:
        return Author(self.created_by_id, self.created_by_name)

    @property
    def updated_by(self) -> Author:
        return Author(self.updated_by_id, self.updated_by_name)


class Resource(Stamped, Base):
    """A named thing of one organization; `noun` is how problems call it."""

    __abstract__ = True
    noun: ClassVar[str]

    slug: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))

    @declared_attr
    def organization_id(cls) -> Mapped[str]:  # noqa: N805  # declared_attr makes it a class method
        return mapped_column(ForeignKey("organizations.id"))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[SchemaItem, ...]:  # noqa: N805
        return (UniqueConstraint("organization_id", "slug"),)
