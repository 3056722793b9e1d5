"""Content codings of streamed answers, as `Accept-Encoding` asks for them (RFC 9110, 12.5.3)."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

import zstandard

_GZIP: Final = 31  # zlib's word for the largest window with gzip's header


class Encoder(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Identity:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def chosen(accept_encoding: str | None) -> str:
    """The coding that is wanted most of zstd, gzip and identity; zstd before gzip where both are welcome alike."""
    weights = dict(map(_weighed, (accept_encoding or "").split(",")))
    offered = {name: weights.get(name, weights.get("*", 0.0)) for name in ("zstd", "gzip")}
    best = max(offered, key=lambda name: offered[name])
    return best if offered[best] > 0 and offered[best] >= weights.get("identity", 0.0) else "identity"


def encoder(coding: str) -> Encoder:
    match coding:
        case "zstd":
            return zstandard.ZstdCompressor().compressobj()
        case "gzip":
            return zlib.compressobj(level=6, wbits=_GZIP)
        case _:
            return Identity()


def _weighed(part: str) -> tuple[str, float]:
    """A coding and its weight; one that can't be read weighs nothing."""
    name, _, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
    except ValueError:
        weight = 0.0
    return name.strip().lower(), weight
