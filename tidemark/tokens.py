"""`tidemark token` and `tidemark organization`: who may call, at the catalog itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from rich.table import Column, Table

from catalog import operator
from catalog.database import Database, open_database
from catalog.operator import Holder
from catalog.tokens import PREFIX, Token
from tidemark.failures import catalog_in_words
from tidemark.preflight import check_catalog
from tidemark.settings import Settings

T = TypeVar("T")


def create_organization(settings: Settings, name: str) -> str:
    """The plaintext of the first token of a new organization."""
    return in_catalog(settings, lambda it: operator.create_organization(it, name))


def create(settings: Settings, name: str, scopes: list[str] | None, holder: Holder) -> str:
    """The plaintext of a new token; of every scope when none is named."""
    wanted = scopes or operator.ALL_SCOPES
    _, secret = in_catalog(settings, lambda it: operator.create_token(it, name, wanted, holder=holder))
    return secret


def table(settings: Settings, organization: str) -> Table:
    shown = Table(copied("Account"), copied("Slug"), "Name", "Scopes", "Created", "State")
    for account, token in in_catalog(settings, lambda it: operator.list_tokens(it, organization)):
        created = f"{token.created_at:%Y-%m-%d}"
        shown.add_row(account.slug, token.slug, token.name, " ".join(token.scopes), created, _state(token))
    return shown


def revoke(settings: Settings, slug_or_secret: str, holder: Holder) -> None:
    """No slug looks like a secret."""
    if slug_or_secret.startswith(PREFIX):
        in_catalog(settings, lambda it: operator.revoke_secret(it, slug_or_secret))
    else:
        in_catalog(settings, lambda it: operator.revoke_token(it, slug_or_secret, holder))


def copied(heading: str) -> Column:
    """A column of what is typed again elsewhere: broken where the terminal is narrow, but never cut off."""
    return Column(heading, overflow="fold")


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        return "expired"
    return "valid"


def in_catalog(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` returns, done on the catalog of these settings. Raises `CannotRun` where none is, or answers."""
    check_catalog(settings)
    with catalog_in_words():
        return asyncio.run(_work(settings, work))


async def _work(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    database = open_database(settings.catalog_url)
    try:
        return await work(database)
    finally:
        await database.close()
