"""An audit trail of so many decisions, and its routes under the clock: `python -m bench.trail DIRECTORY EVENTS`.

Prints a line of JSON: milliseconds of each question, bytes of an event.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Collection
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final

import httpx
from fastapi import FastAPI
from rich.console import Console
from rich.progress import track

import api.audit
import api.audit_counts
import api.audit_top
import api.history
import api.problems
from api.audit_page import Cursor
from bench.history import BEGIN, CHUNK, ORGANIZATION, YEAR, History, entitlement_id, instance_id
from catalog.principal import Principal
from sql.clickhouse import ClickHouse, open_clickhouse
from sql.instants import moment_at
from sql.statements import statement
from stream.rows import COLUMNS, TABLE, parts

#: Questions that fill caches, and are not counted.
FIRST: Final = 10
TIMES: Final = 100
BARE_TIMES: Final = 3
#: What is asked beside the questions, for a header.
LOOKS: Final = {"last_insert", "passed", "complete_to"}
TRAIL: Final = "/instances/instance-0/audit-trails"
USAGE: Final = "/instances/instance-0/entitlements/meter-0/usage/history"
_BARE: Final = {"optimize_use_projections": 0, "use_skip_indexes": 0, "max_execution_time": 100, "max_memory_usage": 0}
_PROJECTION: Final = re.compile(r"mergeTreeProjection\(currentDatabase\(\), decisions, \w+\)")
_NO_QUESTION: Final = re.compile(r"--.*|SETTINGS optimize_move_to_prewhere = 0")
_KEPT: Final = re.compile(r"\w+Merge\((`[^`]+`|\w+)\)")
_COUNT: Final = "SELECT count() FROM decisions"
_OF_COLUMNS: Final = """
SELECT column, sum(column_data_compressed_bytes + column_marks_bytes) AS size
FROM system.parts_columns WHERE active AND table = 'decisions' GROUP BY column ORDER BY size DESC
"""
_OF_PROJECTIONS: Final = """
SELECT concat('projection ', name), sum(bytes_on_disk) AS size
FROM system.projection_parts WHERE active AND table = 'decisions' GROUP BY name ORDER BY size DESC
"""
_OF_INDEXES: Final = """
SELECT concat('index ', name), sum(data_compressed_bytes) AS size
FROM system.data_skipping_indices WHERE table = 'decisions' GROUP BY name ORDER BY size DESC
"""
_OF_ALL: Final = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'decisions'"
_MERGES: Final = "SELECT count() FROM system.merges WHERE table = 'decisions'"

_QUARTERS: Final = "SELECT DISTINCT _partition_id FROM decisions ORDER BY 1"
_ONE_PART: Final = "OPTIMIZE TABLE decisions PARTITION ID {quarter:String} FINAL"

Query = dict[str, str]


class Catalog:
    """Knows the made-up organization, as the real one would from memory."""

    async def admit(self, _: str | None) -> Principal:
        return Principal(ORGANIZATION, "a", "a", "t", "t", frozenset({"read:instances"}))

    async def instance_id(self, _: str, slug: str) -> str:
        return instance_id(int(slug.rpartition("-")[2]))

    async def meter_ids(self, _: str, slug: str, entitlement: str) -> tuple[str, str]:
        return instance_id(int(slug.rpartition("-")[2])), entitlement_id(int(entitlement.rpartition("-")[2]))

    async def existing_instances(self, _: str, ids: Collection[str]) -> set[str]:
        return {*ids}


class Listening(ClickHouse):
    """Hears what is asked, to ask it again over the bare rows."""

    asked: list[tuple[str, dict[str, object]]]

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        self.asked.append((name, parameters))
        return await super().query(name, **parameters)

    async def formatted(self, name: str, told_as: str, **parameters: object) -> bytes:
        self.asked.append((name, parameters))
        return await super().formatted(name, told_as, **parameters)

    async def query_few(self, most_rows: int, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        found = await super().query_few(most_rows, name, **parameters)
        self.asked.append((name, parameters))
        return found


def questions() -> dict[str, tuple[str, Callable[[random.Random], Query]]]:
    """Where each is asked, and with which query; some seek another thing every time."""
    year = {"from": _time(BEGIN), "to": _time(BEGIN + YEAR), "timezone": "Europe/Berlin"}

    def anywhere(chance: random.Random) -> Query:
        return {"cursor": str(Cursor(BEGIN + int(YEAR * chance.random()), 0, 0, 0))}

    return {
        "stats of an instance": (f"{TRAIL}/stats", lambda _: {}),
        "stats of the organization": ("/audit-trails/stats", lambda _: {}),
        "timeline of a year, instance": (f"{TRAIL}/timeline", lambda _: year),
        "timeline of a year, organization": ("/audit-trails/timeline", lambda _: year),
        "value over a year": (USAGE, lambda _: {**year, "window": "DAY"}),
        "newest page, instance": (TRAIL, lambda _: {}),
        "page at any depth, instance": (TRAIL, anywhere),
        "page at any depth, organization": ("/audit-trails", anywhere),
        "full text, a word": (TRAIL, lambda chance: {"q": f"job-{chance.randrange(5_000)}"}),
        "full text, organization": ("/audit-trails", lambda chance: {"q": f"job-{chance.randrange(5_000)} eu-1"}),
        "top instances": ("/audit-trails/top/instances", lambda _: {"order": "rejected"}),
        "top entitlements": ("/audit-trails/top/entitlements", lambda _: {}),
        "nearest to their limit": ("/audit-trails/top/nearest-limits", lambda _: {}),
    }


async def main(directory: str, events: int) -> None:
    opened = open_clickhouse(f"chdb://{directory}")
    opened.__class__, clickhouse = Listening, opened  # type: ignore[assignment]
    clickhouse.asked = []  # type: ignore[attr-defined]
    async with clickhouse:
        await clickhouse.migrate()
        rate = await load(clickhouse, events)
        await settle(clickhouse)
        gc.collect()
        gc.freeze()  # as the HTTP process does when it has started
        async with client_of(clickhouse) as client:
            answers = {name: await timed(clickhouse, client, *asked) for name, asked in questions().items()}
        sizes = [await ask(clickhouse, text) for text in (_OF_COLUMNS, _OF_PROJECTIONS, _OF_INDEXES)]
        ((all_in_all,),) = await ask(clickhouse, _OF_ALL)
    disk = {str(name): size / events for rows in sizes for name, size in rows}
    print(json.dumps({"answers": answers, "disk": disk, "event": all_in_all / events, "load_rate": rate}))


async def load(clickhouse: ClickHouse, events: int) -> float:
    """Write what is not there yet, as the sink does; returns how many went in a second."""
    ((there,),) = await ask(clickhouse, _COUNT)
    seconds = 0.0
    chunks, left = History(events).chunks_behind(there), (events - there) // CHUNK
    for rows in track(chunks, f"{events:,} decisions", left, console=Console(stderr=True)):
        begun = time.perf_counter()
        for part in parts(rows):
            await clickhouse.insert(TABLE, COLUMNS, part)
        seconds += time.perf_counter() - begun
    return (events - there) / seconds if seconds else 0.0


async def settle(clickhouse: ClickHouse) -> None:
    """Make each quarter of a year one part, as the engine does when one is quiet for an hour; the last one is not."""
    *quiet, _ = await ask(clickhouse, _QUARTERS)
    for (quarter,) in quiet:
        await clickhouse._writer.run(  # noqa: SLF001  # the engine's own business
            lambda client, quarter=quarter: client.command(_ONE_PART, {"quarter": quarter})
        )
    calm = 0
    while calm < 3:
        await asyncio.sleep(1)
        ((merges,),) = await ask(clickhouse, _MERGES)
        calm = 0 if merges else calm + 1


@asynccontextmanager
async def client_of(clickhouse: ClickHouse) -> Any:
    app = FastAPI()
    for module in (api.audit_counts, api.audit_top, api.audit, api.history):
        app.include_router(module.router)
    api.problems.install(app)
    app.state.clickhouse, catalog = clickhouse, Catalog()
    app.state.catalog = SimpleNamespace(resolver=catalog, authenticator=catalog)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tidemark") as client:
        yield client


async def timed(
    clickhouse: Any, client: httpx.AsyncClient, path: str, query: Callable[[random.Random], Query]
) -> dict[str, float]:
    chance, times, additions = random.Random(7), [], []
    for _ in range(FIRST + TIMES):
        additions.append(added())
        clickhouse.asked.clear()
        wanted = query(chance)
        begun = time.perf_counter()
        (await client.get(path, params=wanted)).raise_for_status()
        times.append((time.perf_counter() - begun) * 1e3)
    times = sorted(times[FIRST:])
    asked = [(statement(name, frozenset(given)), given) for name, given in clickhouse.asked if name not in LOOKS]
    engine = await over(clickhouse, asked, {})
    bare = await over(clickhouse, [(of_rows(text), given) for text, given in asked], _BARE)
    p99 = times[int(0.99 * TIMES) - 1]
    asked_beside = {"additions": statistics.median(additions), "engine": engine, "bare": bare}
    return {"median": statistics.median(times), "p99": p99, **asked_beside}


def added() -> float:
    """Milliseconds of a million additions in Python, from a tenth of them: how fast the machine is at this moment."""
    return timeit.timeit("for number in range(100_000): total += number", "total = 0", number=1) * 1e4


def of_rows(text: str) -> str:
    """The same question of rows alone. The columns of a projection are called by what they are made of."""
    bare = _NO_QUESTION.sub("", text)
    asked = _PROJECTION.sub("decisions", bare)
    return bare if asked == bare else _KEPT.sub(r"\1", asked).replace("`", "")


async def over(clickhouse: ClickHouse, asked: list[tuple[str, dict[str, object]]], settings: dict[str, int]) -> float:
    """The median milliseconds that the engine takes for these questions under these settings."""
    times = []
    for _ in range(BARE_TIMES):
        begun = time.perf_counter()
        for text, parameters in asked:
            await ask(clickhouse, text, parameters, settings)
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


async def ask(
    clickhouse: ClickHouse,
    text: str,
    parameters: dict[str, object] | None = None,
    settings: dict[str, int] | None = None,
) -> list[tuple[Any, ...]]:
    found = await clickhouse._readers.run(  # noqa: SLF001  # its settings are the question
        lambda client: client.query(text, parameters=parameters, settings=settings)
    )
    return [*found.result_rows]


def _time(micros: int) -> str:
    return moment_at(micros).isoformat()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
