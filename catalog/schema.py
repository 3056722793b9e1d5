"""The whole schema: importing this module knows every table."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

from catalog import (
    accounts,
    customers,
    entitlements,
    families,
    feed,
    flags,
    groups,
    instances,
    licenses,
    links,
    organizations,
    tokens,
    zones,
)
from catalog.model import Base

TABLES: Final = (
    organizations.Organization,
    accounts.Account,
    tokens.Token,
    customers.Customer,
    zones.Zone,
    entitlements.Entitlement,
    groups.Group,
    groups.Member,
    families.Family,
    licenses.License,
    links.Link,
    instances.Instance,
    flags.Flag,
    feed.Change,
)
METADATA: Final[MetaData] = Base.metadata
