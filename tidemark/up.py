"""`tidemark up`: every part on this machine, started in order, watched, and stopped with the command."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
from rich.console import Console

from tidemark import preflight
from tidemark.failures import CannotRun
from tidemark.kafka import EmbeddedKafka
from tidemark.preparation import prepare
from tidemark.settings import Settings
from tidemark.supervisor import Command, Say, Supervisor

_HEALTHY_WITHIN_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.1
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(settings: Settings, console: Console) -> None:
    """Bring everything up and keep it up until Ctrl-C, SIGTERM or a closed terminal. Raises `CannotRun`."""
    with preflight.holding(settings.data):
        preflight.check_port(settings.host, settings.port)
        preflight.check_disk(settings.data)
        supervisor = Supervisor(_logs(settings), lambda text: console.log(text, highlight=False))
        with _until_told_to_end(supervisor):
            _start(settings, supervisor, console)
            while True:
                time.sleep(_LOOK_EVERY_S)
                supervisor.look()


@contextmanager
def _until_told_to_end(supervisor: Supervisor) -> Iterator[None]:
    """A signal ends the block wherever it stands; then every part is stopped, and further signals wait for that."""
    for number in _ENDING:
        signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _start(settings: Settings, supervisor: Supervisor, console: Console) -> None:
    with _progress(console) as say:
        settings = _start_log(settings, supervisor, say)
        say("Preparing topics and catalog")
        token = prepare(settings)
        say("Starting the workers and the HTTP process")
        for number in range(1, settings.workers + 1):
            supervisor.start(_python(settings, f"worker-{number}", "worker", "--instance", f"worker-{number}"))
        supervisor.start(_python(settings, "http", "serve"))
        _await_health(settings, supervisor, say)
    _welcome(settings, token, console)


@contextmanager
def _progress(console: Console) -> Iterator[Say]:
    """Steps as one changing line on a terminal, else as a line each."""
    if not console.is_terminal:
        yield lambda text: console.print(text, highlight=False)
        return
    with console.status("Starting") as status:
        yield status.update


def _start_log(settings: Settings, supervisor: Supervisor, say: Say) -> Settings:
    """Start the embedded log, unless there is one elsewhere; returns the settings that name it."""
    if settings.kafka is not None:
        return settings
    kafka = EmbeddedKafka(settings.data / "kafka", progress=say)
    supervisor.start(kafka)
    return settings.model_copy(update={"kafka": kafka.bootstrap_servers})


def _python(settings: Settings, name: str, *arguments: str) -> Command:
    """A part that is this program under another command; what it warns of is shown, the rest is in its log."""
    environment = {
        "TIDEMARK_DATA": str(settings.data.absolute()),
        "TIDEMARK_KAFKA": settings.kafka_servers,
        "TIDEMARK_LOG_FILE": str(_logs(settings) / f"{name}.log"),
    }
    return Command(name, [sys.executable, "-m", "tidemark", *arguments], environment)


def _logs(settings: Settings) -> Path:
    return settings.data / "logs"


def _await_health(settings: Settings, supervisor: Supervisor, say: Say) -> None:
    """Raises `CannotRun` when it takes too long. As long as nothing died and the HTTP process does not listen yet, it
    may: an upgrade copies the audit trail first, and would begin anew each time.
    """
    deadline = time.monotonic() + _HEALTHY_WITHIN_S
    while not (is_healthy := _is_healthy(settings)):
        if time.monotonic() > deadline:
            if is_healthy is not None or supervisor.has_lost_any:
                raise CannotRun(f"Not healthy within {_HEALTHY_WITHIN_S:.0f} s; the logs are in {_logs(settings)}.")
            say(f"Still starting, as after an upgrade that copies the audit trail; the logs are in {_logs(settings)}")
            deadline += _HEALTHY_WITHIN_S
        supervisor.look()
        time.sleep(_LOOK_EVERY_S)


def _is_healthy(settings: Settings) -> bool | None:
    """None: nobody listens."""
    try:
        return httpx.get(f"{settings.url}/health", timeout=2, trust_env=False).is_success
    except httpx.ConnectError:
        return None
    except httpx.TransportError:
        return False


def _welcome(settings: Settings, token: str | None, console: Console) -> None:
    console.print(f"Tidemark is up at [bold]{settings.url}[/], its documentation at {settings.url}/docs")
    shown = "$TOKEN"
    if token is not None and settings.token is None:
        shown = token
        console.print(f"The first token, shown this once: [bold]{token}[/]", soft_wrap=True, highlight=False)
    console.print("Try it, with a token (`tidemark token create --name NAME` makes another):")
    command = f'  curl -H "Authorization: Bearer {shown}" {settings.url}/instances'
    console.print(command, soft_wrap=True, highlight=False, markup=False)
    console.print("Ctrl-C stops it.")
