"""Tokens: the secrets that service accounts call with. Only their hashes are kept; each is shown once."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import ForeignKey, LargeBinary, Select, String, UniqueConstraint, Uuid, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from catalog.accounts import Account
from catalog.cache import Cache
from catalog.columns import ExactJson, UtcDateTime
from catalog.database import Database
from catalog.model import Author, Resource
from catalog.principal import Principal
from catalog.rate import RateLimit
from catalog.repository import Repository
from catalog.work import Work
from metering.problems import Unauthenticated

PREFIX: Final = "tdm_"
_SECRET_BYTES: Final = 32


class Token(Resource):
    """Its slug is unique within its account. A revoked token stays, for the record."""

    __tablename__ = "tokens"
    noun = "Token"

    account_id: Mapped[str] = mapped_column(ForeignKey("service_accounts.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(ExactJson)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    revoked_by_name: Mapped[str | None] = mapped_column(String(200))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[SchemaItem, ...]:  # noqa: N805
        return (UniqueConstraint("account_id", "slug"),)

    @property
    def revoked_by(self) -> Author | None:
        return Author(self.revoked_by_id, self.revoked_by_name or "") if self.revoked_by_id else None


class Tokens(Repository[Token]):
    """The tokens of one account."""

    model = Token

    def __init__(self, work: Work, account: Account) -> None:
        super().__init__(work)
        self.account = account

    def owned(self) -> Select[Token]:
        return super().owned().where(Token.account_id == self.account.id)

    async def issue(self, token: Token, secret: str) -> Token:
        """Store the token whose plaintext is `secret`. Raises `SlugTaken`."""
        token.account_id, token.digest = self.account.id, digest_of(secret)
        return await self.create(token)

    async def revoke(self, token: Token) -> None:
        """In force at once here, and within a second on every replica. Revoking twice changes nothing."""
        if token.revoked_at is None:
            by = self.work.principal
            values = {"revoked_at": self.work.now, "revoked_by_id": by.account_id, "revoked_by_name": by.account_name}
            await self.update(token, values)


def new_secret() -> str:
    """The plaintext of a new token, which nobody can guess; it is shown once and stored nowhere."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """What is stored of a token. One hash is enough: a secret of so many random bytes can't be tried out."""
    return sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: float


class Authenticator:
    """Turns an `Authorization` header into the principal behind it."""

    def __init__(
        self,
        database: Database,
        *,
        size: int = 10_000,
        clock: Callable[[], float] = time.time,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self._database = database
        self._rate_limit = rate_limit
        self._cache: Cache[bytes, _Known] = Cache(size)
        self._clock = clock

    async def admit(self, authorization: str | None) -> Principal:
        """The principal of one request. Raises `Unauthenticated`, and `RateLimitExceeded` where its token's is."""
        principal = self.cached(authorization) or await self.authenticate(authorization)
        if self._rate_limit is not None:
            self._rate_limit.count(principal.token_id)
        return principal

    def cached(self, authorization: str | None) -> Principal | None:
        """The principal, if this token was seen before and nothing of it was edited since. No I/O."""
        secret = _bearer(authorization)
        known = self._cache.get(digest_of(secret)) if secret else None
        return known.principal if known is not None and self._clock() < known.expires_at else None

    async def authenticate(self, authorization: str | None) -> Principal:
        """Raises `Unauthenticated` for a token that is missing, unknown, expired or revoked, without saying which."""
        if principal := self.cached(authorization):
            return principal
        secret, generation = _bearer(authorization), self._cache.generation
        if not secret:
            raise Unauthenticated("This needs an Authorization header with a bearer token.")
        digest = digest_of(secret)
        async with self._database.session() as session:
            token, account = await _holder(session, digest)
        principal = _principal(token, account)
        expires_at = token.expires_at.timestamp() if token.expires_at else float("inf")
        if self._clock() >= expires_at:
            raise _refused()
        known = _Known(principal, expires_at)
        self._cache.put(digest, known, subjects=(token.id, account.id), generation=generation)
        return principal

    def evict(self, subject: str) -> None:
        self._cache.evict(subject)

    def clear(self) -> None:
        self._cache.clear()


def _bearer(authorization: str | None) -> str:
    scheme, _, secret = (authorization or "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


async def _holder(session: AsyncSession, digest: bytes) -> tuple[Token, Account]:
    held = select(Token, Account).join(Account, Account.id == Token.account_id).where(Token.digest == digest)
    found = (await session.execute(held)).one_or_none()
    if found is None or not hmac.compare_digest(found[0].digest, digest) or found[0].revoked_at is not None:
        raise _refused()
    return found[0], found[1]


def _principal(token: Token, account: Account) -> Principal:
    return Principal(token.organization_id, account.id, account.name, token.id, token.slug, frozenset(token.scopes))


def _refused() -> Unauthenticated:
    return Unauthenticated("The token is unknown, expired or revoked.")
