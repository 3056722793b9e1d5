"""The whole pipeline as an operator starts it: `tidemark up` in a directory of its own, on free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from tidemark.ports import free_port

ROOT = Path(__file__).parent.parent
TOKEN = "tdm_" + "0123456789abcdef" * 4
_UP_WITHIN = 120.0
_DOWN_WITHIN = 40.0


def wait_until(condition: Callable[[], Any], within: float, what: str) -> Any:
    """The first true result of `condition`, asked again and again until the deadline."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {within:g} s: {what}")


@dataclass
class Pipeline:
    """A running `tidemark up`; `client` speaks to it with a token of every scope."""

    data: Path
    port: int = field(default_factory=partial(free_port, "127.0.0.1"))
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        own = {"TIDEMARK_DATA": str(self.data), "TIDEMARK_PORT": str(self.port), "TIDEMARK_TOKEN": TOKEN}
        return {**os.environ, **own, **self.settings}

    def client(self, token: str = TOKEN) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def new_organization(self, name: str) -> str:
        """Make an organization as an operator does; the plaintext of its first token, of every scope."""
        command = [sys.executable, "-m", "tidemark", "organization", "create", "--name", name]
        made = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return made.stdout.split()[-1]

    def start(self) -> None:
        """Start, and return once it answers; what it prints goes to `up.log` beside its data."""
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "up.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tidemark", "up"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(self.is_well, _UP_WITHIN, f"the pipeline is up; see {self.data}/up.log")

    def is_well(self) -> bool:
        """Whether everything is up; raises when `tidemark up` ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"tidemark up ended:\n{(self.data / 'up.log').read_text()[-4_000:]}")
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def stop(self) -> list[psutil.Process]:
        """Stop as Ctrl-C does; returns the processes that outlived it (none, if all is right)."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_DOWN_WITHIN)
        self.process = None
        return psutil.wait_procs(children, timeout=5)[1]

    def child(self, name: str) -> psutil.Process:
        """The running child whose command line has `name`: `worker`, `serve`, `kafka.Kafka`."""
        assert self.process is not None
        up = psutil.Process(self.process.pid)
        found: psutil.Process = wait_until(
            lambda: next((child for child in up.children(recursive=True) if name in _command(child)), None),
            30,
            f"there is a child {name}",
        )
        return found

    def resident_bytes(self) -> dict[str, int]:
        """The proportional memory (PSS) of each process, by the name of the part that it is; watchers in one sum."""
        assert self.process is not None
        up = psutil.Process(self.process.pid)
        sizes = Counter({"tidemark up": up.memory_full_info().pss})
        for child in up.children(recursive=True):
            sizes[part_of(_command(child))] += child.memory_full_info().pss
        return dict(sizes)


def part_of(command: Sequence[str]) -> str:
    """What people call the process with this command line: kafka, worker-1, http, or a watcher of one of them."""
    if "kafka.Kafka" in command:
        return "kafka"
    if "serve" in command:
        return "http"
    return command[-1] if "worker" in command else "watchers"


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def running_pipeline(data: Path, **settings: str) -> Iterator[Pipeline]:
    pipeline = Pipeline(data, settings=settings)
    try:
        pipeline.start()
        yield pipeline
    finally:
        if pipeline.process is not None and pipeline.process.poll() is None:
            pipeline.stop()
