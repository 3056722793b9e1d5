"""Blocks of rows in ClickHouse's Native format: column by column, as the engine keeps them, ready to be stored.

The client's own way writes decimals and nullables value by value through text; this one is what lets a sink keep up.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

Column = Sequence[Any]
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
        self.structure = ", ".join(f"`{name}` {type_}" for name, type_ in zip(names, types, strict=True))
        """The columns as a table function wants to be told them."""
        self._columns = [(_text(name) + _text(type_), encoder(type_)) for name, type_ in zip(names, types, strict=True)]

    def block(self, rows: Sequence[Sequence[object]]) -> bytes:
        """The rows as one block; instants are microseconds, enumerated values their names."""
        parts = [_length(len(self._columns)), _length(len(rows))]
        for (header, encode), column in zip(self._columns, zip(*rows, strict=True), strict=True):
            parts += (header, encode(column))
        return b"".join(parts)


def encoder(type_: str) -> Encode:
    """How a column of this type is written."""
    if type_ in _INTEGERS:
        return _whole(_INTEGERS[type_])
    if type_.startswith("DateTime64(6"):
        return _whole(_INTEGERS["Int64"])
    if type_.startswith("Enum8("):
        return _enumerated({name: int(number) for name, number in _ENUM.findall(type_)})
    if found := _DECIMAL.fullmatch(type_):
        return _scaled(int(found[1]), int(found[2]))
    if found := _NULLABLE.fullmatch(type_):
        return _nullable(encoder(found[1]), _nothing(found[1]))
    match type_:
        case "String":
            return _texts
        case "LowCardinality(String)":
            return _dictionary
    raise UnknownType(f"no block can be written with a column of type {type_}")


def _whole(code: str) -> Encode:
    return lambda column: array(code, column).tobytes()


def _nothing(type_: str) -> object:
    """What stands in the place of a null."""
    if type_ == "String":
        return ""
    return Decimal(0) if type_.startswith("Decimal") else 0


def _nullable(encode: Encode, nothing: object) -> Encode:
    def with_nulls(column: Column) -> bytes:
        nulls = bytes([value is None for value in column])
        return nulls + encode([nothing if value is None else value for value in column])

    return with_nulls


def _enumerated(numbers: dict[str, int]) -> Encode:
    return lambda column: bytes(map(numbers.__getitem__, column))


def _scaled(precision: int, scale: int) -> Encode:
    size = next(size for most, size in _DECIMAL_BYTES.items() if precision <= most)
    one = 10**scale

    def scaled(column: Column) -> bytes:
        known = _Cells(size, one)
        return b"".join([known[value] for value in column])

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


def _texts(column: Column) -> bytes:
    return b"".join([_text(value) for value in column])


def _dictionary(column: Column) -> bytes:
    """Each distinct text once, and which of them a row has."""
    keys = list(dict.fromkeys(column))
    at = {key: number for number, key in enumerate(keys)}
    code, kind = next((code, kind) for most, code, kind in _INDEX_TYPES if len(keys) <= most)
    parts = (
        *(_DICTIONARY_VERSION, _long(_OWN_KEYS | kind)),
        *(_long(len(keys)), _texts(keys)),
        *(_long(len(column)), array(code, map(at.__getitem__, column)).tobytes()),
    )
    return b"".join(parts)


def _long(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _length(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    if number < len(_SHORT):
        return _SHORT[number]
    return bytes([number & 0x7F | 0x80]) + _length(number >> 7)


_SHORT: Final = [bytes([number]) for number in range(0x80)]
