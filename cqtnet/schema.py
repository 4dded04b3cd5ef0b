"""JSON of others, read strictly: a limited size and depth, finite numbers, the expected types."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from augment.audio.files import told

MOST_BYTES = 64 << 20
DEEPEST = 32  # lists and objects within each other
LARGEST = 1 << 63  # whole numbers lie below it, and above its negative

SCHEMA_VERSION = 2  # of every answer in JSON; rises when a key changes its meaning or goes
SIGNIFICANT, DECIMALS = 6, 3
"""Digits of numbers in answers: so many, and of large ones so many after the point."""

T = TypeVar("T")
_type_hints = cache(get_type_hints)


def read_json(path: Path) -> Any:
    """What a file of JSON holds; a ValueError says what is wrong with it."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        return parse_json(file.read(MOST_BYTES + 1))


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """What JSON says; a ValueError where it is too large or too deep, or not `finite`."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
    try:
        found = json.loads(text)
        _check(found, DEEPEST, finite)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST}") from None
    return found


def _check(value: Any, depth: int, finite: bool) -> None:
    """Raise unless all numbers are finite, all text is Unicode, and it is not too deep."""
    if depth < 0:
        raise ValueError(f"it is nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for key, one in value.items():
            _check(key, depth, finite)
            _check(one, depth - 1, finite)
    elif isinstance(value, list):
        for one in value:
            _check(one, depth - 1, finite)
    elif isinstance(value, str):
        value.encode(errors="surrogateescape")  # a UnicodeEncodeError is a ValueError
    elif isinstance(value, float) and finite and not math.isfinite(value):
        raise ValueError(f"it holds {value}, which is not a finite number")
    elif isinstance(value, int) and not -LARGEST < value < LARGEST:
        raise ValueError("it holds a whole number of more than 63 bits")


def checked(kind: type[T], value: Any, name: str = "it") -> T:
    """Plain data as a dataclass, or as another type; a ValueError names what is of another one.

    Whole numbers serve as floats, and lists as tuples.

    >>> checked(Preset, {"name": "tiny", "width": 1})
    Preset(name='tiny', width=1.0, ...)
    """
    found: T = _as(kind, value, name)
    return found


def _as(kind: Any, value: Any, name: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _as_dataclass(kind, value, name)
    if origin in (Union, UnionType):
        (kind,) = (part for part in parts if part is not NoneType)
        return None if value is None and NoneType in parts else _as(kind, value, name)
    if origin is Literal and value in parts:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        if parts[-1] is Ellipsis:
            parts = len(value) * parts[:1]
        if len(parts) == len(value):
            pairs = enumerate(zip(parts, value, strict=True))
            return tuple(_as(part, one, f"{name}[{i}]") for i, (part, one) in pairs)
    elif origin is list and isinstance(value, list):
        return [_as(parts[0], one, f"{name}[{i}]") for i, one in enumerate(value)]
    elif origin in (dict, Mapping) and isinstance(value, dict):
        return {
            _as(parts[0], key, name): _as(parts[1], one, f"{name}.{told(key, most=40)}")
            for key, one in value.items()
        }
    elif kind is float and type(value) in (int, float):
        return float(value)
    elif type(value) is kind:
        return value
    raise ValueError(f"{name} is {told(repr(value), most=60)}, and not {_words(kind)}")


def _as_dataclass(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {told(repr(value), most=60)}, and no object")
    known = {field.name: field for field in fields(kind)}
    if unknown := [told(key, most=40) for key in value if key not in known]:
        others = told(", ".join(unknown))
        raise ValueError(f"{name} has the unknown {others}; known are {', '.join(known)}")
    needed = {k for k, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if lacking := [key for key in known if key in needed and key not in value]:
        raise ValueError(f"{name} lacks {', '.join(lacking)}")
    hints = _type_hints(kind)
    return kind(**{key: _as(hints[key], one, key) for key, one in value.items()})


def versioned(answer: Any) -> dict[str, Any]:
    """An answer as plain data, with its `schema_version` first."""
    return {"schema_version": SCHEMA_VERSION, **plain(answer)}


def plain(value: Any) -> Any:
    """An answer as plain data for JSON, with numbers so short that the last bits don't show.

    >>> plain({"lr": 3600.123456789, "none": math.inf})
    {'lr': 3600.123, 'none': None}
    """
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    elif is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        digits = SIGNIFICANT - 1 - math.floor(math.log10(abs(value))) if value else 0
        return round(value, max(DECIMALS, digits)) + 0.0  # not -0.0
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    names = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}
    return names.get(kind, str(getattr(kind, "__name__", kind)))
