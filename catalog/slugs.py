"""Slugs: 2–100 of a-z, 0-9 and inner hyphens, unique per organization, made from the name when none is given."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from slugify import slugify

LONGEST: Final = 100
PATTERN: Final = r"^[a-z0-9][a-z0-9-]*[a-z0-9]\Z"
_SLUG: Final = re.compile(PATTERN)


def is_slug(text: str) -> bool:
    return len(text) <= LONGEST and _SLUG.match(text) is not None


def slug_of(name: str) -> str:
    """A slug that reads like `name`; a random one where its letters leave none ("?", "☃")."""
    slug = slugify(name, max_length=LONGEST)
    return slug if is_slug(slug) else f"{slug or 'unnamed'}-{uuid4().hex[:8]}"
