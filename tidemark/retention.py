"""Retention: once an hour, what organizations no longer keep is taken from the audit trail.

The process that is the sink does it, since it alone writes. Moments are whole days in UTC, so that each organization's
rows are taken once a day.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from catalog.database import Database
from catalog.operator import list_organizations
from catalog.organizations import Organization
from metering.problems import Unavailable
from sql.clickhouse import ClickHouse
from sql.expiry import expire

EVERY_SECONDS: Final = 3_600.0
_AGAIN_SECONDS: Final = 60.0

log: Final = logging.getLogger(__name__)


async def keep_to_retention(database: Database, clickhouse: ClickHouse) -> None:
    """Do it until cancelled; when the catalog or ClickHouse is away, again a minute later."""
    while True:
        try:
            await expire(clickhouse, expired_at(await list_organizations(database), datetime.now(UTC)))
            await asyncio.sleep(EVERY_SECONDS)
        except (ClickHouseError, Unavailable) as error:
            log.warning("retention has to wait: %r", error)
            await asyncio.sleep(_AGAIN_SECONDS)


def expired_at(organizations: Sequence[Organization], moment: datetime) -> dict[str, datetime]:
    """Up to when each organization's events are over, for those that don't keep them for ever."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        one.id: midnight - timedelta(days=one.audit_retention_days)
        for one in organizations
        if one.audit_retention_days is not None
    }
