"""What a notebook shows of results: a line, a short table, a frame of pandas."""

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from augment.audio.files import told
from cqtnet.errors import InputError

if TYPE_CHECKING:
    import pandas

LONGEST = 200  # characters that `repr` gives of a result, at most


class Brief:
    """A base for values whose `repr` is one line, however much they hold."""

    @property
    def _brief(self) -> str:
        known = fields(self)  # type: ignore[arg-type]  # dataclasses, unless they have their own
        return ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in known)

    def __repr__(self) -> str:
        return told(f"<{type(self).__name__}: {self._brief}>", most=LONGEST)


class Plain(Protocol):
    """A result that can be given as plain data."""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data."""


def to_frame(results: Iterable[Plain]) -> "pandas.DataFrame":
    """Results as a frame of pandas: a row for each, a column for each key of its `to_dict`.

    `results` are comparisons, the result of a search, or pairs of `Archive.duplicates`. A key
    within a key gives a column with a dot in its name. An InputError where pandas is missing.

    >>> frame = to_frame([compare("a.wav", "b.wav"), compare("a.wav", "c.wav")])
    >>> frame[["b.path", "verdict", "log_lr", "alignment.tempo"]]
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError("a frame needs pandas; pip install pandas") from error
    return pandas.json_normalize([result.to_dict() for result in results])
