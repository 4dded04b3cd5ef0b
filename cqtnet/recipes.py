"""Training recipes by name, as plain data that is saved with the weights."""

import json
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, get_type_hints

from augment.spectral import SpectralRanges
from cqtnet.cache import MARGIN_BINS
from cqtnet.errors import InputError, check_settings
from cqtnet.preset import MINIMUM_S
from cqtnet.schema import checked

T = TypeVar("T")


def changed(settings: T, assignments: Iterable[str]) -> T:
    """`settings`, a frozen dataclass, after assignments as "spectral.eq_db=3", "optimiser=sgd"."""
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"{assignment!r} is not an assignment; write it as name=value")
        value: Any = text.strip()
        with suppress(ValueError):  # no JSON
            value = json.loads(value)
        settings = _assigned(settings, path.strip().split("."), value, assignment)
    return settings


def _assigned(settings: T, path: list[str], value: Any, assignment: str) -> T:
    """`settings` with the field at `path` replaced."""
    assert is_dataclass(settings) and not isinstance(settings, type)
    type_of = get_type_hints(type(settings))
    name, *rest = path
    if name not in type_of:
        raise InputError(f"{assignment!r}: {name!r} is unknown; use one of {', '.join(type_of)}")
    before = getattr(settings, name)
    if is_dataclass(before) == (not rest):
        single = f"{name}=value" if rest else f"{name}.field=value"
        raise InputError(f"{assignment!r} is not a single value; write {single}")
    if rest:
        after: Any = _assigned(before, rest, value, assignment)
    else:
        try:
            after = checked(type_of[name], value, name)
        except ValueError as error:
            problem = f"{assignment!r}: {error}"
            raise InputError(f"{problem}; write it as in {name}={json.dumps(before)}") from error
    return replace(settings, **{name: after})


LONGEST_S = 60.0  # seconds of the longest fragment; so much white noise is prepared for adding
LEAST = {"batch": 2, "epochs": 1, "temperature": 1e-3, "lr": 1e-12}
"""The least value of every number that may not be 0."""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training run depends on besides the data, the preset and the seed."""

    name: str
    # the loss
    pair_weight: float = 1.0  # NT-Xent over two altered views of one moment
    class_weight: float = 0.5  # cross-entropy with every recording its own class
    temperature: float = 0.07
    class_scale: float = 0.0  # 0: the paper's linear FC1; else cosine classifier
    class_margin: float = 0.0
    # the data of a step
    batch: int = 24  # fragments of the longest length; shorter ones come in larger batches
    fragment_s: tuple[float, ...] = (5.0, 10.0, 20.0)
    context_s: float = 0.0  # seconds of the untouched view on both sides of the fragment,
    context_share: float = 0.0  # in this share of steps, as around a window of a recording
    jitter_s: float = 1.0  # how far apart two views of one moment may start
    waveform_share: float = 0.125  # of altered views: altered as waveform, not as CQT
    chain: Literal["paper", "real-life", "loudspeaker"] = "real-life"  # that alters waveforms
    spectral: SpectralRanges = field(default_factory=SpectralRanges)
    # the optimiser
    optimiser: Literal["sgd", "adamw"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-2
    schedule: Literal["cosine", "plateau"] = "cosine"
    warmup_steps: int = 100
    epochs: int = 60  # in an epoch the fragments are as long in all as the recordings
    frozen_share: float = 0.0  # of steps, at the end, with BatchNorm as in inference
    whitening_steps: int = 0  # steps' views for whitening FC0 at the end; 0: no whitening

    def __post_init__(self) -> None:
        """Raise InputError unless a network can be trained by this recipe."""
        names = [field.name for field in fields(self)]
        most = {name: 1 if name.endswith("_share") else math.inf for name in names}
        check_settings(self, {name: (LEAST.get(name, 0), most[name]) for name in names})
        lengths_s, shifts = self.fragment_s, self.spectral.shift_semitones
        if not lengths_s or not all(MINIMUM_S <= s <= LONGEST_S for s in lengths_s):
            raise InputError(
                f"fragment_s {list(lengths_s)} cannot be learned from; give one length or more "
                f"of {MINIMUM_S:g} to {LONGEST_S:g} s"
            )
        if max(map(abs, shifts)) > MARGIN_BINS:
            cure = f"give a range within ±{MARGIN_BINS}"
            raise InputError(
                f"shift_semitones {list(shifts)} exceeds the bins that are cached; {cure}"
            )


_ALL = (
    Recipe("default", context_s=6.0, context_share=0.5, frozen_share=0.25, whitening_steps=72),
    Recipe(
        "paper", pair_weight=0.0, class_weight=1.0, batch=64, fragment_s=(20.0,),
        waveform_share=1.0, chain="paper", optimiser="sgd", weight_decay=0.0, schedule="plateau",
        warmup_steps=0, epochs=30,
    ),
)  # fmt: skip
RECIPES = {recipe.name: recipe for recipe in _ALL}
"""`default`: verifies best. `paper`: as published, with alterations of the waveform only."""


def find_recipe(name: str, **changes: Any) -> Recipe:
    """The named recipe, with fields changed on request."""
    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is unknown; use one of {', '.join(RECIPES)}")
    return replace(RECIPES[name], **changes)
