"""What a recipe is: everything that decides a detector besides its data and its seed."""

import hashlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cqtnet.errors import InputError

Samples = NDArray[np.float32]
Feature = Callable[[Samples], Samples]
Alter = Callable[[Samples, int, np.random.Generator], Samples]
"""From samples (n,) at a rate in Hz and a generator to a changed copy, as long."""

FORMAT = 1
"""Raised whenever decoding, cutting or what is kept of a segment changes: old files are unused."""
LEAST = {"epochs": 1, "batch": 1, "learning_rate": 1e-12, "keep_every": 1, "copies": 1}
"""The least of every number that may not be 0."""


@dataclass(frozen=True)
class SourceResult:
    """A figure that a recipe's own authors state."""

    what: str
    value: str
    on: str

    def __str__(self) -> str:
        return f"{self.what} {self.value} on {self.on}"


@dataclass(frozen=True)
class Training:
    """How the weights of a recipe are found."""

    epochs: int
    batch: int
    learning_rate: float = 1e-3
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: float = 0.0  # over which the rate rises from 0
    patience: int | None = None  # epochs without a better one, by `keep`, that end it
    keep: Literal["last", "loss", "accuracy", "f1", "eer"] = "last"  # of the validation part
    keep_every: int = 1  # epochs from one that may be kept to the next
    weighted: bool = False  # in the loss both classes count the same
    balanced: bool = False  # in batches both classes do, and in each of them all collections
    copies: int = 1  # of every training segment: as it is, and altered ones
    copies_used: Literal["all", "one"] = "all"  # in an epoch: all, or one by chance
    smoothing: float = 0.0  # of labels
    ema: float = 0.0  # decay of the mean of weights that is kept; 0: the weights themselves

    def __post_init__(self) -> None:
        """Refuse what nothing can be trained by."""
        for known in fields(self):
            value = getattr(self, known.name)
            if isinstance(value, int | float):
                _require_number(known.name, value)
            elif get_origin(known.type) is Literal and value not in get_args(known.type):
                names = ", ".join(get_args(known.type))
                raise InputError(f"{known.name} {value!r} is unknown; use one of {names}")


@dataclass(frozen=True)
class Recipe:
    """A detector by name: what it hears, what it is, how it is trained, what its authors found."""

    name: str
    source: str  # S1 to S4, or ours
    title: str
    rate_hz: int
    segment_s: float | None  # None: a recording is one segment
    feature: Feature  # one segment (n,) → one input (*input_shape)
    input_shape: tuple[int, ...]
    model: Callable[..., nn.Module]  # (batch, *input_shape) → logits (batch, 1) or (batch, 2)
    training: Training
    hop_s: float | None = None  # from segment to segment in training; None: side by side
    short: Literal["repeat", "pad", "skip"] = "repeat"  # what becomes of less than a segment
    joins: bool = False  # a speaker's recordings of one class are joined before they are cut
    alter: Alter | None = None  # how copies are made
    imagenet: str = ""  # the ResNet of ImageNet whose weights the source starts from
    results: tuple[SourceResult, ...] = ()
    remarks: tuple[str, ...] = ()  # where the source is silent or contradicts itself

    def build(self, *, pretrained: Path | None = None) -> nn.Module:
        """A new network with random weights, or on those of a file where the recipe takes one."""
        if pretrained is None:
            return self.model()
        if not self.imagenet:
            raise InputError(f"{self.name} starts from random weights; leave --pretrained out")
        return self.model(pretrained=pretrained)

    def changed(self, **changes: Any) -> "Recipe":
        """The recipe with fields of its training changed."""
        return replace(self, training=replace(self.training, **changes))

    def input_dict(self) -> dict[str, Any]:
        """How samples become an input, as plain data: two recipes with the same share it."""
        return {
            "rate_hz": self.rate_hz,
            "segment_s": self.segment_s,
            "hop_s": self.hop_s,
            "short": self.short,
            "joins": self.joins,
            "feature": described(self.feature),
            "input_shape": list(self.input_shape),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it is saved with the weights."""
        return {
            "name": self.name,
            "input": self.input_dict(),
            "model": described(self.model),
            "alter": described(self.alter) if self.alter else None,
            "training": asdict(self.training),
        }

    def input_key(self) -> str:
        """Names what is kept of a segment: another key where anything changes, code included."""
        record = json.dumps([FORMAT, self.input_dict(), _code_of(self.feature)])
        return hashlib.sha256(record.encode()).hexdigest()[:12]

    def alter_key(self) -> str:
        """Names how copies are made."""
        record = [described(self.alter), _code_of(self.alter)] if self.alter else []
        return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:12]


def described(function: Callable[..., Any]) -> str:
    """The name of a function or class, with its arguments where it is a `partial`.

    The module is left out, so that code may move without invalidating trained weights.

    >>> described(partial(round, ndigits=2))
    'round(ndigits=2)'
    """
    if not isinstance(function, partial):
        return function.__qualname__
    given = [_value(value) for value in function.args]
    given += [f"{name}={_value(value)}" for name, value in sorted(function.keywords.items())]
    return f"{described(function.func)}({', '.join(given)})"


def _value(value: object) -> str:
    return described(value) if callable(value) else repr(value)


def _code_of(function: Callable[..., Any]) -> str:
    """SHA-256 of the code that a function lies among: the modules of its folder."""
    while isinstance(function, partial):
        function = function.func
    file = sys.modules[function.__module__].__file__
    digest = hashlib.sha256()
    for path in sorted(Path(file).parent.glob("*.py")) if file else []:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _require_number(name: str, value: float) -> None:
    least, most = LEAST.get(name, 0), 0.9999999 if name in ("ema", "smoothing") else math.inf
    if not (math.isfinite(value) and least <= value <= most):
        raise InputError(f"{name} {value:g} is outside {least:g} to {most:g}; give one within")
