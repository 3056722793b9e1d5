"""Entitlement groups: named sets of entitlements, for display."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.model import Base, Resource
from catalog.repository import Repository


class Group(Resource):
    __tablename__ = "entitlement_groups"
    noun = "EntitlementGroup"

    description: Mapped[str | None] = mapped_column(Text)


class Member(Base):
    """An entitlement is in a group; it may be in many. The row goes when either of them does."""

    __tablename__ = "entitlement_group_members"

    group_id: Mapped[str] = mapped_column(ForeignKey("entitlement_groups.id", ondelete="CASCADE"), primary_key=True)
    entitlement_id: Mapped[str] = mapped_column(
        ForeignKey("entitlements.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Groups(Repository[Group]):
    model = Group

    async def named(self, slugs: Collection[str], *, location: str) -> Sequence[Group]:
        """The groups with these slugs, each once. Raises `ResourceNotFound`, which tells where the slug stands."""
        places = {slug: f"{location}.{place}" for place, slug in enumerate(slugs)}
        return [await self.get(slug, location=place) for slug, place in places.items()]
