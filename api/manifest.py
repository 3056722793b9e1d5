"""The manifest of OpenFeature's command line (github.com/open-feature/cli), which writes typed accessors from it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import Field, WithJsonSchema

from api.auth import CatalogState
from api.feature_flags import Reader
from api.flag_shapes import VALUE
from api.json import ExactJson
from api.openapi import LOOKUP
from api.shapes import View
from catalog.flag_definition import Definition, FlagType
from catalog.flags import Flag, Flags, definition_of

#: What of the protocol is built; flags are written under `/feature-flags`, with all that they say.
_CAPABILITIES: Final = {"X-Manifest-Capabilities": "read"}

router = APIRouter(tags=["OpenFeature"])


class ManifestFlagView(View):
    key: str
    name: str
    type: Literal["boolean", "string", "integer", "float", "object"] = Field(
        description="A number is an `integer` where each of its variants is one."
    )
    description: str | None
    default_value: Annotated[Any, WithJsonSchema(VALUE)] = Field(
        description="What an application falls back to: the default variant's value; of a rollout, that of the "
        "variant that most get, or get at first."
    )


class ManifestView(View):
    flags: list[ManifestFlagView]


@router.get(
    "/openfeature/v0/manifest",
    response_model=ManifestView,
    operation_id="GetFeatureFlagManifest",
    responses=LOOKUP,
)
async def get_manifest(caller: Reader, catalog: CatalogState) -> Response:
    """Every flag with its type and default, for tools that generate typed accessors."""
    async with catalog.read(caller) as work:
        flags = [_shown(flag, definition_of(flag)) for flag in await Flags(work).all()]
    return ExactJson(ManifestView(flags=flags), headers=_CAPABILITIES)


def _shown(flag: Flag, definition: Definition) -> ManifestFlagView:
    return ManifestFlagView(
        key=flag.slug,
        name=flag.name,
        type=_type_of(definition),
        description=flag.description,
        default_value=definition.fallback.value,
    )


def _type_of(definition: Definition) -> Any:
    if definition.type is not FlagType.NUMBER:
        return definition.type.value
    return "integer" if all(isinstance(variant.value, int) for variant in definition.variants) else "float"
