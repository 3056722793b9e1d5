"""Service accounts, and their tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, Field

from api.auth import CatalogState, requires
from api.fields import Moment
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import AccountSlug, TokenSlug
from api.shapes import AuthorView, NamedBody, PageView, StampedView
from catalog.accounts import Account, Accounts
from catalog.principal import SCOPES, Principal
from catalog.tokens import Token, Tokens, new_secret
from catalog.work import Work

Reader = Annotated[Principal, Depends(requires("read:tokens"))]
Writer = Annotated[Principal, Depends(requires("write:tokens"))]

router = APIRouter(prefix="/service-accounts", tags=["Service accounts"], route_class=ExactRoute)


def _known_scope(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError("is no scope")
    return scope


def _in_future(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("must lie in the future")
    return moment


class AccountBody(NamedBody):
    pass


class AccountView(StampedView):
    name: str
    slug: str
    #: The published clients want the key; the tokens have a list of their own.
    tokens: None = None


class TokenBody(NamedBody):
    scopes: list[Annotated[str, AfterValidator(_known_scope)]] = Field(min_length=1, max_length=len(SCOPES))
    expires_at: Annotated[Moment, AfterValidator(_in_future)] | None = None


class TokenView(StampedView):
    name: str
    slug: str
    scopes: list[str]
    account_id: str = Field(alias="serviceAccountId")
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: AuthorView | None


class IssuedView(TokenView):
    token: str = Field(default="", description="The plaintext, shown this once.")


@router.get("", response_model=PageView[AccountView], operation_id="ListServiceAccounts", responses=LOOKUP)
async def list_accounts(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Accounts(work).page(window.limit, window.after), AccountView)


@router.post("", status_code=201, response_model=AccountView, operation_id="CreateServiceAccount", responses=EDIT)
async def create_account(body: AccountBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        account = await Accounts(work).create(Account(**body.to_create()))
    return ExactJson(AccountView.model_validate(account), 201)


@router.get("/{serviceAccountSlug}", response_model=AccountView, operation_id="GetServiceAccount", responses=LOOKUP)
async def get_account(account_slug: AccountSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(AccountView.model_validate(await Accounts(work).get(account_slug)))


@router.put("/{serviceAccountSlug}", status_code=204, operation_id="UpdateServiceAccount", responses=EDIT)
async def update_account(account_slug: AccountSlug, body: AccountBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        accounts = Accounts(work)
        await accounts.update(await accounts.get(account_slug), body.to_replace())


@router.get(
    "/{serviceAccountSlug}/tokens", response_model=PageView[TokenView], operation_id="ListTokens", responses=LOOKUP
)
async def list_tokens(account_slug: AccountSlug, caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await (await _tokens(work, account_slug)).page(window.limit, window.after), TokenView)


@router.post(
    "/{serviceAccountSlug}/tokens",
    status_code=201,
    response_model=IssuedView,
    operation_id="CreateToken",
    responses=EDIT,
)
async def create_token(account_slug: AccountSlug, body: TokenBody, caller: Writer, catalog: CatalogState) -> Response:
    for scope in body.scopes:
        caller.require(scope)  # nobody hands out more than they hold
    secret = new_secret()
    async with catalog.edit(caller) as work:
        tokens = await _tokens(work, account_slug)
        issued = await tokens.issue(Token(**body.to_create()), secret)
    shown = IssuedView.model_validate(issued).model_copy(update={"token": secret})
    return ExactJson(shown, 201, {"Cache-Control": "no-store"})


@router.delete("/{serviceAccountSlug}/tokens/{tokenSlug}", status_code=204, operation_id="DeleteToken", responses=EDIT)
async def delete_token(account_slug: AccountSlug, token_slug: TokenSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        tokens = await _tokens(work, account_slug)
        await tokens.revoke(await tokens.get(token_slug))


async def _tokens(work: Work, account_slug: str) -> Tokens:
    return Tokens(work, await Accounts(work).get(account_slug))
