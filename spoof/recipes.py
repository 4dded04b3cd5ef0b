"""Recipes: what one is, ours, those of the four sources, and how to get one by its name."""

import math
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from cqtnet.errors import InputError, check_settings
from spoof.data import Samples
from spoof.features import spectra
from spoof.features.sound import RATE_HZ
from spoof.features.voice import COUNT, FINE_COUNT, fine_statistics, voice_statistics
from spoof.networks import Light

LARGEST = float(np.finfo(np.float16).max)
"""Inputs are kept in half precision: no number in them may be larger."""
LEAST = {"epochs": 1, "batch": 1, "learning_rate": 1e-12, "keep_every": 1, "copies": 1}
"""The least value of every number that may not be 0."""


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
    """How the weights of a recipe are learned."""

    epochs: int
    batch: int
    learning_rate: float = 1e-3
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    patience: int | None = None  # epochs without a better one, by `keep`, before training stops
    keep: Literal["last", "loss", "accuracy", "f1", "eer"] = "last"  # of the validation part
    keep_every: int = 1  # only every so many epochs may be kept
    balanced: bool = False  # in batches both classes do, and in each of them all collections
    copies: int = 1  # of every training segment: the original, and altered ones
    copies_used: Literal["all", "one"] = "all"  # in an epoch: all, or one at random
    smoothing: float = 0.0  # of labels

    def __post_init__(self) -> None:
        """Raise where nothing can be trained so."""
        limits = {f.name: (LEAST.get(f.name, 0.0), math.inf) for f in fields(self)}
        check_settings(self, {**limits, "smoothing": (0, 0.9999999)})


@dataclass(frozen=True)
class Recipe:
    """A detector by name: its input, its network, its training, its authors' results."""

    name: str
    source: str  # S1 to S4, or ours
    title: str
    rate_hz: int
    segment_s: float | None  # None: a recording is one segment
    feature: Callable[[Samples], Samples]  # one segment (n,) → one input (*input_shape)
    input_shape: tuple[int, ...]
    model: Callable[..., nn.Module]  # (batch, *input_shape) → logits (batch, 1) or (batch, 2)
    training: Training
    hop_s: float | None = None  # from segment to segment in training; None: side by side
    joins: bool = False  # a speaker's recordings of one class are joined before they are cut
    alter: str = ""  # the function (samples, rate_hz, rng) that makes copies, as "module:name"
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

    def pretrained_file(self) -> Path | None:
        """Weights of ImageNet on this machine that the recipe can start from, or None."""
        from spoof.resnet import find_pretrained

        return find_pretrained(self.imagenet) if self.imagenet else None

    def changed(self, **changes: Any) -> "Recipe":
        """The recipe with fields of its training changed."""
        return replace(self, training=replace(self.training, **changes))

    def copy_of(self, segment: Samples, rng: np.random.Generator) -> Samples:
        """An altered copy of a segment, as long."""
        module, _, name = self.alter.partition(":")
        altered: Samples = getattr(import_module(module), name)(segment, self.rate_hz, rng)
        return altered

    def input_of(self, segment: Samples, *, name: str) -> Samples:
        """The feature of a segment; an InputError with `name` where shape or values are wrong."""
        values = self.feature(segment)
        if values.shape != self.input_shape:
            raise InputError(
                f"{name}: {segment.size / self.rate_hz:.2f} s give an input of {values.shape} "
                f"where {self.name} takes {self.input_shape}; give a longer recording"
            )
        largest = float(np.abs(values).max(initial=0))
        if not largest <= LARGEST:
            raise InputError(f"{name}: the feature of {self.name} is {largest} there; leave it out")
        return values

    def input_dict(self) -> dict[str, Any]:
        """How samples become an input, as plain data: two recipes with the same share it."""
        return {
            "rate_hz": self.rate_hz, "segment_s": self.segment_s, "hop_s": self.hop_s,
            "short": "repeat",  # what is shorter than a segment; cards of weights state it
            "joins": self.joins, "feature": described(self.feature),
            "input_shape": list(self.input_shape),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it is saved with the weights."""
        return {
            "name": self.name, "input": self.input_dict(), "model": described(self.model),
            "alter": self.alter.partition(":")[2] or None, "training": asdict(self.training),
        }  # fmt: skip


def described(function: Callable[..., Any]) -> str:
    """The name of a function or class without its module, and the arguments of a `partial`.

    >>> described(partial(round, ndigits=2))
    'round(ndigits=2)'
    """
    if not isinstance(function, partial):
        return function.__qualname__
    arguments = [*map(repr, function.args)]
    arguments += [f"{name}={value!r}" for name, value in sorted(function.keywords.items())]
    return f"{described(function.func)}({', '.join(arguments)})"


LIGHT = Recipe(
    "light", "ours", "a small dense network on statistics of how a voice varies", RATE_HZ,
    segment_s=3.0, hop_s=1.0, feature=voice_statistics, input_shape=(COUNT,),
    model=partial(Light, COUNT), alter="spoof.copies:our_copy",
    training=Training(
        epochs=40, batch=256, learning_rate=2e-3, optimiser="adamw", weight_decay=0.3,
        schedule="cosine", balanced=True, copies=4, copies_used="one", smoothing=0.05,
    ),
    remarks=(
        "Copies of both classes alike: low bit rates, narrow bands, second talkers, rooms, noise.",
        "Levels, means over time and silence around a voice are not among the statistics.",
    ),
)  # fmt: skip
FINE = replace(
    LIGHT, name="fine", title="as light, with narrower lines in the spectrum, of more collections",
    feature=fine_statistics, input_shape=(FINE_COUNT,), model=partial(Light, FINE_COUNT),
    training=replace(LIGHT.training, copies=5),
)  # fmt: skip
OURS = {LIGHT.name: LIGHT, FINE.name: FINE}


# The recipes of the four sources, as `sources.toml` lists them. They are read late: their other
# networks take a while to load, and `light` needs none of them.

SOURCES_RATE_HZ = 16_000
ROWS_RATE_HZ = 22_050
"""librosa's own rate, at which DEEP-VOICE's table was made: no other is stated."""
MODULES = {"spectra": "spoof.features.spectra", "networks": "spoof.networks",
           "resnet": "spoof.resnet"}  # fmt: skip
OTHER_FEATURES: dict[str, tuple[partial[Samples], int]] = {
    "mfcc13": (partial(spectra.mfcc_means, rate_hz=SOURCES_RATE_HZ, n_coefficients=13), 13),
    "lfcc": (partial(spectra.lfcc_means, rate_hz=SOURCES_RATE_HZ), 40),
    "chroma": (partial(spectra.chroma_means, rate_hz=SOURCES_RATE_HZ), 12),
    "rows": (partial(spectra.first_row, rate_hz=ROWS_RATE_HZ), 26),
}
"""Features that networks on 40 means can take instead, and how many numbers each has."""
MEL = partial(spectra.mel_picture, rate_hz=SOURCES_RATE_HZ, size=28)


@cache
def source_recipes() -> dict[str, Recipe]:
    """The recipes of the sources by name."""
    rows: dict[str, dict[str, Any]] = {}
    listed = tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))
    for name, own in listed.items():
        base = rows.get(own.pop("like", ""), {"remarks": [], "results": []})
        own["remarks"] = [*own.pop("more_remarks", []), *own.get("remarks", base["remarks"])]
        rows[name] = {**base, **own}
    return {name: _recipe(name, **row) for name, row in rows.items()}


def _recipe(
    name: str, *, feature: dict[str, Any], model: dict[str, Any], training: dict[str, Any],
    **row: Any,
) -> Recipe:  # fmt: skip
    row["results"] = [SourceResult(*result) for result in row["results"]]
    row |= {key: tuple(row[key]) for key in ("input_shape", "results", "remarks")}
    return Recipe(
        name, rate_hz=SOURCES_RATE_HZ, feature=_function(**feature, rate_hz=SOURCES_RATE_HZ),
        model=_function(**model), training=Training(**training), **row,
    )  # fmt: skip


def _function(of: str, *, args: list[str] | None = None, **options: Any) -> Callable[..., Any]:
    """The function or class of that name, as `networks.S4Cnn`, with arguments if there are any."""
    module, _, name = of.partition(".")
    function: Callable[..., Any] = getattr(import_module(MODULES[module]), name)
    return partial(function, *args or (), **options) if args or options else function


@cache
def variants() -> dict[str, Recipe]:
    """The same networks on other features of their sources, as NAME@FEATURE."""
    sources = source_recipes().values()
    found = [replace(r, name=f"{r.name}@mel", feature=MEL) for r in sources if r.source == "S1"]
    on_means = [recipe for recipe in sources if recipe.input_shape == (40,)]
    found += [_variant(recipe, name) for recipe in on_means for name in OTHER_FEATURES]
    return {recipe.name: recipe for recipe in found}


def _variant(recipe: Recipe, name: str) -> Recipe:
    feature, count = OTHER_FEATURES[name]
    return replace(
        recipe, name=f"{recipe.name}@{name}", rate_hz=feature.keywords["rate_hz"],
        segment_s=1.0 if name == "rows" else recipe.segment_s, feature=feature,
        input_shape=(count,), model=partial(recipe.model, n_features=count), results=(),
    )  # fmt: skip


def all_recipes() -> dict[str, Recipe]:
    """All recipes by name, as `cqtnet spoof recipes` lists them: the sources', then ours."""
    return {**source_recipes(), **OURS}


def find(name: str) -> Recipe:
    """The recipe of that name, or NAME@FEATURE for one on another feature."""
    if name in OURS:  # first, for it needs no other network
        return OURS[name]
    known = {**source_recipes(), **variants()}
    if name in known:
        return known[name]
    network, at, _ = name.partition("@")
    features = [other.partition("@")[2] for other in known if other.startswith(f"{network}@")]
    if at and features:
        raise InputError(f"{network} takes no {name!r}; use {network}@{{{','.join(features)}}}")
    raise InputError(f"recipe {name!r} is unknown; use one of {', '.join(all_recipes())}")
