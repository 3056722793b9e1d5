"""The slugs in paths, as the contract names them. What could be no slug is simply not found (404)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Path
from starlette.types import ASGIApp, Receive, Scope, Send

AccountSlug = Annotated[str, Path(alias="serviceAccountSlug")]
TokenSlug = Annotated[str, Path(alias="tokenSlug")]
CustomerSlug = Annotated[str, Path(alias="customerSlug")]
ZoneSlug = Annotated[str, Path(alias="deploymentZoneSlug")]
EntitlementSlug = Annotated[str, Path(alias="entitlementSlug")]
LicenseSlug = Annotated[str, Path(alias="licenseSlug")]
FamilySlug = Annotated[str, Path(alias="familySlug")]
GroupSlug = Annotated[str, Path(alias="entitlementGroupSlug")]
FeatureFlagSlug = Annotated[str, Path(alias="featureFlagSlug")]
InstanceSlug = Annotated[str, Path(alias="instanceSlug")]

_SLASH: Final = re.compile(rb"%2[fF]")


@dataclass(frozen=True)
class EncodedSlashes:
    """ASGI middleware: an encoded slash stays encoded, for it belongs to a name and separates nothing (RFC 3986, 2.2).

    Decoded, `/customers%2Facme` would be another path than was asked for.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"%2" in scope.get("raw_path", b""):
            kept = _SLASH.sub(b"%252F", scope["raw_path"])
            scope["path"] = unquote(kept.decode("ascii"))
        await self.app(scope, receive, send)
