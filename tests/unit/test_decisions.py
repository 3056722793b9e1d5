"""The records of what was decided can be named by their numbers."""

from __future__ import annotations

import re
from pathlib import Path

RECORDS = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("[0-9]*.md"))


def test_no_two_records_have_one_number_and_none_is_missing() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(len(RECORDS)))


def test_each_record_is_headed_by_its_number() -> None:
    headed = {record.name: record.read_text().splitlines()[0] for record in RECORDS[1:]}
    assert {name: heading for name, heading in headed.items() if not heading.startswith(f"# {name[:4]}. ")} == {}


def test_each_record_has_what_the_template_asks_for() -> None:
    template, *records = (set(re.findall(r"^## .*", record.read_text(), re.MULTILINE)) for record in RECORDS)
    assert template
    assert all(template <= headings for headings in records)
