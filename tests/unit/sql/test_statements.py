"""The text of a question: what is not asked is not said."""

from __future__ import annotations

import re

import pytest

from api.audit_filter import Filter
from api.audit_page import Cursor, Wanted
from api.audit_search import Search
from sql.statements import PARTS, QUERIES, names, statement

_AT = Cursor(1_700_000_000_000_000, 3, 5, 7)
_ALWAYS = {"organization", "instance"}
_FILTERED = Filter(["ACCEPTED"], 1, 2, "calls", "collector", "t-1", Search("some words", ("a-b",), ("7",)))


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(9, _AT), Wanted(9, _AT, is_newer=True), Wanted(skip=4)])
@pytest.mark.parametrize("page", ["by_time", "by_place"])
@pytest.mark.parametrize("scope", ["instance", "organization"])
def test_a_page_is_asked_with_all_that_is_given_and_nothing_else(wanted: Wanted, page: str, scope: str) -> None:
    given = frozenset({*_FILTERED.parameters, *getattr(wanted, page)})
    text = statement(f"{scope}_trail{wanted.suffix}", given)
    assert {*re.findall(r"\{(\w+):", text)} - _ALWAYS == given


@pytest.mark.parametrize(("is_newer", "order"), [(False, "DESC"), (True, "ASC")])
@pytest.mark.parametrize("scope", ["instance", "organization"])
def test_only_what_is_told_apart_by_its_place_is_sorted_by_it(scope: str, is_newer: bool, order: str) -> None:
    wanted = Wanted(9, _AT, is_newer=is_newer)
    by_time, exact = (
        " ".join(re.findall(r"(?:ORDER BY|,) \w+ (?:ASC|DESC)", statement(f"{scope}_trail{wanted.suffix}", given)))
        for given in (frozenset(wanted.by_time), frozenset(wanted.by_place))
    )
    assert by_time == f"ORDER BY received_at {order}"
    assert exact == f"{by_time} , partition {order} , offset {order} , position {order}"


@pytest.mark.parametrize("name", sorted(names()))
def test_no_directive_is_left_in_a_statement(name: str) -> None:
    assert not re.search("-- (include|filter by|given)", statement(name))


def test_each_filter_is_there_and_has_a_use() -> None:
    texts = [path.read_text() for path in (*QUERIES.glob("*.sql"), *PARTS.glob("*.sql"))]
    used = {name for text in texts for found in re.findall("-- filter by (.+)", text) for name in found.split()}
    assert used == {path.stem for path in (PARTS / "filters").glob("*.sql")}
