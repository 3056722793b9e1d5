"""The audit trail's schema brought up to date, and the rows with it: what a question reads is as its migration says."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import Migrator
from tenacity import AsyncRetrying, retry_if_result, wait_exponential

from sql.statements import MIGRATIONS

log: Final = logging.getLogger(__name__)

#: A migration copies the table: another beside it would take its copy away, or let half of one take the table's place.
COPY: Final = "^INSERT INTO decisions_(by_month|anew)"
_COPIES: Final = """
SELECT count() FROM system.processes
WHERE current_database = currentDatabase() AND match(query, {copy:String})
"""
_WRITTEN_ANEW: Final = """
SELECT command, parts_to_do, latest_fail_reason FROM system.mutations
WHERE database = currentDatabase() AND table = 'decisions' AND NOT is_done
  AND match(command, 'MATERIALIZE|DROP PROJECTION')
"""
#: Rows whose columns are as they were before they were changed: of other lines.
OF_BEFORE: Final = r"""
SELECT count() FROM decisions
WHERE countSubstrings(outcome, '\n') != 4 OR countSubstrings(terms, '\n') != 7
SETTINGS max_execution_time = 0
"""
_WRITE_ANEW: Final = "ALTER TABLE decisions MATERIALIZE COLUMN outcome, MATERIALIZE COLUMN terms"
#: Parts that a question which asks the projection itself would not see.
LEFT_OUT: Final = """
SELECT count() FROM system.parts
WHERE database = currentDatabase() AND table = 'decisions' AND active AND rows > 0
  AND NOT has(projections, 'usage_hours')
"""
_ADD: Final = "ALTER TABLE decisions MATERIALIZE PROJECTION usage_hours"
#: An INSERT that began before the table was changed writes it as it was, maybe after all else was written anew.
_INSERTS: Final = """
SELECT count() FROM system.processes
WHERE current_database = currentDatabase() AND match(query, '(?m)^INSERT INTO decisions') AND elapsed > {since:Float64}
"""
#: When it is looked how far something is: an empty table is done at once, a large one is looked at once a second.
_LOOKS: Final = wait_exponential(multiplier=0.02, max=1.0)


async def migrate(run: Callable[[Callable[[Client], Any]], Awaitable[Any]]) -> None:
    """Do what `ClickHouse.migrate` says; `run` lends the client that writes to a call."""
    ask_while = AsyncRetrying(retry=retry_if_result(bool), wait=_LOOKS)
    is_changed = await run(_migrate)
    changed_at = time.monotonic()
    await ask_while(run, _is_written_anew)
    if is_changed:
        await ask_while(run, lambda client: _has_insert_of_before(client, changed_at))
        await run(_write_anew)
    await run(_add_what_is_left_out)  # by one that was killed before, too: it takes a look at the parts
    await ask_while(run, _is_written_anew)


def _migrate(client: Client) -> bool:
    """Returns whether there was anything to do."""
    if client.command(_COPIES, {"copy": COPY}):
        raise OperationalError("another process copies the audit trail for an upgrade; start when it is done")
    migrator = Migrator(ClickhouseConnectConnection(client))
    migrator.init_schema()
    return bool(migrator.apply_migration(MigrationStorage(MIGRATIONS).migrations(), multi_statement=True))


def _has_insert_of_before(client: Client, moment: float) -> bool:
    """Whether an INSERT is under way that began before; none takes longer than a minute."""
    ((inserts,),) = client.query(_INSERTS, {"since": time.monotonic() - moment}).result_rows
    return bool(inserts)


def _write_anew(client: Client) -> None:
    """Once more, where such an INSERT has written rows as they were."""
    ((rows,),) = client.query(OF_BEFORE).result_rows
    if rows:
        log.info("%s rows of the audit trail came while its columns were changed, and are written anew", rows)
        client.command(_WRITE_ANEW)


def _add_what_is_left_out(client: Client) -> None:
    """Give the projection to parts of INSERTs that began before it was there."""
    ((parts,),) = client.query(LEFT_OUT).result_rows
    if parts:
        log.info("%s parts of the audit trail came while a projection was added, and get it", parts)
        client.command(_ADD)


def _is_written_anew(client: Client) -> bool:
    """Whether what a migration changed is not yet so in all parts: no question knows what stands there."""
    for command, parts, failure in client.query(_WRITTEN_ANEW).result_rows:
        if failure:
            raise OperationalError(f"{command} fails: {failure}")
        log.info("the audit trail is written anew: %s parts to go", parts)
        return True
    return False
