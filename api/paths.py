"""The slugs in paths, as the contract names them. What could be no slug is simply not found (404)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

AccountSlug = Annotated[str, Path(alias="serviceAccountSlug")]
TokenSlug = Annotated[str, Path(alias="tokenSlug")]
CustomerSlug = Annotated[str, Path(alias="customerSlug")]
ZoneSlug = Annotated[str, Path(alias="deploymentZoneSlug")]
EntitlementSlug = Annotated[str, Path(alias="entitlementSlug")]
LicenseSlug = Annotated[str, Path(alias="licenseSlug")]
InstanceSlug = Annotated[str, Path(alias="instanceSlug")]
