"""What the OpenAPI document says of every route alike: the problems that it can answer with."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from api import examples
from api.openapi_links import link

_TEXT: Final = {"type": "string"}
_FAULT: Final = {
    "type": "object",
    "required": ["location", "message"],
    "properties": {"location": _TEXT, "message": _TEXT, "value": {}},
}
_PROBLEM: Final = {
    "type": "object",
    "description": "A problem document (RFC 9457); `code` is stable, and more members may follow.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "example": examples.PROBLEM,
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
    400: "Malformed JSON, or no HTTP",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token lacks the scope",
    404: "Not found in this organization",
    408: "The rest of the request did not come in time",
    409: "In conflict with what there is",
    413: "The body is too large",
    415: "The body is not JSON, or is compressed",
    422: "Not valid; `errors` says where and why",
    429: "The token's rate is used up, or too many commands wait; `Retry-After` says when to ask again",
    431: "The request's head is too large",
    500: "Something went wrong here; it was logged under the problem's `instance`",
    503: "What is needed cannot be reached, or gave no answer in time; `Retry-After` says when to ask again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


_ALL: Final = problems(*_MEANINGS)
#: What any operation can answer with, whatever it does.
_EVERYWHERE: Final = problems(400, 401, 403, 408, 429, 431, 500, 503)


def describe(app: FastAPI) -> None:
    """Put what all operations share into the app's document: their problems, and examples."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM
        components["responses"] = {f"Problem{status}": response for status, response in _ALL.items()}
        for operations in document["paths"].values():
            for operation in operations.values():
                _complete(operation)
        link(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _complete(operation: dict[str, Any]) -> None:
    name, responses = operation["operationId"], operation["responses"]
    for status, response in _EVERYWHERE.items():
        responses.setdefault(str(status), response)
    for status in responses:
        if status.isdigit() and responses[status] == _ALL.get(int(status)):
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = dict(sorted(responses.items()))
    if name in examples.REQUESTS:
        operation["requestBody"]["content"]["application/json"]["example"] = examples.REQUESTS[name]
    if name in examples.RESPONSES:
        responses["200"]["content"]["application/json"]["example"] = examples.RESPONSES[name]


LOOKUP: Final = problems(401, 403, 404, 422, 503)
#: A lookup that is decided in the log takes its turn there.
DECIDED_LOOKUP: Final = {**LOOKUP, **problems(429)}
EDIT: Final = problems(400, 401, 403, 404, 409, 413, 415, 422, 503)
