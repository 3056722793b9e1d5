"""Shapes: what every request body and every answer have in common."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.fields import Name, Slug
from catalog.slugs import slug_of


class Body(BaseModel):
    """A request body: camelCase, and no key that is not known."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class NamedBody(Body):
    name: Name
    slug: Slug | None = Field(default=None, description="Made from the name when left out.")

    def to_create(self) -> dict[str, Any]:
        """The new row's values, by column."""
        return {**self.model_dump(), "slug": self.slug or slug_of(self.name)}

    def to_replace(self, *, keeping: Collection[str] = ()) -> dict[str, Any]:
        """The values of a full replacement: what was left out is reset, but for the slug and what is in `keeping`."""
        left_out = {"slug", *keeping} - self.model_fields_set
        return self.model_dump(exclude=left_out | ({"slug"} if self.slug is None else set()))


class View(BaseModel):
    """An answer, made from a row by its attributes; camelCase outside."""

    model_config = ConfigDict(alias_generator=to_camel, from_attributes=True, frozen=True, populate_by_name=True)


class AuthorView(View):
    id: str
    name: str


class StampedView(View):
    id: str
    created_at: datetime
    created_by: AuthorView
    updated_at: datetime
    updated_by: AuthorView


V = TypeVar("V", bound=View)


class PageView(View, Generic[V]):
    items: list[V]
    has_more: bool
    next_cursor: str | None = None
