"""OFREP, the OpenFeature Remote Evaluation Protocol (github.com/open-feature/protocol), and an instance's own flags."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from api.auth import CatalogState, requires
from api.flag_evaluation import evaluate_all, shown
from api.flag_shapes import EvaluationView
from api.json import ExactJson, ExactRoute, encode
from api.log import Log
from api.openapi import DECIDED_LOOKUP, problems
from api.pages import Windowed, paged
from api.paths import InstanceSlug
from api.shapes import PageView
from catalog.flag_context import context_of
from catalog.flag_evaluation import Evaluated
from catalog.instances import Instances
from catalog.principal import Principal
from catalog.repository import Page
from metering.problems import (
    FlagNotFound,
    Invalid,
    InvalidContext,
    MalformedJson,
    Problem,
    ResourceNotFound,
    TargetingKeyMissing,
)

Reader = Annotated[Principal, Depends(requires("read:feature_flags"))]
FlagKey = Annotated[str, Path(description="The flag's slug.")]

LARGEST_CONTEXT: Final = 65_536
_CODES: Final[Mapping[type[Problem], str]] = {
    FlagNotFound: "FLAG_NOT_FOUND",
    TargetingKeyMissing: "TARGETING_KEY_MISSING",
    InvalidContext: "INVALID_CONTEXT",
    MalformedJson: "PARSE_ERROR",
}


class ProtocolRoute(ExactRoute):
    """A route whose problems say, beside what all problems say, what OFREP wants: `errorCode` and `errorDetails`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_protocol(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                problem: Problem = InvalidContext("The context has to be a JSON object.")
                problem.extensions.update(_told(problem, request))
                raise problem from error
            except Invalid as error:
                problem = MalformedJson(error.detail, faults=error.faults)
                problem.extensions.update(_told(problem, request))
                raise problem from error
            except Problem as problem:
                problem.extensions.update(_told(problem, request))
                raise

        return handle_in_protocol


def _told(problem: Problem, request: Request) -> dict[str, Any]:
    named = {"key": key} if (key := request.path_params.get("key")) else {}
    return {**named, "errorCode": _CODES.get(type(problem), "GENERAL"), "errorDetails": problem.detail}


class EvaluationBody(BaseModel):
    """What the protocol may add some day is passed over."""

    model_config = ConfigDict(frozen=True)

    context: dict[str, Any] = Field(
        default_factory=dict,
        description="Who asks. Rules see every key of it by its name. `targetingKey` is what rollouts go by; "
        "`kaiten.instanceSlug` names the instance whose facts rules see, and `tenantSlug` may.",
        examples=[{"targetingKey": "user-1", "tenantSlug": "acme-prod", "region": "eu"}],
    )


class FailureView(BaseModel):
    """Why a flag has no value."""

    key: str
    error_code: str = Field(alias="errorCode")
    error_details: str = Field(alias="errorDetails")


class BulkView(BaseModel):
    flags: list[EvaluationView | FailureView]


router = APIRouter(tags=["OpenFeature"])
protocol = APIRouter(prefix="/ofrep/v1/evaluate/flags", route_class=ProtocolRoute)
_PROBLEMS: Final = problems(400, 401, 403, 413, 415, 422, 429, 503)


@router.get(
    "/instances/{instanceSlug}/feature-flags",
    response_model=PageView[EvaluationView],
    operation_id="ListInstanceFeatureFlags",
    responses=DECIDED_LOOKUP,
)
async def list_instance_flags(
    slug: InstanceSlug, caller: Reader, catalog: CatalogState, log: Log, window: Windowed
) -> Response:
    """Every flag as this instance gets it: what OFREP answers when the context names the instance and nothing else."""
    async with catalog.read(caller) as work:
        await Instances(work).get(slug)
    context = context_of({"targetingKey": slug, "tenantSlug": slug, "kaiten": {"instanceSlug": slug}})
    rest = [flag for flag in await catalog.flags.all(caller.organization_id) if flag.key > (window.after or "")]
    try:
        outcomes = await evaluate_all(catalog, log, caller, rest[: window.limit], context)
    except InvalidContext as error:  # it names nothing but the instance, which was edited meanwhile
        raise ResourceNotFound("Instance", slug) from error
    return paged(Page(outcomes, len(rest) > window.limit), EvaluationView, slug=lambda evaluated: evaluated.key)


@protocol.post("/{key}", response_model=EvaluationView, operation_id="EvaluateFlag", responses=_PROBLEMS)
async def evaluate_flag(
    key: FlagKey, caller: Reader, catalog: CatalogState, log: Log, body: EvaluationBody | None = None
) -> Response:
    """One flag's value for whoever the context says asks."""
    flags = await catalog.flags.all(caller.organization_id)
    if (flag := next((flag for flag in flags if flag.key == key), None)) is None:
        raise FlagNotFound(f"There is no feature flag {key!r} in this organization.")
    (outcome,) = await evaluate_all(catalog, log, caller, [flag], context_of(_given(body)))
    if isinstance(outcome, TargetingKeyMissing):
        raise outcome
    return ExactJson(shown(outcome))


@protocol.post(
    "",
    response_model=BulkView,
    operation_id="EvaluateFlags",
    responses={304: {"description": "The flags are what `If-None-Match` names"}, **_PROBLEMS},
)
async def evaluate_flags(
    caller: Reader,
    catalog: CatalogState,
    log: Log,
    body: EvaluationBody | None = None,
    if_none_match: Annotated[str | None, Header(description="The `ETag` of an answer that is known.")] = None,
) -> Response:
    """Every flag's value for whoever the context says asks, with an `ETag` to ask again by."""
    flags = await catalog.flags.all(caller.organization_id)
    outcomes = await evaluate_all(catalog, log, caller, flags, context_of(_given(body)))
    answer = encode({"flags": [shown(one) if isinstance(one, Evaluated) else _failure(one) for one in outcomes]})
    tag = f'"{blake2b(answer, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _names(if_none_match or "", tag):
        return Response(status_code=304, headers=headers)
    return Response(answer, media_type="application/json", headers=headers)


router.include_router(protocol)


def _given(body: EvaluationBody | None) -> Mapping[str, Any]:
    context = body.context if body else {}
    if (size := len(encode(context))) > LARGEST_CONTEXT:
        raise InvalidContext(f"The context has {size} bytes; {LARGEST_CONTEXT} are allowed.")
    return context


def _failure(missing: TargetingKeyMissing) -> dict[str, Any]:
    return {"key": missing.extensions["key"], "errorCode": _CODES[type(missing)], "errorDetails": missing.detail}


def _names(if_none_match: str, tag: str) -> bool:
    """Weakly compared, as If-None-Match is (RFC 9110, 13.1.2)."""
    known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in known or tag in known
