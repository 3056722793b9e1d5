"""The locked jars: each with its own hash, and nothing that is not what was locked is run."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tidemark import jars
from tidemark.failures import CannotRun, Offline
from tidemark.jars import Jar

WANTED = Jar("org.example:thing:1.0", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(jars, "locked_jars", lambda: [WANTED])
    return tmp_path


def write_jar(cache: Path, content: bytes) -> Path:
    path = cache / "org/example/thing/1.0/thing-1.0.jar"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_each_locked_jar_has_a_coordinate_and_a_hash() -> None:
    locked = jars.locked_jars()
    assert len(locked) > 30
    assert all(jar.coordinate.count(":") == 2 and len(jar.sha256) == 64 for jar in locked)


def test_what_is_cached_is_not_fetched(cache: Path) -> None:
    path = write_jar(cache, b"hello")
    told: list[str] = []
    assert jars.classpath(cache, told.append) == str(path)
    assert told == []


def test_half_a_jar_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_jar(cache, b"hel")
    monkeypatch.setattr("jgo.maven.PythonResolver.download", lambda *_: write_jar(cache, b"hello"))
    assert jars.classpath(cache, lambda _: None) == str(path)


def test_another_jar_than_the_locked_one_is_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_jar(cache, b"evil")
    monkeypatch.setattr("jgo.maven.PythonResolver.download", lambda *_: write_jar(cache, b"evil"))
    with pytest.raises(CannotRun, match="lock says"):
        jars.classpath(cache, lambda _: None)
    assert not path.exists()


def test_without_a_network_it_says_what_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr("jgo.maven.PythonResolver.download", refuse)
    with pytest.raises(Offline, match="no route to host"):
        jars.classpath(cache, lambda _: None)
