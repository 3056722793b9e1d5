"""Bodies: what is JSON, and what is wrong with what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.body import ensure_json, ensure_unique_names, why_malformed
from metering.problems import Invalid, MalformedJson, UnsupportedMediaType

NAMES = st.sampled_from(["a", "b", ":", '"', "\\", "é", ""])
OBJECTS = st.recursive(
    st.one_of(st.integers(), NAMES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple)),
    max_leaves=8,
)


def written(value: object, *, ascii_only: bool) -> str:
    if isinstance(value, tuple):
        pairs = (f"{json.dumps(k, ensure_ascii=ascii_only)} : {written(v, ascii_only=ascii_only)}" for k, v in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(v, ascii_only=ascii_only) for v in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def has_twice(value: object) -> bool:
    if isinstance(value, tuple):
        return len({k for k, _ in value}) < len(value) or any(has_twice(v) for _, v in value)
    return isinstance(value, list) and any(map(has_twice, value))


@given(OBJECTS, st.booleans())
def test_a_name_that_stands_twice_in_one_object_is_found_however_it_is_written(value: object, ascii_only: bool) -> None:
    found = False
    try:
        ensure_unique_names(written(value, ascii_only=ascii_only).encode())
    except MalformedJson:
        found = True
    assert found == has_twice(value)


@pytest.mark.parametrize(
    "declared", [None, "application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"]
)
def test_a_body_is_json_when_it_says_so_or_nothing(declared: str | None) -> None:
    assert ensure_json(declared) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("declared", ["", "text/plain", "application/x-www-form-urlencoded", "json", "text/x+json"])
def test_a_body_that_says_to_be_something_else_is_refused(declared: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        ensure_json(declared)


@pytest.mark.parametrize("coding", ["gzip", "identity, br", "\xff"])
def test_a_compressed_body_is_refused_as_such(coding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="sent as it is") as refused:
        ensure_json("application/json", coding)
    assert refused.value.headers == {"Accept-Encoding": "identity"}


@pytest.mark.parametrize("coding", [None, "", "identity", " Identity "])
def test_a_body_that_is_sent_as_it_is_may_say_so(coding: str | None) -> None:
    assert ensure_json("application/json", coding) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"{", MalformedJson, "is not JSON"),
        (b'{"a": NaN}', Invalid, "no NaN"),
        (b'{"a": "\\ud800"}', MalformedJson, "half of a surrogate pair"),
        (b'{"a": "\\ud83d\\ude00"', MalformedJson, "is not JSON"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, kind: type, words: str) -> None:
    problem = why_malformed(body, ValueError("why"))
    assert isinstance(problem, kind)
    assert words in problem.detail
