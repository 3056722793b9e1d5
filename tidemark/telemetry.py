"""What the processes say of themselves: one line a message, JSON for machines, plain for a terminal."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

import structlog
from structlog.typing import Processor

from tidemark.calm import Calm, tell_left_out

_LARGEST_FILE: Final = 10 << 20
_FILES_KEPT: Final = 2

#: Libraries that tell more than an operator asks for. Faust leaves the root at DEBUG whatever its own option says.
_QUIET: Final = ("aiokafka", "aiosqlite", "alembic", "asyncio", "faust", "httpcore", "httpx", "mode", "uvicorn")

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    tell_left_out,
)


def configure(level: str, file: Path | None = None) -> None:
    """Log from `level` up: to `file`, and warnings to standard error too; without a file, all to standard error."""
    handlers: list[logging.Handler] = [_to_stderr(level if file is None else logging.WARNING)]
    if file is not None:
        handlers.append(_to_file(file))
    for handler in handlers if level != "DEBUG" else ():
        handler.addFilter(Calm())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(level if level == "DEBUG" else logging.WARNING)


def _to_file(file: Path) -> logging.Handler:
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(file, maxBytes=_LARGEST_FILE, backupCount=_FILES_KEPT)
    handler.setFormatter(_json())
    return handler


def _to_stderr(level: str | int) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.setFormatter(_plain() if sys.stderr.isatty() else _json())
    return handler


def _json() -> logging.Formatter:
    return _formatter(structlog.processors.format_exc_info, structlog.processors.JSONRenderer())


def _plain() -> logging.Formatter:
    return _formatter(structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback))


def _formatter(*renderers: Processor) -> logging.Formatter:
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=[without_meta, *renderers])
