"""OpenFeature's web SDK and OFREP provider, unchanged, under Node against the running pipeline."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from platformdirs import user_cache_path

from tests.clients.test_openfeature import make, on_where
from tests.pipeline import Pipeline
from tests.shop import sell

pytestmark = pytest.mark.integration

SOURCE = Path(__file__).parent / "openfeature_web"
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT")


@pytest.fixture(scope="module")
def modules() -> Path:
    """What the lock file names, installed into a cache once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node with npm")
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:12]
    directory = user_cache_path("tidemark") / "tests" / f"openfeature-web-{lock}"
    if not (directory / "installed").exists():
        install(directory)
    return directory / "node_modules"


def install(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, directory)
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    installed = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if any(reason in installed.stderr for reason in UNREACHABLE):
        pytest.skip(f"the npm registry cannot be reached: {installed.stderr[:200]}")
    assert installed.returncode == 0, installed.stderr
    (directory / "installed").touch()


@contextmanager
def page(modules: Path, directory: Path, **environment: str) -> Iterator[IO[str]]:
    """What the page tells, a line a step."""
    (directory / "node_modules").symlink_to(modules)
    script = shutil.copy(SOURCE / "watch.mjs", directory)
    environment = {"PATH": os.environ["PATH"], "NODE_NO_WARNINGS": "1", **environment}
    with subprocess.Popen(["node", script], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()


def told(lines: IO[str]) -> dict[str, Any]:
    step: dict[str, Any] = json.loads(lines.readline())
    return step


def test_a_page_polls_hears_nothing_new_and_then_of_an_edit(pipeline: Pipeline, modules: Path, tmp_path: Path) -> None:
    token = pipeline.new_organization("OpenFeature web")
    with pipeline.client(token) as client:
        sold = sell(client)
        rules = on_where(f"__kaiten.instance.slug == '{sold.instance}'")
        key = make(client, name="Page", targetings=rules)
        names = {"BASE_URL": pipeline.url, "TOKEN": token, "FLAG": key, "INSTANCE": sold.instance}
        with page(modules, tmp_path, **names) as lines:
            assert told(lines) == {
                "value": True,
                "variant": "on",
                "reason": "TARGETING_MATCH",
                "flagMetadata": {"matched_rule_name": "The rule"},
                "unknown": "FLAG_NOT_FOUND",
            }
            assert told(lines) == {"statuses": [200, 304]}
            edit(client, key, on_where("region == 'eu'"))
            assert told(lines) == {"changed": [key], "value": False}
            assert told(lines) == {"value": True}


def edit(client: Any, key: str, targetings: list[dict[str, str]]) -> None:
    read = client.get(f"/feature-flags/{key}").json()
    names = ("name", "type", "enabled", "variants", "default_variant")
    body = {**{name: read[name] for name in names}, "targetings": targetings}
    client.put(f"/feature-flags/{key}", json=body).raise_for_status()
