"""Scopes: what a token may do."""

from __future__ import annotations

import pytest

from catalog.principal import Principal
from metering.problems import MissingScope


def _holding(*scopes: str) -> Principal:
    return Principal("organization", "account", "Account", "token", "token", frozenset(scopes))


@pytest.mark.parametrize("held", ["read:customers", "write:customers", "read:*", "write:*"])
def test_reading_takes_reading_or_writing(held: str) -> None:
    assert _holding(held).holds("read:customers")


@pytest.mark.parametrize("held", ["read:customers", "read:*", "write:instances"])
def test_writing_takes_writing_of_that_module(held: str) -> None:
    with pytest.raises(MissingScope):
        _holding(held).require("write:customers")


def test_a_token_without_scopes_may_do_nothing() -> None:
    assert not _holding().holds("read:customers")


def test_only_a_holder_of_everything_holds_everything() -> None:
    assert _holding("write:*").holds("write:*")
    assert not _holding("write:customers").holds("write:*")
    assert not _holding("write:customers").holds("read:*")
