"""Slugs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.slugs import is_slug, slug_of


@pytest.mark.parametrize("text", ["ab", "a-b", "0" * 100, "a--b", "2-fast"])
def test_these_are_slugs(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize("text", ["", "a", "-a", "a-", "A1", "a b", "../x", "a\0b", "ab\n", "0" * 101, "é1", "a_b"])
def test_these_are_none(text: str) -> None:
    assert not is_slug(text)


@pytest.mark.parametrize(("name", "slug"), [("API Calls", "api-calls"), ("Zürich № 1", "zurich-no-1")])
def test_a_slug_reads_like_its_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(max_size=300))
def test_every_name_has_a_slug(name: str) -> None:
    assert is_slug(slug_of(name))
