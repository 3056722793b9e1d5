"""The embedded broker's notes on itself, as a power cut may leave them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidemark.failures import KafkaFails
from tidemark.kafka import EmbeddedKafka, last_servers

LEFT_BY_A_POWER_CUT = ["", "\0\0\0\0", "[2000", "[]", "null", '{"pid": 1}', '["a", "b"]']


@pytest.mark.parametrize("text", LEFT_BY_A_POWER_CUT)
def test_ports_that_cannot_be_read_are_chosen_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    ports = EmbeddedKafka(tmp_path)._choose_ports()
    assert last_servers(tmp_path) == f"127.0.0.1:{ports[0]}"
    assert [path.name for path in tmp_path.iterdir()] == ["ports.json"]


@pytest.mark.parametrize("text", LEFT_BY_A_POWER_CUT)
def test_a_broker_whose_ports_cannot_be_read_was_never_started(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    with pytest.raises(KafkaFails, match="No Kafka was ever started"):
        last_servers(tmp_path)


@pytest.mark.parametrize("text", LEFT_BY_A_POWER_CUT)
def test_a_process_that_cannot_be_read_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / "process.json").write_text(text)
    EmbeddedKafka(tmp_path)._end_stale()
    assert (tmp_path / "process.json").read_text() == text


def test_the_ports_stay_what_they_were(tmp_path: Path) -> None:
    first = EmbeddedKafka(tmp_path)._choose_ports()
    assert EmbeddedKafka(tmp_path)._choose_ports() == first
    assert json.loads((tmp_path / "ports.json").read_text()) == [*first]
