"""What a report says of its case, read from a TOML file; docs/howto/report.md lists the keys."""

import datetime
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cqtnet.audio import told
from cqtnet.errors import InputError
from cqtnet.schema import MOST_BYTES, checked


@dataclass(frozen=True)
class Event:
    """One line of a chain of custody."""

    when: str
    who: str
    what: str


@dataclass(frozen=True)
class Case:
    """What is known of a case besides its recordings; all may be left out."""

    number: str = ""
    organisation: str = ""
    examiner: str = ""
    received: str = ""
    items: dict[str, str] = field(default_factory=dict)  # their numbers by the names of files
    custody: tuple[Event, ...] = ()
    remarks: str = ""

    def require(self, names: Iterable[str]) -> None:
        """Raise where an item is none of the compared files, for then a name is wrong."""
        known = set(names)
        if wrong := self.items.keys() - known:
            raise InputError(
                f"the case has a number for {told(', '.join(sorted(wrong)))}, but no file of that "
                f"name is compared; there are {told(', '.join(sorted(known)))}"
            )


def read_case(path: Path) -> Case:
    """The case in a file; an InputError names what it does not know.

    >>> read_case(Path("examples/case.toml")).number
    '2026/117'
    """
    try:
        with path.open("rb") as file:
            plain = tomllib.loads(file.read(MOST_BYTES).decode())
        return checked(Case, _texts(plain), "it")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        cure = "; put each text in quotes" if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise InputError(f"{path} does not describe a case: {told(error)}{cure}") from error


def _texts(value: Any) -> Any:
    """The value, its dates as text: 2026-11-30, 09:15."""
    if isinstance(value, dict):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "minutes").replace(" ", ", ")
    return value.isoformat() if isinstance(value, datetime.date) else value
