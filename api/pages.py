"""Pages: a limit and an opaque cursor in, a page of views out. Keyset pagination, in the order of slugs."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query

from api.json import ExactJson
from api.shapes import PageView, View
from catalog.repository import Page
from catalog.slugs import is_slug
from metering.problems import Fault, Invalid

V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True)
class Window:
    """How many rows are wanted, and the slug that they come after."""

    limit: int
    after: str | None


async def _window(
    limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: Annotated[str | None, Query()] = None
) -> Window:
    return Window(limit, None if cursor is None else _slug_at(cursor))


Windowed = Annotated[Window, Depends(_window)]


def paged(page: Page[Any], view: type[V], slug: Callable[[Any], str] = lambda row: row.slug) -> ExactJson:
    """The page as views; `slug` names the place of a row in the order."""
    return page_of(page, [view.model_validate(row) for row in page.rows], slug)


def page_of(page: Page[Any], items: list[V], slug: Callable[[Any], str] = lambda row: row.slug) -> ExactJson:
    """The page, whose rows are shown as `items`."""
    next_cursor = _cursor_at(slug(page.rows[-1])) if page.has_more else None
    return ExactJson(PageView[V](items=items, has_more=page.has_more, next_cursor=next_cursor))


def _cursor_at(slug: str) -> str:
    return urlsafe_b64encode(slug.encode()).decode().rstrip("=")


def _slug_at(cursor: str) -> str:
    try:
        slug = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        slug = ""
    if not is_slug(slug):
        raise Invalid("The cursor is none that was given out.", faults=[Fault("query.cursor", "not a cursor", cursor)])
    return slug
