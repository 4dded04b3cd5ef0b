"""Changing fields of a recipe or a preset by text, as options of the command line are."""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from cqtnet.errors import InputError

T = TypeVar("T")


def changed(settings: T, assignments: Iterable[str]) -> T:
    """`settings`, a frozen dataclass, after assignments such as "lr=0.01", "spectral.eq_db=3".

    Values are JSON, or else text; lists become tuples.

    >>> changed(find_recipe("default"), ["fragment_s=[5, 10]", "optimiser=sgd"])
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"{assignment!r} is no assignment; write it as name=value")
        settings = _assigned(settings, path.strip().split("."), _value(text.strip()), assignment)
    return settings


def _assigned(settings: T, path: list[str], value: Any, assignment: str) -> T:
    """`settings` with the field at `path` replaced."""
    assert is_dataclass(settings) and not isinstance(settings, type)
    names = [field.name for field in fields(settings)]
    name, *rest = path
    if name not in names:
        raise InputError(f"{assignment!r}: {name!r} is unknown; use one of {', '.join(names)}")
    before = getattr(settings, name)
    if is_dataclass(before) == (not rest):
        single = f"{name}=value" if rest else f"{name}.field=value"
        raise InputError(f"{assignment!r} names no single value; write {single}")
    if rest:
        after: Any = _assigned(before, rest, value, assignment)
    else:
        after = _like(before, value, assignment)
    return replace(settings, **{name: after})


def _like(before: Any, value: Any, assignment: str) -> Any:
    """`value` as the same kind of thing as `before`; whole numbers may stand for others."""
    if isinstance(before, float) and type(value) is int:
        return float(value)
    if isinstance(before, tuple) and isinstance(value, list):
        return tuple(_like(0.0, part, assignment) for part in value)
    if type(before) is not type(value):
        kind = "list" if isinstance(before, tuple) else type(before).__name__
        raise InputError(f"{assignment!r}: give a {kind}, as {json.dumps(before)} is one")
    return value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
