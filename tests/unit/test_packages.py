"""Every package is named wherever packages are: who installs or deploys would miss one that is left out."""

from __future__ import annotations

import re
import tomllib

from tests.pipeline import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_every_package_is_typed_and_under_the_import_contract() -> None:
    tools = PROJECT["tool"]
    layers = {package for layer in tools["importlinter"]["contracts"][0]["layers"] for package in layer.split(" | ")}
    assert tools["mypy"]["packages"] == tools["importlinter"]["root_packages"] == PACKAGES
    assert layers == {*PACKAGES}


def test_the_image_has_every_package() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sent = re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert copied == PACKAGES
    assert {*PACKAGES} <= {*sent}
