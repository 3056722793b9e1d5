"""The command line: every part by its name, and mistakes told without a traceback."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from catalog.migrate import migrate
from stream.topics import LARGEST_RECORD
from tidemark.cli import app
from tidemark.ports import free_port
from tidemark.settings import Settings

ROOT = Path(__file__).parents[3]
OURS = ("migrate", "worker", "sink", "ingest", "api")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TIDEMARK_{name.upper()}", raising=False)
    monkeypatch.setenv("TIDEMARK_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize("part", OURS)
def test_docker_compose_runs_each_part_by_a_command_that_there_is(part: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    command = services[part]["command"].split()
    shown = CliRunner().invoke(app, [command[0], "--help"])
    assert shown.exit_code == 0
    assert all(option in shown.output for option in command if option.startswith("--"))


def test_every_published_port_is_bound_to_this_machine() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_sets_only_settings_that_there_are() -> None:
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    names = {name.removeprefix("TIDEMARK_").lower() for name in text["x-tidemark"]["environment"]}
    assert names <= set(Settings.model_fields)


def test_the_broker_of_compose_takes_the_largest_record() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert int(services["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) > LARGEST_RECORD


def test_the_version_is_that_of_the_package() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"tidemark {version('tidemark')}\n")


def test_every_command_has_help_for_itself_and_each_of_its_parameters() -> None:
    for command in commands(get_command(app)):
        assert command.help, command.name
        assert all(getattr(parameter, "help", None) for parameter in command.params), command.name


def commands(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        yield command
        if hasattr(command, "commands"):
            yield from commands(command)


@pytest.mark.parametrize("part", OURS)
def test_a_part_without_a_log_says_which_setting_names_it(part: str) -> None:
    ended = CliRunner().invoke(app, [part])
    assert ended.exit_code == 1
    assert "TIDEMARK_KAFKA is not set" in ended.output


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_PORT", "http")
    ended = CliRunner().invoke(app, ["up"])
    assert ended.exit_code == 1
    assert "TIDEMARK_PORT: " in ended.output


@pytest.fixture
def signals_kept() -> Iterator[None]:
    """`up` takes the signals of its process, which is ours here."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def nobody() -> str:
    return f"127.0.0.1:{free_port('127.0.0.1')}"


@pytest.mark.usefixtures("signals_kept")
@pytest.mark.parametrize("command", ["up", "migrate"])
def test_a_log_that_does_not_answer_is_told_in_words(
    command: str, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA", nobody)
    monkeypatch.setenv("TIDEMARK_PORT", str(free_port("127.0.0.1")))
    ended = CliRunner().invoke(app, [command])
    assert isinstance(ended.exception, SystemExit)
    assert ended.exit_code == 1
    assert f"Kafka at {nobody} does not answer" in ended.output


@pytest.mark.parametrize("command", [["token", "list"], ["token", "create", "--name", "CI"]])
@pytest.mark.parametrize("scheme", ["postgresql", "nosuch"])
def test_a_catalog_that_does_not_answer_is_told_in_words(
    command: list[str], scheme: str, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMARK_CATALOG", f"{scheme}://tidemark@{nobody}/tidemark")
    ended = CliRunner().invoke(app, command)
    assert isinstance(ended.exception, SystemExit)
    assert ended.exit_code == 1
    assert "The catalog" in ended.output
    assert "TIDEMARK_CATALOG" in ended.output


def test_a_catalog_that_cannot_be_migrated_is_told_in_words(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def made(*_: object, **__: object) -> None: ...

    monkeypatch.setattr("tidemark.preparation.create_topics", made)
    monkeypatch.setenv("TIDEMARK_KAFKA", nobody)
    monkeypatch.setenv("TIDEMARK_CATALOG", f"postgresql://tidemark@{nobody}/tidemark")
    ended = CliRunner().invoke(app, ["migrate"])
    assert isinstance(ended.exception, SystemExit)
    assert "The catalog does not answer" in ended.output


def test_the_catalog_is_taken_back_to_a_revision_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_CATALOG", f"sqlite:///{tmp_path / 'catalog.db'}")
    migrate(f"sqlite:///{tmp_path / 'catalog.db'}")
    assert CliRunner().invoke(app, ["downgrade", "0001"]).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    for unknown in ("0000", "head"):
        ended = CliRunner().invoke(app, ["downgrade", unknown])
        assert (ended.exit_code, "cannot be taken back" in ended.output) == (1, True)


@pytest.mark.parametrize(
    "command", [["token", "list"], ["token", "create", "--name", "CI"], ["organization", "list"], ["downgrade", "0001"]]
)
def test_a_catalog_that_is_not_there_is_told_of_and_not_made(command: list[str], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, command)
    assert (ended.exit_code, "There is no catalog under" in ended.output) == (1, True)
    assert [*tmp_path.rglob("catalog.db")] == []


def test_a_catalog_without_tables_is_told_without_a_statement(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalog.db").touch()
    ended = CliRunner().invoke(app, ["token", "list"])
    assert (ended.exit_code, "no such table" in ended.output, "SELECT" in ended.output) == (1, True, False)


def test_an_unknown_scope_is_told_with_those_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_CATALOG", f"sqlite:///{tmp_path / 'catalog.db'}")
    ended = CliRunner().invoke(app, ["token", "create", "--name", "CI", "--scope", "write:everything"])
    assert ended.exit_code == 1
    assert "no scope 'write:everything'" in ended.output
    assert "write:instances" in ended.output


def test_an_empty_setting_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_TOKEN", "")
    assert Settings().token is None


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_tokens_of_any_organization_are_made_shown_whole_and_revoked_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*command: str) -> str:
        ended = CliRunner().invoke(app, command)
        assert ended.exit_code == 0, ended.output
        return ended.output

    monkeypatch.setenv("TIDEMARK_CATALOG", f"sqlite:///{tmp_path / 'catalog.db'}")
    monkeypatch.setattr("tidemark.cli.token.console", Console(width=80))
    migrate(f"sqlite:///{tmp_path / 'catalog.db'}")
    run("organization", "create", "--name", "Acme")
    secret = run("token", "create", "--name", "A name of " + "some " * 9 + "length", "--organization", "acme").split()[
        -1
    ]
    shown = run("token", "list", "--organization", "acme")
    columns = [line.split("│")[2].strip() for line in shown.splitlines() if line.startswith("│")]
    assert f"a-name-of-{'some-' * 9}length" in "".join(columns)
    run("token", "revoke", secret)
    assert "revoked" in run("token", "list", "--organization", "acme")
