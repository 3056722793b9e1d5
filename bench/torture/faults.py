"""The faults: what is done to the running pipeline, again and again, while reports come in."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Final

import psutil

from bench.answer import kafka_of
from tests.pipeline import ROOT, Pipeline, wait_until

WORKERS: Final = 2
#: Longer than a worker's session, so that the group gives its partitions to another.
_FROZEN_FOR_S: Final = 12.0
_TAKEN_OVER_WITHIN_S: Final = 20.0
_WELL_WITHIN_S: Final = 90.0
_KAFKA: Final = "kafka.Kafka"
_SERVE: Final = "serve"
_EXTRA: Final = "worker-9"


class Fault(StrEnum):
    KILL_WORKER = "kill a worker"
    KILL_SERVE = "kill ingest, api and sink"
    KILL_KAFKA = "kill the broker"
    KILL_TWO = "kill two at once"
    FREEZE_WORKER = "freeze a worker past its session"
    WIPE_WORKER = "kill a worker and wipe its state"
    ADD_WORKER = "start another worker"
    STOP_WORKER = "stop the other worker"
    RESTART_ALL = "stop and start everything"


_WEIGHTS: Final = {
    Fault.KILL_WORKER: 5,
    Fault.KILL_SERVE: 3,
    Fault.KILL_KAFKA: 3,
    Fault.KILL_TWO: 4,
    Fault.FREEZE_WORKER: 3,
    Fault.WIPE_WORKER: 3,
    Fault.ADD_WORKER: 2,
    Fault.STOP_WORKER: 2,
    Fault.RESTART_ALL: 1,
}

Say = Callable[[str], None]


class Faults:
    """Does them to `pipeline`, which runs `WORKERS` workers; counted in `done`. One at a time, all chosen by `seed`."""

    def __init__(self, pipeline: Pipeline, seed: int, say: Say) -> None:
        self.done: Counter[Fault] = Counter()
        self.kills: Counter[str] = Counter()
        self.times: list[tuple[float, Fault]] = []
        """When each was begun (monotonic)."""
        self.outlived: list[str] = []
        """Processes that a stop in good order left behind."""
        self.taken_over = 0
        """Frozen workers whose partitions another one decided before they woke."""
        self._pipeline = pipeline
        self._chance = random.Random(seed)
        self._say = say
        self._extra: subprocess.Popen[bytes] | None = None
        self._do: dict[Fault, Callable[[], None]] = {
            Fault.KILL_WORKER: lambda: self._kill(self._any_worker()),
            Fault.KILL_SERVE: lambda: self._kill(_SERVE),
            Fault.KILL_KAFKA: lambda: self._kill(_KAFKA),
            Fault.KILL_TWO: self._kill_two,
            Fault.FREEZE_WORKER: self._freeze,
            Fault.WIPE_WORKER: self._wipe,
            Fault.ADD_WORKER: self._add_worker,
            Fault.STOP_WORKER: self._stop_worker,
            Fault.RESTART_ALL: self._restart,
        }

    def do_for(self, seconds: float) -> None:
        """One after the other, by chance; some fall into the recovery from the one before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.do(self._any_fault())
            if self._chance.random() < 0.7:
                self.settle()
            time.sleep(self._chance.uniform(1, 8))

    def _any_fault(self) -> Fault:
        (fault,) = self._chance.choices([*_WEIGHTS], [*_WEIGHTS.values()])
        if fault in {Fault.ADD_WORKER, Fault.STOP_WORKER}:  # whichever can be done
            return Fault.ADD_WORKER if self._extra is None else Fault.STOP_WORKER
        return fault

    def do_all(self, script: Iterable[Fault]) -> None:
        for fault in script:
            self.do(fault)
            self.settle()
            time.sleep(self._chance.uniform(1, 4))

    def do(self, fault: Fault) -> None:
        self._say(fault)
        self.times.append((time.monotonic(), fault))
        self._do[fault]()
        self.done[fault] += 1

    def settle(self) -> None:
        """Wait until the pipeline answers, whatever was done."""
        wait_until(self._pipeline.is_well, _WELL_WITHIN_S, "the pipeline is well again")

    def end(self) -> None:
        """Leave the pipeline as it was found."""
        self._stop_worker()

    def _any_worker(self) -> str:
        return f"worker-{self._chance.randint(1, WORKERS)}"

    def _kill(self, *names: str) -> None:
        victims = [self._pipeline.child(name) for name in names]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        self.kills.update(name.rstrip("-0123456789") for name in names)

    def _kill_two(self) -> None:
        parts = [_KAFKA, _SERVE, *(f"worker-{number}" for number in range(1, WORKERS + 1))]
        self._kill(*self._chance.sample(parts, 2))

    def _freeze(self) -> None:
        """Its partitions move on, and it wakes as a zombie; often something else dies meanwhile."""
        name = self._any_worker()
        worker = self._pipeline.child(name)
        opened = self._opened_by_others(name)
        worker.suspend()
        try:
            time.sleep(self._chance.uniform(0, _FROZEN_FOR_S / 2))
            if self._chance.random() < 0.3:
                self._kill(_SERVE)
            time.sleep(_FROZEN_FOR_S)
            with suppress(TimeoutError):  # where it had no partition, nobody takes one over
                wait_until(lambda: self._opened_by_others(name) > opened, _TAKEN_OVER_WITHIN_S, "a successor decides")
                self.taken_over += 1
        finally:
            with suppress(psutil.NoSuchProcess):
                worker.resume()

    def _opened_by_others(self, name: str) -> int:
        """How often a worker other than `name` said that it decides a partition from now on."""
        logs = (self._pipeline.data / "logs").glob("worker-*.log*")
        return sum(log.read_text().count(": deciding from offset") for log in logs if not log.name.startswith(name))

    def _wipe(self) -> None:
        name = self._any_worker()
        self._kill(name)
        state = self._pipeline.data / name
        if state.exists():
            gone = state.with_name(f"wiped-{time.monotonic_ns()}")
            state.rename(gone)  # at once: the supervisor starts it again in a moment
            shutil.rmtree(gone)

    def _add_worker(self) -> None:
        if self._extra is not None and self._extra.poll() is None:
            return
        log = self._pipeline.data / "logs" / f"{_EXTRA}.log"
        environment = {"TIDEMARK_KAFKA": kafka_of(self._pipeline), "TIDEMARK_LOG_FILE": str(log)}
        command = [sys.executable, "-m", "tidemark", "worker", "--instance", _EXTRA]
        with (log.with_suffix(".out")).open("ab") as output:
            self._extra = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self._pipeline.environment, **environment}, stderr=output
            )

    def _stop_worker(self) -> None:
        """In good order, or not at all."""
        if self._extra is None:
            return
        if self._chance.random() < 0.5:
            self._extra.terminate()
        else:
            self._extra.kill()
        try:
            self._extra.wait(20)
        except subprocess.TimeoutExpired:
            self.outlived.append(f"{_EXTRA} did not end on SIGTERM")
            self._extra.kill()
            self._extra.wait()
        self._extra = None

    def _restart(self) -> None:
        self._stop_worker()
        self.outlived += [str(process) for process in self._pipeline.stop()]
        self._pipeline.start()
