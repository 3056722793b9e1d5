"""What the operator does from the command line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from catalog.catalog import Catalog
from catalog.operator import (
    Holder,
    create_organization,
    create_token,
    ensure_first_organization,
    list_organizations,
    list_tokens,
    revoke_secret,
    revoke_token,
    set_audit_retention,
)
from metering.problems import Invalid, ResourceNotFound, SlugTaken, Unauthenticated


async def test_the_first_organization_is_made_once(catalog: Catalog) -> None:
    token = await ensure_first_organization(catalog.database)
    assert token is not None
    principal = await catalog.authenticator.authenticate(f"Bearer {token}")
    assert (principal.account_name, principal.scopes) == ("Admin", {"read:*", "write:*"})
    assert await ensure_first_organization(catalog.database) is None


async def test_of_many_that_start_at_once_one_makes_it(catalog: Catalog, other_replica: Catalog) -> None:
    starts = [ensure_first_organization(one.database) for one in (catalog, other_replica) * 4]
    made = [token for token in await asyncio.gather(*starts) if token]
    assert len(made) == 1


async def test_a_given_token_is_made_sure_of(catalog: Catalog) -> None:
    for given in ("tdm_" + "a" * 43, "tdm_" + "b" * 43):
        assert await ensure_first_organization(catalog.database, given) == given
        assert await ensure_first_organization(catalog.database, given) is None
        assert await catalog.authenticator.authenticate(f"Bearer {given}")


async def test_a_revoked_token_stays_revoked_though_it_is_given_again(catalog: Catalog) -> None:
    given = "tdm_" + "a" * 43
    await ensure_first_organization(catalog.database, given)
    [(_, first)] = await list_tokens(catalog.database)
    await revoke_token(catalog.database, first.slug)
    assert await ensure_first_organization(catalog.database, given) is None
    with pytest.raises(Unauthenticated):
        await catalog.authenticator.authenticate(f"Bearer {given}")


async def test_tokens_are_created_listed_and_revoked(catalog: Catalog, token: str) -> None:
    expires_at = datetime.now(UTC) + timedelta(days=1)
    issued, secret = await create_token(catalog.database, "CI", ["read:*"], expires_at)
    assert (issued.slug, issued.scopes) == ("ci", ["read:*"])
    assert (await catalog.authenticator.authenticate(f"Bearer {secret}")).scopes == {"read:*"}
    await revoke_token(catalog.database, "ci")
    (_, first), (_, second) = await list_tokens(catalog.database)
    assert (first.revoked_at, second.revoked_at is not None, second.expires_at) == (None, True, expires_at)


async def test_an_organization_that_lost_its_tokens_gets_another(catalog: Catalog, token: str) -> None:
    await create_organization(catalog.database, "Other Company")
    _, secret = await create_token(catalog.database, "Again", holder=Holder("other-company"))
    theirs = await catalog.authenticator.authenticate(f"Bearer {secret}")
    [(account, first), (_, again)] = await list_tokens(catalog.database, "other-company")
    assert (account.slug, theirs.account_id, again.slug) == ("admin", account.id, "again")
    await revoke_token(catalog.database, first.slug, Holder("other-company"))
    assert [one.slug for _, one in await list_tokens(catalog.database)] != [first.slug, "again"]


async def test_a_leaked_token_is_revoked_by_itself_whoever_it_is_of(catalog: Catalog, token: str) -> None:
    leaked = await create_organization(catalog.database, "Other Company")
    for _ in range(2):
        await revoke_secret(catalog.database, leaked)
        catalog.authenticator.clear()
        with pytest.raises(Unauthenticated):
            await catalog.authenticator.authenticate(f"Bearer {leaked}")
    assert await catalog.authenticator.authenticate(f"Bearer {token}")
    with pytest.raises(ResourceNotFound, match="tdm_nobo…"):
        await revoke_secret(catalog.database, "tdm_nobodys")


@pytest.mark.parametrize("holder", [Holder("nowhere"), Holder(account="nobody")])
async def test_who_is_not_there_has_no_tokens(catalog: Catalog, token: str, holder: Holder) -> None:
    with pytest.raises(ResourceNotFound):
        await create_token(catalog.database, "CI", holder=holder)
    with pytest.raises(ResourceNotFound):
        await list_tokens(catalog.database, "nowhere")


async def test_what_cannot_be_done_is_refused(catalog: Catalog, token: str) -> None:
    await create_token(catalog.database, "CI")
    with pytest.raises(SlugTaken):
        await create_token(catalog.database, "CI")
    with pytest.raises(Invalid):
        await create_token(catalog.database, "Other", ["read:everything"])
    with pytest.raises(ResourceNotFound):
        await revoke_token(catalog.database, "nothing")


async def test_a_second_organization_has_a_first_token_of_its_own(catalog: Catalog, token: str) -> None:
    secret = await create_organization(catalog.database, "Other Company")
    theirs = await catalog.authenticator.authenticate(f"Bearer {secret}")
    ours = await catalog.authenticator.authenticate(f"Bearer {token}")
    assert theirs.organization_id != ours.organization_id
    with pytest.raises(SlugTaken):
        await create_organization(catalog.database, "Other Company")


async def test_how_long_audit_events_are_kept_is_set_and_taken_back(catalog: Catalog) -> None:
    await create_organization(catalog.database, "Keeps Little")
    await set_audit_retention(catalog.database, "keeps-little", 30)
    assert await _retention(catalog, "keeps-little") == 30
    await set_audit_retention(catalog.database, "keeps-little", None)
    assert await _retention(catalog, "keeps-little") is None


async def test_retention_is_of_an_organization_that_there_is_and_of_a_day_at_least(catalog: Catalog) -> None:
    with pytest.raises(ResourceNotFound):
        await set_audit_retention(catalog.database, "nobody", 30)
    with pytest.raises(Invalid):
        await set_audit_retention(catalog.database, "nobody", 0)


async def _retention(catalog: Catalog, slug: str) -> int | None:
    found = {one.slug: one.audit_retention_days for one in await list_organizations(catalog.database)}
    return found[slug]
