"""What the operator does from the command line: organizations, and the tokens of any."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import work
from catalog.accounts import Account
from catalog.database import Database
from catalog.model import new_id
from catalog.organizations import Organization
from catalog.principal import SCOPES, Principal
from catalog.slugs import slug_of
from catalog.tokens import Token, Tokens, digest_of, new_secret
from metering.problems import Fault, Invalid, ResourceNotFound, SlugTaken

ORGANIZATION: Final = "default"
ACCOUNT: Final = "admin"
ALL_SCOPES: Final = ("read:*", "write:*")


@dataclass(frozen=True)
class Holder:
    """Whose a token is: a service account's, by its slug and its organization's."""

    organization: str = ORGANIZATION
    account: str = ACCOUNT


FIRST: Final = Holder()


async def ensure_first_organization(database: Database, token: str | None = None) -> str | None:
    """Make organization "default" with service account "admin" and a token of all scopes, where there is none.

    Returns the plaintext of the token that it stored: `token`, or one of its own making. With `token` given, makes
    sure that there is such a token, beside whatever others there are; revoked, it stays revoked.
    """
    async with database.edit() as session:
        account = await session.scalar(_account(FIRST))
        if account is None:
            account = await _found(session, ORGANIZATION, "Default")
        elif token is None or await session.scalar(select(Token.id).where(Token.digest == digest_of(token))):
            return None
        return await _issue_first(session, account, token or new_secret())


async def create_organization(database: Database, name: str) -> str:
    """Make an organization with service account "admin"; returns the plaintext of its first token, of all scopes.

    Raises `SlugTaken` for a name that another organization has.
    """
    if not name.strip() or not name.isprintable():
        raise Invalid("An organization needs a name that can be read.", faults=[Fault("name", "not a name", name)])
    async with database.edit() as session:
        slug = slug_of(name)
        if await session.scalar(select(Organization.id).where(Organization.slug == slug)):
            raise SlugTaken("Organization", slug)
        return await _issue_first(session, await _found(session, slug, name), new_secret())


async def list_organizations(database: Database) -> Sequence[Organization]:
    """All of them, by their slugs."""
    async with database.session() as session:
        return (await session.scalars(select(Organization).order_by(Organization.slug))).all()


async def set_audit_retention(database: Database, slug: str, days: int | None) -> None:
    """Keep the organization's audit events for so many days; None: for ever. Raises `ResourceNotFound`, `Invalid`."""
    if days is not None and days < 1:
        raise Invalid("Audit events are kept for a day at least.", faults=[Fault("days", "too few", days)])
    async with database.edit() as session:
        organization = await session.scalar(select(Organization).where(Organization.slug == slug))
        if organization is None:
            raise ResourceNotFound("Organization", slug)
        organization.audit_retention_days = days
        organization.updated_at = datetime.now(UTC)


async def list_tokens(database: Database, organization: str = ORGANIZATION) -> Sequence[tuple[Account, Token]]:
    """The tokens of an organization with their accounts, revoked ones too, oldest first. Raises `ResourceNotFound`."""
    async with database.session() as session:
        await _ensure_organization(session, organization)
        issued = _held().where(Organization.slug == organization).order_by(Token.created_at, Token.slug)
        return [(account, token) for account, token in await session.execute(issued)]


async def create_token(
    database: Database,
    name: str,
    scopes: Iterable[str] = ALL_SCOPES,
    expires_at: datetime | None = None,
    holder: Holder = FIRST,
) -> tuple[Token, str]:
    """A new token of the holder, and its plaintext. Raises `ResourceNotFound`, `SlugTaken`, `Invalid`."""
    scopes = sorted(set(scopes))
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        detail = f"There is no scope {', '.join(map(repr, unknown))}; there are {', '.join(sorted(SCOPES))}."
        raise Invalid(detail, faults=[Fault("scopes", "unknown", scope) for scope in unknown])
    async with _administered(database, holder) as tokens:
        secret = new_secret()
        token = Token(name=name, slug=slug_of(name), scopes=scopes, expires_at=expires_at)
        return await tokens.issue(token, secret), secret


async def revoke_token(database: Database, slug: str, holder: Holder = FIRST) -> None:
    """In force within a second on every replica. Raises `ResourceNotFound`."""
    async with _administered(database, holder) as tokens:
        await tokens.revoke(await tokens.get(slug))


async def revoke_secret(database: Database, secret: str) -> None:
    """Revoke the token whose plaintext this is, whoever's it is: a leak shows no name. Raises `ResourceNotFound`."""
    async with database.session() as session:
        found = (await session.execute(_held().where(Token.digest == digest_of(secret)))).one_or_none()
    if found is None:
        raise ResourceNotFound("Token", f"{secret[:8]}…")
    account, token = found
    async with work.edit(database, _principal(account)) as edited:
        tokens = Tokens(edited, account)
        await tokens.revoke(await tokens.get(token.slug))


@asynccontextmanager
async def _administered(database: Database, holder: Holder) -> AsyncIterator[Tokens]:
    async with database.session() as session:
        await _ensure_organization(session, holder.organization)
        account = await session.scalar(_account(holder))
    if account is None:
        raise ResourceNotFound("ServiceAccount", holder.account)
    async with work.edit(database, _principal(account)) as edited:
        yield Tokens(edited, account)


async def _ensure_organization(session: AsyncSession, slug: str) -> None:
    if await session.scalar(select(Organization.id).where(Organization.slug == slug)) is None:
        raise ResourceNotFound("Organization", slug)


def _held() -> Select[Account, Token]:
    joined = select(Account, Token).join(Token, Token.account_id == Account.id)
    return joined.join(Organization, Organization.id == Account.organization_id)


def _account(holder: Holder) -> Select[Account]:
    joined = select(Account).join(Organization, Organization.id == Account.organization_id)
    return joined.where(Organization.slug == holder.organization, Account.slug == holder.account)


def _admin_of(organization_id: str) -> Account:
    account = Account(id=new_id(), organization_id=organization_id, slug=ACCOUNT, name="Admin")
    work.stamp(account, _principal(account), datetime.now(UTC))
    return account


async def _found(session: AsyncSession, slug: str, name: str) -> Account:
    """A new organization's first service account."""
    account = _admin_of(new_id())
    organization = Organization(id=account.organization_id, slug=slug, name=name)
    work.stamp(organization, _principal(account), account.created_at)
    session.add(organization)
    await session.flush()
    session.add(account)
    return account


async def _issue_first(session: AsyncSession, account: Account, secret: str) -> str:
    tokens = Tokens(work.Work(session, _principal(account), account.created_at), account)
    await tokens.issue(Token(name="First", slug=f"first-{new_id()[:8]}", scopes=list(ALL_SCOPES)), secret)
    return secret


def _principal(account: Account) -> Principal:
    scopes = frozenset(ALL_SCOPES)
    return Principal(account.organization_id, account.id, account.name, "", "operator", scopes)
