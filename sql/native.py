"""Blocks of rows in ClickHouse's Native format: column by column, as the engine keeps them, ready to be stored.

The client's own way writes decimals and nullables value by value through text; this one is what lets a sink keep up.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final


@dataclass(frozen=True)
class Coded:
    """A column of few values: row i has `choices[at[i]]`. Choices may come twice, and need not be chosen."""

    choices: Sequence[Any]
    at: Sequence[int]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def values(self) -> list[Any]:
        return [*map(self.choices.__getitem__, self.at)]


Column = Sequence[Any] | Coded
Encode = Callable[[Column], bytes]

_DECIMAL: Final = re.compile(r"Decimal\((\d+), (\d+)\)")
_ENUM: Final = re.compile(r"'([^']*)' = (\d+)")
_NULLABLE: Final = re.compile(r"Nullable\((.*)\)")
#: Sizes of a decimal by the most digits that fit.
_DECIMAL_BYTES: Final = {9: 4, 18: 8, 38: 16, 76: 32}
_INTEGERS: Final = {"UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q", "Int64": "q", "Int32": "i"}

_DICTIONARY_VERSION: Final = (1).to_bytes(8, "little")
_OWN_KEYS: Final = 0x600
_INDEX_TYPES: Final = ((1 << 8, "B", 0), (1 << 16, "H", 1), (1 << 32, "I", 2))


class UnknownType(TypeError):
    """A column of a type that no block has been written with yet."""


class Blocks:
    """Writes rows of these columns; `types` are ClickHouse's own words. Raises `UnknownType`."""

    def __init__(self, names: Sequence[str], types: Sequence[str]) -> None:
        told = ", ".join(f"`{name}` {type_}" for name, type_ in zip(names, types, strict=True))
        self.structure = told.replace("\\", "\\\\").replace("'", "\\'")
        """The columns as a table function is told them, ready to stand between quotes."""
        self._columns = [(_text(name) + _text(type_), encoder(type_)) for name, type_ in zip(names, types, strict=True)]

    def block(self, columns: Sequence[Column]) -> bytes:
        """The columns as one block; instants are microseconds, enumerated values their names."""
        parts = [_length(len(self._columns)), _length(len(columns[0]))]
        for (header, encode), column in zip(self._columns, columns, strict=True):
            parts += (header, encode(column))
        return b"".join(parts)


def encoder(type_: str) -> Encode:
    """How a column of this type is written."""
    match type_:
        case "LowCardinality(String)":
            return _dictionary
        case _ if found := _DECIMAL.fullmatch(type_):
            return _scaled(int(found[1]), int(found[2]))
    encode = _encoder(type_)
    return lambda column: encode(column.values if isinstance(column, Coded) else column)


def _encoder(type_: str) -> Callable[[Sequence[Any]], bytes]:
    if type_ in _INTEGERS:
        return _whole(_INTEGERS[type_])
    if type_.startswith("DateTime64(6"):
        return _whole(_INTEGERS["Int64"])
    if type_.startswith("Enum8("):
        return _enumerated({name: int(number) for name, number in _ENUM.findall(type_)})
    if found := _NULLABLE.fullmatch(type_):
        return _nullable(encoder(found[1]), _nothing(found[1]))
    if type_ == "String":
        return _texts
    raise UnknownType(f"no block can be written with a column of type {type_}")


def _whole(code: str) -> Callable[[Sequence[Any]], bytes]:
    return lambda column: array(code, column).tobytes()


def _nothing(type_: str) -> object:
    """What stands in the place of a null."""
    if type_ == "String":
        return ""
    return Decimal(0) if type_.startswith("Decimal") else 0


def _nullable(encode: Encode, nothing: object) -> Callable[[Sequence[Any]], bytes]:
    def with_nulls(column: Sequence[Any]) -> bytes:
        if None not in column:
            return bytes(len(column)) + encode(column)
        nulls = bytes([value is None for value in column])
        return nulls + encode([nothing if value is None else value for value in column])

    return with_nulls


def _enumerated(numbers: dict[str, int]) -> Callable[[Sequence[Any]], bytes]:
    return lambda column: bytes(map(numbers.__getitem__, column))


def _scaled(precision: int, scale: int) -> Encode:
    size = next(size for most, size in _DECIMAL_BYTES.items() if precision <= most)
    one = 10**scale

    def scaled(column: Column) -> bytes:
        cells = _Cells(size, one)
        if isinstance(column, Coded):
            choices = [cells[choice] for choice in column.choices]
            return b"".join(map(choices.__getitem__, column.at))
        return b"".join(map(cells.__getitem__, column))

    return scaled


class _Cells(dict[Decimal, bytes]):
    """Decimals as integers of the scale's unit. Most come again: a value after one report is that before the next."""

    def __init__(self, size: int, one: int) -> None:
        super().__init__()
        self._size, self._one = size, one

    def __missing__(self, value: Decimal) -> bytes:
        numerator, denominator = value.as_integer_ratio()
        cell = self[value] = (numerator * self._one // denominator).to_bytes(self._size, "little", signed=True)
        return cell


def _texts(column: Sequence[Any]) -> bytes:
    return b"".join(map(_text, column))


def _dictionary(column: Column) -> bytes:
    """Each distinct text once, and which of them a row has."""
    chosen, at = (column.choices, column.at) if isinstance(column, Coded) else (column, range(len(column)))
    number_of: dict[Any, int] = {}
    numbers = [number_of.setdefault(choice, len(number_of)) for choice in chosen]
    code, kind = next((code, kind) for most, code, kind in _INDEX_TYPES if len(number_of) <= most)
    parts = (
        *(_DICTIONARY_VERSION, _long(_OWN_KEYS | kind)),
        *(_long(len(number_of)), _texts([*number_of])),
        *(_long(len(column)), array(code, map(numbers.__getitem__, at)).tobytes()),
    )
    return b"".join(parts)


def _long(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _text(value: str) -> bytes:
    encoded = value.encode()
    size = len(encoded)
    return _SHORT[size] + encoded if size < len(_SHORT) else _length(size) + encoded


def _length(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    if number < len(_SHORT):
        return _SHORT[number]
    return bytes([number & 0x7F | 0x80]) + _length(number >> 7)


_SHORT: Final = [bytes([number]) for number in range(0x80)]
