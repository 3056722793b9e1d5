"""`tidemark dead-letters`: what could not be decided, and sending it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec
from rich.console import Console
from rich.pretty import Pretty
from rich.table import Column, Table
from rich.text import Text

from stream.dead_letters import ContentGone, DeadLetters, Letter, LogAppender, Origin
from stream.reader import LogReader
from tidemark.attach import attached_log
from tidemark.failures import CannotRun
from tidemark.settings import Settings
from tidemark.verify import failing_in_words

T = TypeVar("T")

_BYTES_SHOWN: Final = 512
_A_LINE: Final = 16


def show_all(settings: Settings, console: Console) -> None:
    """A table of every letter, oldest first."""
    letters = _with_letters(settings, console, DeadLetters.all)
    if not letters:
        console.print("There are no dead letters.")
        return
    names = ("Place", "Since", "Bytes", "Reason", "Sent again as")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for letter in letters.values():
        since = f"{letter.buried_at:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(*map(Text, (str(letter.origin), since, f"{letter.size:,}", letter.reason, _sent_as(letter))))
    console.print(table)


def show(settings: Settings, console: Console, place: str) -> None:
    """One letter and its content."""
    origin = _origin(place)

    async def found(letters: DeadLetters) -> tuple[Letter, bytes]:
        letter = _named(await letters.all(), origin)
        return letter, (await letters.content(letter))[1] or b""

    letter, content = _with_letters(settings, console, found)
    console.print(_described(letter, len(content)))
    console.print(_readable(content))


def redrive(settings: Settings, console: Console, places: Sequence[str]) -> None:
    """Send these records to `usage` again; those that were sent before are named and let be."""
    origins = [_origin(place) for place in places]

    async def sent(letters: DeadLetters) -> None:
        known = await letters.all()
        for letter in [_named(known, origin) for origin in dict.fromkeys(origins)]:
            redriven = await letters.redrive(letter)
            at = f"{letter.origin.partition}-{redriven.offset}"
            text = "was sent again before, as" if redriven.before else "is sent again, as"
            console.print(f"{letter.origin} {text} {at}", highlight=False)

    _with_letters(settings, console, sent)


def _with_letters(settings: Settings, console: Console, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    with failing_in_words(), attached_log(settings, console.log) as servers:
        return asyncio.run(_work(servers, work))


async def _work(servers: str, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    async with _open(servers) as letters:
        try:
            return await work(letters)
        except ContentGone as error:
            raise CannotRun(str(error)) from error


@asynccontextmanager
async def _open(servers: str) -> AsyncIterator[DeadLetters]:
    async with LogReader(servers) as reader, LogAppender(servers) as appender:
        yield DeadLetters(reader, appender)


def _origin(place: str) -> Origin:
    try:
        return Origin.parse(place)
    except ValueError as error:
        raise CannotRun(str(error)) from error


def _named(letters: dict[Origin, Letter], origin: Origin) -> Letter:
    if origin not in letters:
        raise CannotRun(f"There is no dead letter from {origin}; `tidemark dead-letters list` shows all.")
    return letters[origin]


def _described(letter: Letter, size: int) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("place in usage", str(letter.origin))
    table.add_row("reason", Text(letter.reason))
    table.add_row("since", f"{letter.buried_at:%Y-%m-%d %H:%M:%S}Z")
    table.add_row("found by workers", f"{letter.times} ×")
    table.add_row("sent again as", _sent_as(letter) or "not yet")
    table.add_row("bytes", f"{size:,}")
    return table


def _sent_as(letter: Letter) -> str:
    if letter.landed is not None:
        return f"{letter.origin.partition}-{letter.landed}"
    return "" if letter.since is None else "begun, and cut short"


def _readable(content: bytes) -> Pretty | Text:
    """The content as data, where it is msgpack; else its beginning, byte for byte."""
    try:
        return Pretty(msgspec.msgpack.decode(content), max_string=200, max_length=20)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Text("\n".join(_hex_lines(content[:_BYTES_SHOWN])))


def _hex_lines(content: bytes) -> list[str]:
    lines = [content[at : at + _A_LINE] for at in range(0, len(content), _A_LINE)]
    return [
        f"{number * _A_LINE:04x}  {line.hex(' '):<{3 * _A_LINE}} {_printable(line)}"
        for number, line in enumerate(lines)
    ]


def _printable(line: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in line)
