"""`tidemark token` and `tidemark organization`: who may call, at the catalog itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from rich.table import Table

from catalog import operator
from catalog.database import Database, open_database
from catalog.tokens import Token
from tidemark.failures import catalog_in_words
from tidemark.settings import Settings

T = TypeVar("T")


def create_organization(settings: Settings, name: str) -> str:
    """The plaintext of the first token of a new organization."""
    return in_catalog(settings, lambda it: operator.create_organization(it, name))


def create(settings: Settings, name: str, scopes: list[str] | None) -> str:
    """The plaintext of a new token; of every scope when none is named."""
    _, secret = in_catalog(settings, lambda it: operator.create_token(it, name, scopes or operator.ALL_SCOPES))
    return secret


def table(settings: Settings) -> Table:
    shown = Table("Slug", "Name", "Scopes", "Created", "State")
    for token in in_catalog(settings, operator.list_tokens):
        shown.add_row(token.slug, token.name, " ".join(token.scopes), f"{token.created_at:%Y-%m-%d}", _state(token))
    return shown


def revoke(settings: Settings, slug: str) -> None:
    in_catalog(settings, lambda it: operator.revoke_token(it, slug))


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        return "expired"
    return "valid"


def in_catalog(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` returns, done on the catalog of these settings. Raises `CannotRun` where it does not answer."""
    with catalog_in_words():
        return asyncio.run(_work(settings, work))


async def _work(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    database = open_database(settings.catalog_url)
    try:
        return await work(database)
    finally:
        await database.close()
