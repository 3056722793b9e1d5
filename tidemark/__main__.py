"""`python -m tidemark` is the command."""

from __future__ import annotations

from tidemark.cli import app

app(prog_name="tidemark")
