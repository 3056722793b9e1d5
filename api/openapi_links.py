"""Links of the OpenAPI document: what was made by one operation is what others are called with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
#: Where the name of what was made stands, where the answer has no slug of it.
_NAMED_BY: Final = dict.fromkeys(
    ("AssociateLicenseEntitlement", "AddEntitlementGroupMember"), "$request.body#/entitlementSlug"
)
#: What else the made is called with, in bodies: by the operation that made it.
_REFERRED_TO: Final = {
    "CreateCustomer": [("CreateInstance", {"customerId": "$response.body#/id"})],
    "CreateLicense": [("CreateInstance", {"licenseId": "$response.body#/id"})],
    "CreateDeploymentZone": [("CreateInstance", {"deploymentZoneId": "$response.body#/id"})],
    "CreateEntitlement": [
        ("AssociateLicenseEntitlement", {"entitlementSlug": "$response.body#/slug"}),
        ("AddEntitlementGroupMember", {"entitlementSlug": "$response.body#/slug"}),
    ],
}


def link(document: dict[str, Any]) -> None:
    """Link each operation that makes something to those on it."""
    for path, operations in document["paths"].items():
        if "post" not in operations:
            continue
        post = operations["post"]
        made = next((post["responses"][status] for status in ("201", "204") if status in post["responses"]), None)
        if made is not None and (links := dict(_links(document, path, post["operationId"]))):
            made["links"] = links


def _links(document: dict[str, Any], path: str, maker: str) -> Iterator[tuple[str, dict[str, Any]]]:
    given = {name: f"$request.path.{name}" for name in _PARAMETER.findall(path)}
    for below, operations in document["paths"].items():
        rest = below.removeprefix(path)
        named = _PARAMETER.findall(rest)
        if rest == below or len(named) != 1 or not rest.startswith("/{"):
            continue
        parameters = {**given, named[0]: _NAMED_BY.get(maker, "$response.body#/slug")}
        for operation in operations.values():
            yield operation["operationId"], {"operationId": operation["operationId"], "parameters": parameters}
    for name, body in _REFERRED_TO.get(maker, ()):
        yield name, {"operationId": name, "requestBody": body}
