"""Fuzzing of the whole OpenAPI document by Schemathesis; `make fuzz` runs it until it has tried enough cases."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.pipeline import Pipeline, running_pipeline
from tests.tenants import IN_PATH, Tenant, furnish

#: Half of all names lead to something that there is: else most cases would end at a 404.
_KNOWN: Final = 0.5
_CHECKS: Final = """
continue-on-failure = true
warnings = false
request-timeout = 60

[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]  # 503: what is needed can't be reached in time
positive_data_acceptance.enabled = false  # what fits the schema may still contradict itself: 422 says where
unsupported_method.enabled = true

# Event streams never end; tests of their own drop and resume them.
[[operations]]
include-operation-id-regex = "^Stream"
enabled = false

# What was made is there; what else these name in their bodies may not be.
[[operations]]
include-operation-id = [
    "AddEntitlementGroupMember", "AssociateLicenseEntitlement", "CreateInstance", "UpdateEntitlement"
]
checks.ensure_resource_availability.enabled = false
"""


@dataclass(frozen=True)
class Outcome:
    """What a run tried and found; `told` is what Schemathesis printed, where that was kept."""

    cases: int
    is_clean: bool
    told: str = ""


def fuzz(
    pipeline: Pipeline, tenant: Tenant, token: str, directory: Path, *options: str, shows: bool = False
) -> Outcome:
    """Run Schemathesis with these options of `st run` on everything that the pipeline serves."""
    config, report = directory / "schemathesis.toml", directory / "report.json"
    config.write_text(_config(tenant), encoding="utf-8")
    command = [
        *(str(Path(sys.executable).with_name("st")), "--config-file", str(config)),
        *("run", f"{pipeline.url}/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *("--report", "json", "--report-json-path", str(report), "--generation-database", "none", *options),
        *("--workers", "1"),  # CPython 3.11 can't parse in two threads at once where one is deep in its stack
    ]
    done = subprocess.run(command, cwd=directory, stdout=None if shows else subprocess.PIPE, text=True, check=False)
    return Outcome(_cases(json.loads(report.read_text())), done.returncode == 0, done.stdout or "")


def _config(tenant: Tenant) -> str:
    known = {f"path.{parameter}": tenant.known[name] for parameter, name in IN_PATH.items()}
    bound = [(name, value, _KNOWN) for name, value in known.items()]
    # One that is not there is waited for, which is a test of its own.
    bound.append(("query.after_decision", tenant.known["decision.id"], 1))
    dictionaries = "\n".join(f'[dictionaries."{name}"]\nvalues = ["{value}"]' for name, value, _ in bound)
    parameters = "\n".join(f'"{name}" = {{ dictionary = "{name}", probability = {share} }}' for name, _, share in bound)
    return f"{_CHECKS}\n[parameters]\n{parameters}\n\n{dictionaries}\n"


def _cases(report: dict[str, Any]) -> int:
    generated: int = report["test_cases"]["generated"]
    return generated


def main() -> int:
    """Fuzz a pipeline of its own, round after round with other seeds, until enough cases were tried."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--examples", type=int, default=14, help="of each operation, each round")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    tried, seed = 0, wanted.seed
    with tempfile.TemporaryDirectory() as directory, running_pipeline(Path(directory) / "data") as pipeline:
        token = pipeline.new_organization("Fuzzed")
        with pipeline.client(token) as client:
            tenant = furnish(client)
        while tried < wanted.cases:
            options = ("--max-examples", str(wanted.examples), "--seed", str(seed))
            outcome = fuzz(pipeline, tenant, token, Path(directory), *options, shows=True)
            tried, seed = tried + outcome.cases, seed + 1
            sys.stdout.write(f"{tried:,} of {wanted.cases:,} cases tried\n")
            if not outcome.is_clean:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
