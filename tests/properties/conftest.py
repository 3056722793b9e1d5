"""Hypothesis profiles: quick and repeatable by default; `HYPOTHESIS_PROFILE=deep` searches on, anew each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=150, deadline=None, derandomize=True, database=None)
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
