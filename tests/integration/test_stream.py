"""The audit trail as server-sent events: live, resumable, bounded, and over when it has to be."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession

from tests.listening import Listener, Listening, ear_of, eventually
from tests.pipeline import TOKEN, Pipeline
from tests.shop import Sold, post, sell

pytestmark = pytest.mark.integration

CLIENTS = 200
LOADED_SECONDS, LEAST_REPORTS = 5.0, 20


@pytest.fixture(scope="module")
async def ear(pipeline: Pipeline) -> AsyncIterator[ClientSession]:
    async with ear_of(pipeline.url, TOKEN) as client:
        yield client


def listener(ear: ClientSession, sold: Sold, query: dict[str, str] | None = None) -> Listener:
    return Listener(ear, f"/instances/{sold.instance}/audit-trails/stream", query or {})


async def report_all(sold: Sold, values: range) -> None:
    await asyncio.to_thread(lambda: [sold.report(value) for value in values])


async def test_events_arrive_as_they_are_decided_in_the_form_of_the_list(
    ear: ClientSession, client: httpx.Client
) -> None:
    sold = sell(client, limit=10, warningThresholdPercent=80, resetPeriod="DAY")
    hearing = listener(ear, sold)
    async with Listening(hearing.listen()):
        await eventually(lambda: hearing.last_id, "the stream begins with an id")
        await asyncio.to_thread(lambda: [sold.report(9, metadata={"batch": 1}), sold.report(9), sold.usage()])
        await eventually(lambda: len(hearing.events) == 3, "three events arrive")
        await eventually(lambda: len(sold.trail()) == 3, "three events are in the trail")
    assert hearing.events == sold.trail()[::-1]


async def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice(
    ear: ClientSession, client: httpx.Client
) -> None:
    sold = sell(client)
    hearing = listener(ear, sold)
    async with Listening(hearing.listen()):
        await eventually(lambda: hearing.last_id, "the stream begins")
        await report_all(sold, range(3))
        await eventually(lambda: len(hearing.seen) == 3, "the first three arrive")
    await report_all(sold, range(3, 6))
    async with Listening(hearing.listen()):
        await eventually(lambda: len(hearing.seen) == 6, "what was missed arrives")
        await report_all(sold, range(6, 8))
        await eventually(lambda: len(hearing.seen) == 8, "and what came after")
    assert [event["payload"]["sequence"] for event in hearing.events] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ({"status": "REJECTED"}, [2]),
        ({"event_name": "kaiten.v1.entitlement.value.get"}, [3]),
        ({"q": "BATCH-1 accepted"}, [1]),
        ({"entitlement": "another"}, []),
        ({"token": "no-such-token"}, []),
    ],
)
async def test_a_stream_is_filtered_alike_when_live_and_when_resumed(
    ear: ClientSession, client: httpx.Client, query: dict[str, str], sequences: list[int]
) -> None:
    sold = sell(client, limit=10)
    all_of_it, live = listener(ear, sold), listener(ear, sold, query)
    async with Listening(all_of_it.listen(), live.listen()):
        await eventually(lambda: all_of_it.last_id and live.last_id, "both begin")
        resumed = listener(ear, sold, query)
        resumed.last_id = live.last_id
        await asyncio.to_thread(lambda: [sold.report(9, metadata={"is": "batch-1"}), sold.report(9), sold.usage()])
        await eventually(lambda: len(all_of_it.seen) == 3, "all three arrive")
        await eventually(lambda: len(live.seen) == len(sequences), "those wanted arrive")
    async with Listening(resumed.listen()):
        await eventually(lambda: len(resumed.seen) == len(sequences), "those wanted are caught up with")
    assert [event["payload"]["sequence"] for event in live.events] == sequences
    assert resumed.seen == live.seen


async def test_two_hundred_clients_that_drop_and_resume_miss_nothing_and_get_nothing_twice(
    pipeline: Pipeline, ear: ClientSession, client: httpx.Client
) -> None:
    chance = random.Random(7)
    shop = [sell(client) for _ in range(6)]
    hearing = [_anywhere(ear, shop, number) for number in range(CLIENTS)]
    async with Listening(*(one.listen_off_and_on(random.Random(number)) for number, one in enumerate(hearing))):
        await eventually(lambda: all(one.last_id for one in hearing), "every stream begins")
        loading = asyncio.gather(*(asyncio.to_thread(_load, sold, chance) for sold in shop))
        await asyncio.sleep(LOADED_SECONDS / 3)
        pipeline.child("worker-1").kill()
        await loading
        expected = await asyncio.to_thread(lambda: {sold.entitlement: _trail(sold) for sold in shop})
        await eventually(lambda: all(_is_complete(one, expected) for one in hearing), "every client has every event")
    assert sum(map(len, expected.values())) > 100
    assert sum(one.connections for one in hearing) > 2 * CLIENTS
    for one in hearing:
        assert len(one.seen) == len(set(one.seen)), "nothing comes twice"
        assert {seen for seen in one.seen if seen in _of(one, expected)} == _of(one, expected), "nothing is missing"
        assert _in_order(one.events)


def _anywhere(ear: ClientSession, shop: list[Sold], number: int) -> Listener:
    """Every fourth listens to the whole organization, for one entitlement."""
    sold = shop[number % len(shop)]
    if number % 4 == 3:
        return Listener(ear, "/audit-trails/stream", {"entitlement": sold.entitlement})
    return listener(ear, sold)


def _load(sold: Sold, chance: random.Random) -> None:
    deadline, reports = time.monotonic() + LOADED_SECONDS, 0
    while time.monotonic() < deadline or reports < LEAST_REPORTS:
        sold.report(chance.randrange(100))
        reports += 1


def _trail(sold: Sold) -> set[str]:
    """The whole trail, once its sequence has no gap and it no longer grows."""
    sold.usage()  # decided behind every report
    while True:
        events = sold.trail()
        if events and events[0]["status"] == "READ":
            assert [event["payload"]["sequence"] for event in events] == [*range(len(events), 0, -1)]
            return {event["id"] for event in events}


def _of(one: Listener, expected: dict[str, set[str]]) -> set[str]:
    entitlement = one.query.get("entitlement") or one.path.split("/")[2].replace("prod-", "calls-")
    return expected[entitlement]


def _is_complete(one: Listener, expected: dict[str, set[str]]) -> bool:
    return _of(one, expected).issubset(one.seen)


def _in_order(events: list[dict[str, Any]]) -> bool:
    sequences = [event["payload"]["sequence"] for event in events]
    return sequences == sorted(sequences)


async def test_a_revoked_token_ends_its_stream_within_seconds(pipeline: Pipeline, client: httpx.Client) -> None:
    sold = sell(client)
    account = post(client, "/service-accounts", name=f"Listens to {sold.instance}"[:40])
    made = post(client, f"/service-accounts/{account['slug']}/tokens", name="Ear", scopes=["read:instances"])
    async with ear_of(pipeline.url, made["token"]) as ear:
        await _ends_when_revoked(
            listener(ear, sold), client, f"/service-accounts/{account['slug']}/tokens/{made['slug']}"
        )


@pytest.mark.parametrize("another_is_called_so", [False, True])
async def test_a_stream_ends_when_its_instance_is_no_longer_called_so(
    ear: ClientSession, client: httpx.Client, another_is_called_so: bool
) -> None:
    sold, other = sell(client), sell(client)
    hearing = listener(ear, sold)
    async with Listening(hearing.listen()):
        await eventually(lambda: hearing.last_id, "the stream begins")
        await asyncio.to_thread(sold.rename, f"{sold.instance}-before")
        if another_is_called_so:
            await asyncio.to_thread(other.rename, sold.instance)
        await eventually(lambda: hearing.ends, "the stream ends")
    assert hearing.ends[0]["code"] in ("InstanceNotFound", "InstanceReplaced")  # it may be asked between the two


async def _ends_when_revoked(hearing: Listener, client: httpx.Client, path: str) -> None:
    async with Listening(hearing.listen()):
        await eventually(lambda: hearing.last_id, "the stream begins")
        assert (await asyncio.to_thread(lambda: client.delete(path))).is_success
        await eventually(lambda: hearing.ends, "the stream ends")
    assert hearing.ends[0]["code"] == "Unauthenticated"


@pytest.mark.parametrize(
    ("headers", "query", "location"),
    [
        ({"Last-Event-ID": "3-1234-7"}, {}, "header.Last-Event-ID"),
        ({}, {"lastEventId": "nonsense"}, "query.lastEventId"),
        ({}, {"status": "MAYBE"}, "query.status"),
        ({}, {"event_name": "nothing"}, "query.event_name"),
        ({}, {"q": "'\"--"}, "query.q"),
    ],
)
def test_a_wrong_question_is_refused_at_its_place(
    client: httpx.Client, headers: dict[str, str], query: dict[str, str], location: str
) -> None:
    refused = client.get("/audit-trails/stream", params=query, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


def test_the_stream_of_no_instance_is_not_found(client: httpx.Client) -> None:
    assert client.get("/instances/nobody/audit-trails/stream").status_code == 404
