"""Bodies: what is JSON to us, on every route alike.

Undeclared bodies are JSON. Names are unique within an object (RFC 8259 leaves open what else they mean, and each reader
would take another of the values), and text is Unicode.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from metering.problems import Fault, Invalid, MalformedJson, Problem, UnsupportedMediaType

#: Every string of a JSON text without escapes; those that are followed by a colon are names, and captured.
_STRINGS: Final = re.compile(rb'("[^"]*")\s*:|"[^"]*"')


def ensure_json(content_type: str | None, content_coding: str | None = None) -> None:
    """Raise `UnsupportedMediaType` where the body is declared to be something else than JSON, or compressed."""
    if content_coding is not None and content_coding.strip().lower() not in ("", "identity"):
        detail = f"The body has to be sent as it is, not coded by {content_coding[:100]!r}."
        raise UnsupportedMediaType(detail, headers={"Accept-Encoding": "identity"})
    if content_type is None:
        return
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json")):
        return
    raise UnsupportedMediaType(f"The body has to be application/json, not {media_type or 'nothing'!r}.")


def ensure_unique_names(text: bytes) -> None:
    """Raise `MalformedJson` where an object of this JSON has one name twice."""
    if b"\\" in text or _has_twice(_STRINGS.findall(text)):
        try:
            json.loads(text, object_pairs_hook=_unique, parse_int=str, parse_float=str)
        except RecursionError:
            raise MalformedJson("The body is nested too deeply.") from None


def why_malformed(body: bytes, error: Exception) -> Problem:
    """What is wrong with a body that could not be read."""
    if _has_constants(body):
        return Invalid("JSON has no NaN or infinity.", faults=[Fault("body", "has NaN or infinity")])
    if _has_half_a_pair(body):
        return MalformedJson("The body has half of a surrogate pair, which stands for no character.")
    return MalformedJson(f"The body is not JSON: {error}.")


def _has_twice(names: list[bytes]) -> bool:
    """Whether a name stands there twice: in one object, or in two."""
    named = [name for name in names if name]
    return len(set(named)) < len(named)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedJson(f"The body has the name {name[:100]!r} twice in one object.")
        found[name] = value
    return found


def _has_constants(body: bytes) -> bool:
    """Whether the body would be JSON if JSON had NaN and infinity, which many programs write all the same."""
    constants: list[str] = []
    try:
        json.loads(body, parse_constant=constants.append)
    except (ValueError, RecursionError):
        return False
    return bool(constants)


def _has_half_a_pair(body: bytes) -> bool:
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False
