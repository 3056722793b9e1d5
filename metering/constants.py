"""NaN and the infinities, which JSON does not have and many programs write all the same."""

from __future__ import annotations

import json


def has_constants(body: bytes) -> bool:
    """Whether the body would be JSON if JSON had NaN and infinity."""
    constants: list[str] = []
    try:
        json.loads(body, parse_constant=constants.append)
    except (ValueError, RecursionError):
        return False
    return bool(constants)
