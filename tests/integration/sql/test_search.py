"""Search: the list, the stream's filter and a naive look find the same events, whatever they hold and is sought."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.audit_search import Search, Searched
from api.live_event import Wanted, row_of
from metering.command import Read
from metering.problems import Invalid
from sql.clickhouse import ClickHouse
from stream.records import audit_events, decode_decided
from tests.decisions_log import NOON, DecisionsLog, report
from tests.integration.sql.test_audit_trail import PATH, written
from tests.integration.sql.trail import trail_client

EVENTS = 120
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
GENERATED = [f"tdm:6562a4e0.{number:032x}" for number in range(3)]
_PIECES = [
    *(
        "eu",
        "EU-1",
        "us-2",
        "Ärger",
        "STRASSE",
        "Straße",
        "Job",
        "job-17",
        "naïve",
        "東京",
        "\N{KELVIN SIGN}elvin",
        "İ",
    ),
    *("1", "2", "12", "12.5", "0.5", "-1", "007", "1e3", "5.0", "1.2.3", "t-1", "--", "%", "_", "\\", "'", "a\u00a0b"),
    *("accepted", "READ", "append", "threshold_exceeded", "calls", "gold", "collector", "reader", "tdm", "region"),
]
_FIELDS = ("status", "reason", "crossing", "behavior", "instance_slug", "entitlement_slug", "license_slug", "token")
_terms = st.sampled_from([*_PIECES, *GENERATED, GENERATED[0].upper(), GENERATED[0][:-1]])
_parts = st.builds(
    lambda piece, begin, length: piece[begin : begin + length], _terms, st.integers(0, 3), st.integers(1, 9)
)
_searches = st.lists(_terms | _parts, min_size=1, max_size=4).map(" ".join)


@pytest.fixture(scope="module")
async def log(clickhouse: ClickHouse) -> DecisionsLog:
    chance = random.Random(6)
    return await written(clickhouse, [[_command(chance) for _ in range(EVENTS)]], limit=Decimal(90))


def _command(chance: random.Random) -> Any:
    if chance.random() < 0.1:
        return Read(NOON, chance.choice(["reader", "job-17"]))
    said = {chance.choice(_PIECES): " ".join(chance.choices(_PIECES, k=2)), "n": chance.choice([1, 12, 5.0])}
    metadata = json.dumps(said, ensure_ascii=False).encode() if chance.random() < 0.8 else None
    transaction = chance.choice([None, "t-1", "eu:1.5", "TDM:" + "A" * 41, f"{uuid4()}", *GENERATED])
    value = chance.choice(["1", "2", "12.5", "0.5", "7", "0.000000000001"])
    return report(value, metadata=metadata, transaction_id=transaction)


@MANY
@given(text=_searches)
async def test_list_stream_and_naive_look_find_the_same(clickhouse: ClickHouse, log: DecisionsLog, text: str) -> None:
    rows = [row_of(event) for record in log.records[0] for event in audit_events(decode_decided(record.value))]
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        answer = await client.get(PATH, params={"q": text, "limit": 200})
    if answer.status_code == 422:
        with pytest.raises(Invalid):
            Search.of(text)
        return
    listed = {event["id"] for event in answer.json()["items"]}
    wanted = Wanted(
        log.held_against.organization_id, None, frozenset({"ACCEPTED", "REJECTED", "READ"}), search=Search.of(text)
    )
    assert listed == {_id(row) for row in rows if wanted.takes(Searched(row))}
    assert listed == {_id(row) for row in rows if _is_found(row, text)}


def _id(row: Mapping[str, Any]) -> str:
    return f"{row['partition']}-{row['offset']}-{row['position']}"


def _is_found(row: Mapping[str, Any], text: str) -> bool:
    """By the words of `docs/audit.md`."""
    transaction = row["transaction_id"] or ""
    own = "" if transaction in GENERATED else transaction
    searched = " ".join([*(row[name] for name in _FIELDS), own, row["metadata"]])
    return all(
        _is_written(searched, term) or _is_number(row, term) or term.lower() == transaction for term in text.split()
    )


def _is_written(text: str, term: str) -> bool:
    """As it is written, in any case, and its words are whole words."""
    return term.lower() in text.lower() and set(_words(term)) <= set(_words(text))


def _words(text: str) -> list[str]:
    runs = itertools.groupby(text.lower(), key=lambda letter: letter.isalnum() or ord(letter) > 127)
    return ["".join(run) for is_word, run in runs if is_word]


def _is_number(row: Mapping[str, Any], term: str) -> bool:
    digits = term.removeprefix("-").replace(".", "", 1)
    is_number = digits.isascii() and digits.isdigit() and not term.endswith(".") and term.lstrip("-")[0] != "."
    return is_number and Decimal(term) in (row["value"], row["after"], row["limit"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5 ---", {"a"}),
        ("--- 5", {"a"}),
        ("--- eu", {"a"}),
        ("5 7", {"b"}),
        ("7 5", {"b"}),
        ("5 1", set()),
    ],
)
async def test_what_is_no_word_is_found_as_it_is_written(clickhouse: ClickHouse, text: str, found: set[str]) -> None:
    said = {"a": b'{"is":"a","of":"--- eu"}', "b": b'{"is":"b","of":"7-12"}'}
    log = await written(clickhouse, [[report("5", metadata=metadata) for metadata in said.values()]])
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        items = (await client.get(PATH, params={"q": text})).raise_for_status().json()["items"]
    assert {event["payload"]["metadata"]["is"] for event in items} == found
