"""License families: a product whose versions are licenses. A family outlives the names of its versions."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from catalog.model import Resource
from catalog.repository import Repository


class Family(Resource):
    """`newest_version` is the highest number that a version ever had: none is given twice, deleted or not."""

    __tablename__ = "license_families"
    noun = "Family"

    newest_version: Mapped[int] = mapped_column(default=0)


class Families(Repository[Family]):
    model = Family

    async def next_version(self, family: Family) -> int:
        """A number for a new version; edits are made one after another, so nobody else gets it."""
        await self.update(family, {"newest_version": family.newest_version + 1})
        return family.newest_version
