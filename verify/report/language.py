"""The language of a report: English sentences said in another one, by a catalogue.

What is known of two recordings is told in English, to people and in JSON. A report takes these
sentences and says them in its own language; `russian.toml` holds them by the English ones.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NUMBER = r"[−+-]?\d[−\d.,:/– ]*%?"
"""What a placeholder of one letter stands for; one of several stands for any words."""
NO_BREAK = "\N{NO-BREAK SPACE}"
IN_NUMBER = rf"(?<=\d){NO_BREAK}(?=\d{{3}}|%)"
"""The space between thousands, and before the sign of per cent."""

_now: ContextVar[Language] = ContextVar("language", default="en")
language = _now.get
"""Gives the language of now."""


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Reports that are made within are in this language.

    >>> with speaking("ru"):
    ...     write_report(Path("case-17.html"), comparison, a, b, comparer.calibration)
    """
    before = _now.set(language)
    try:
        yield
    finally:
        _now.reset(before)


def say(text: str) -> str:
    """An English sentence in the language of now, its numbers too; what is unknown stays.

    >>> with speaking("ru"):
    ...     say("5 stretches")
    '5 фрагментов'
    """
    return text if language() == "en" else _in_russian(text)


@cache
def catalogue() -> dict[str, str]:
    """Russian sentences by English ones."""
    text = files("verify.report").joinpath("russian.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str]]]:
    """What English sentences with placeholders look like, the longest first; and the Russian."""
    found = []
    for key, said in catalogue().items():
        for english in key.split("|"):
            parts = re.split(r"\{(\w+)\}", english)
            parts[::2] = map(re.escape, parts[::2])
            names = parts[1::2]
            parts[1::2] = [
                f"(?P={x})" if x in names[:i] else f"(?P<{x}>{NUMBER if len(x) == 1 else '.+?'})"
                for i, x in enumerate(names)
            ]
            found.append((re.compile("".join(parts)), said.split("|")))
    return sorted(found, key=lambda one: -len(one[0].pattern))


@lru_cache(maxsize=4096)
def _in_russian(text: str) -> str:
    if text in catalogue():
        return catalogue()[text]
    for pattern, forms in _patterns():
        if found := pattern.fullmatch(text):
            values: dict[str, Any] = found.groupdict()
            form = forms[_form(values["n"])] if len(forms) > 1 else forms[0]
            return form.format(**{name: _in_russian(value) for name, value in values.items()})
    for separator in ("; ", ", "):
        if separator in text:
            return separator.join(map(_in_russian, text.split(separator)))
    return text if re.search(r"[^\W\d_]", text) else _numerals(text)


def _form(number: str) -> int:
    """Which form of a noun follows a number: 1 час, 2 часа (and 1,5 часа), 5 часов."""
    if "." in number:
        return 1
    last = int(re.sub(r"\D", "", number)) % 100
    if 10 < last < 20:
        return 2
    return {1: 0, 2: 1, 3: 1, 4: 1}.get(last % 10, 2)


def _numerals(text: str) -> str:
    """Numbers with a decimal comma, and a space between thousands."""
    text = re.sub(r"(?<=\d),(?=\d{3})", NO_BREAK, text)
    return re.sub(r"(?<=\d)%", f"{NO_BREAK}%", re.sub(r"(?<=\d)\.(?=\d)", ",", text))
