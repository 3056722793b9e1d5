"""The OpenAPI document as it was reviewed: whoever changes the contract changes `docs/openapi.json` with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.pipeline import ROOT
from tests.tenants import operations
from tidemark.http import compose
from tidemark.parts import Parts
from tidemark.settings import Settings


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return compose(Settings(), Parts()).openapi()


def test_the_document_is_the_one_that_was_reviewed(document: dict[str, Any]) -> None:
    reviewed = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert json.loads(json.dumps(document)) == reviewed, "renew it with `make openapi`, and let the change be reviewed"


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert validate(document) is None


def test_no_schema_is_named_after_a_module(document: dict[str, Any]) -> None:
    """Two classes of one name are told apart by where they are defined: generated clients would be called so."""
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bodies = [
        (one.name, one.described["requestBody"]) for one in operations(document) if "requestBody" in one.described
    ]
    assert [name for name, body in bodies if "example" not in body["content"]["application/json"]] == []


def test_the_examples_of_answers_are_what_their_schemas_describe(document: dict[str, Any]) -> None:
    answers = [one.described["responses"].get("200", {}).get("content", {}) for one in operations(document)]
    shown = [content["application/json"] for content in answers if "example" in content.get("application/json", {})]
    for one in shown:
        described = {**one["schema"], "components": document["components"]}
        assert [error.message for error in OAS31Validator(described).iter_errors(one["example"])] == []
    assert len(shown) >= 3


def test_exact_numbers_are_described_as_numbers(document: dict[str, Any]) -> None:
    """Found by fuzzing: pydantic describes a decimal as a text."""
    schemas = document["components"]["schemas"]
    for name, field in (("PayloadView", "before"), ("LinkView", "limitCapExceededOveragePercent")):
        assert schemas[name]["properties"][field]["type"] == "number"


def test_every_link_leads_to_an_operation_and_to_parameters_that_it_has(document: dict[str, Any]) -> None:
    by_name = {operation.name: operation for operation in operations(document)}
    links = [
        one
        for operation in by_name.values()
        for response in operation.described["responses"].values()
        for one in response.get("links", {}).values()
    ]
    for one in links:
        target = by_name[one["operationId"]]
        assert one.get("parameters", {}).keys() <= set(target.path_parameters)
        assert one.keys() & {"parameters", "requestBody"}
    assert len(links) > 30


def test_every_operation_tells_the_problems_that_any_has(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert {"400", "401", "403", "408", "429", "431", "500", "503"} <= operation.described["responses"].keys()
