"""The jars of the embedded Apache Kafka: locked by Maven coordinate and SHA-256, fetched through jgo.

`kafka.lock` names them. `python -m tidemark.jars` fetches them ahead; with a VERSION, it writes the lock anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs
import requests
from jgo.maven import Artifact, MavenContext

from tidemark.failures import CannotRun, Offline

LOCK: Final = Path(__file__).with_name("kafka.lock")
_AT_ONCE: Final = 6
_TIMEOUT_S: Final = 60

#: Resolved with the broker: what it logs through.
_BESIDE_KAFKA: Final = ("org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",)
#: Of no use to a broker without compiled Scala macros, OAuth or CSV tools.
_NOT_NEEDED: Final = ("scala-reflect", "jackson-dataformat-csv", "jackson-dataformat-yaml", "snakeyaml")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Jar:
    """One locked jar: its Maven coordinate `group:artifact:version` and the SHA-256 of its bytes."""

    coordinate: str
    sha256: str


def locked_jars() -> list[Jar]:
    """Those that `kafka.lock` names."""
    return [Jar(*line.split()) for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]


def default_cache() -> Path:
    """Where this user's jars are kept, over all data directories."""
    return platformdirs.user_cache_path("tidemark") / "jars"


def classpath(cache: Path, progress: Progress) -> str:
    """Every locked jar, fetched into `cache` where missing; raises `Offline` when one can't be had."""
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache):
        return ":".join(str(path) for path in _fetch_all(locked_jars(), cache, progress))


def _fetch_all(jars: list[Jar], cache: Path, progress: Progress) -> list[Path]:
    maven = MavenContext(repo_cache=cache, timeout=_TIMEOUT_S)
    missing = [jar for jar in jars if not _is_cached(jar, maven)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        fetching = [pool.submit(_fetch, jar, maven) for jar in missing]
        try:
            for count, fetched in enumerate(as_completed(fetching), 1):
                fetched.result()
                progress(f"Fetching Apache Kafka: {count} of {len(missing)} jars")
        except requests.RequestException as error:
            pool.shutdown(cancel_futures=True)
            raise Offline(_OFFLINE.format(cache=cache, error=error)) from error
    return [_fetch(jar, maven) for jar in jars]


_OFFLINE: Final = """\
Apache Kafka's jars are not in {cache} yet, and fetching them failed: {error}
Connect this machine to Maven Central once, or copy that folder from a machine that has it."""


@contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    """Hold the cache: jgo writes a jar in place, so a second process could read half of one."""
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jar: Jar, maven: MavenContext) -> Path:
    """The jar's file, fetched again where it is not what was locked: an interrupted download leaves half of one."""
    path = _artifact(jar.coordinate, maven).resolve()
    if _sha256(path) != jar.sha256:
        path.unlink()
        path = _artifact(jar.coordinate, maven).resolve()
    if (found := _sha256(path)) != jar.sha256:
        path.unlink()
        raise CannotRun(f"{jar.coordinate} has the SHA-256 {found}, but {LOCK.name} says {jar.sha256}.")
    return path


def _is_cached(jar: Jar, maven: MavenContext) -> bool:
    path = _artifact(jar.coordinate, maven).cached_path
    return path is not None and path.exists()


def _artifact(coordinate: str, maven: MavenContext) -> Artifact:
    group, name, version = coordinate.split(":")
    return maven.project(group, name).at_version(version).artifact()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(version: str) -> None:
    """Resolve the broker of this version with all that it needs, and write down what came of it."""
    maven = MavenContext(repo_cache=default_cache(), timeout=_TIMEOUT_S)
    # One by one: resolved together, each one's managed versions would be forced on the other's dependencies.
    broker = maven.resolver.resolve([maven.create_dependency(f"org.apache.kafka:kafka_2.13:{version}")])
    needed = [each.artifact for part in broker for each in part if each.artifactId not in _NOT_NEEDED]
    needed += [_artifact(coordinate, maven) for coordinate in _BESIDE_KAFKA]
    lines = sorted(f"{a.groupId}:{a.artifactId}:{a.version} {_sha256(a.resolve())}" for a in needed)
    LOCK.write_text("\n".join(["# Written by `python -m tidemark.jars VERSION`.", *lines, ""]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        lock(sys.argv[1])
    classpath(default_cache(), lambda text: print(text, flush=True))  # noqa: T201
