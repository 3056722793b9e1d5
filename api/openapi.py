"""What the OpenAPI document says of every route alike: the problems that it can answer with."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

_TEXT: Final = {"type": "string"}
_FAULT: Final = {
    "type": "object",
    "required": ["location", "message"],
    "properties": {"location": _TEXT, "message": _TEXT, "value": {}},
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": {"type": ["string", "null"]},
        "code": _TEXT,
        "errors": {"type": "array", "items": _FAULT},
    },
}
_MEANINGS: Final = {
    400: "Malformed JSON",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token lacks the scope",
    404: "Not found in this organization",
    409: "In conflict with what there is",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Not valid; `errors` says where and why",
    429: "Too many commands wait; `Retry-After` says when to ask again",
    503: "What is needed cannot be reached, or gave no answer in time; `Retry-After` says when to ask again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def describe_problems(app: FastAPI) -> None:
    """Put the schema that `problems` refers to into the app's document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


LOOKUP: Final = problems(401, 403, 404, 422, 503)
#: A lookup that is decided in the log takes its turn there.
DECIDED_LOOKUP: Final = {**LOOKUP, **problems(429)}
EDIT: Final = problems(400, 401, 403, 404, 409, 413, 415, 422, 503)
