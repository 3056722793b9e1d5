"""What the OpenAPI document says of the reporting route: a bare route describes itself."""

from __future__ import annotations

from typing import Any, Final

from ingest.report import OPERATION, SCOPE

_NUMBER_VALUE: Final = {
    "type": "object",
    "required": ["type", "value"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "number"},
        "value": {"type": "number", "description": "Exact: at most 20 integer and 12 fractional digits."},
    },
}
_REPORT: Final = {
    "type": "object",
    "required": ["value"],
    "additionalProperties": False,
    "properties": {
        "value": _NUMBER_VALUE,
        "behavior": {"enum": ["append", "set"], "default": "append"},
        "metadata": {
            "type": ["object", "null"],
            "description": "At most 4,096 bytes; larger is counted, not stored (header Tidemark-Metadata-Dropped).",
        },
        "timestamp": {"type": ["string", "null"], "format": "date-time", "description": "Default: receipt."},
        "transactionId": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
}
_USAGE_VALUE: Final = {
    "type": "object",
    "properties": {"event_count": {"type": "integer"}, "type": {"const": "number"}, "value": {"type": "number"}},
}
_INSTANT_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}
_USAGE: Final = {
    "type": "object",
    "properties": {
        "behavior": {"enum": ["append", "set"]},
        "entitlementId": {"type": "string", "format": "uuid"},
        "entitlementSlug": {"type": "string"},
        "licenseId": {"type": "string", "format": "uuid"},
        "licenseSlug": {"type": "string"},
        "metadata": {"type": ["object", "null"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "value": _USAGE_VALUE,
        "limit": _NUMBER_VALUE,
        "remaining": {"type": ["number", "null"]},
        "currentPeriodStart": _INSTANT_OR_NULL,
        "currentPeriodEnd": _INSTANT_OR_NULL,
        "decisionId": {"type": "string"},
        "sequence": {"type": "integer"},
    },
}
#: Described by the app, as for all operations.
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEMS: Final = {
    400: "Malformed JSON",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The token lacks the scope, or the license is inactive or outside its dates",
    404: "The instance, the entitlement, or the link between license and entitlement is not found",
    409: "The report would pass the limit, or its transaction id was accepted with another value",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Not valid; `errors` says where and why",
    429: "Too many reports wait; `Retry-After` says when to send it again, with the `transactionId`",
    503: "No decision in time; retried with the `transactionId` it never counts twice",
}


def _slug(name: str, noun: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": f"{noun} slug", "schema": {"type": "string"}}


REPORT_USAGE: Final[dict[str, Any]] = {
    "operationId": OPERATION,
    "summary": "Report entitlement usage metric for an instance",
    "description": "Decided before it is answered: accepted with the new total, or refused and audited.",
    "tags": ["usage"],
    "security": [{"HTTPBearer": [SCOPE]}],
    "parameters": [
        _slug("instanceSlug", "Instance"),
        _slug("entitlementSlug", "Entitlement"),
        {
            "name": "Prefer",
            "in": "header",
            "description": "`respond-async`: answer 202 once the report is durably queued, before its decision.",
            "schema": {"type": "string"},
        },
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": _REPORT}}},
    "responses": {
        "200": {"description": "Accepted; the new total", "content": {"application/json": {"schema": _USAGE}}},
        "202": {
            "description": "Durably queued; `Location` is where its decision will be",
            "content": {
                "application/json": {"schema": {"type": "object", "properties": {"decisionId": {"type": "string"}}}}
            },
        },
        **{
            str(status): {"description": meaning, "content": {"application/problem+json": {"schema": _PROBLEM}}}
            for status, meaning in _PROBLEMS.items()
        },
    },
}
