"""Systems that score pairs of recordings; a new one is a file here and a line in `SYSTEMS`."""

from __future__ import annotations  # help lists the names, and needs neither numpy nor torch

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cqtnet.errors import FragmentTooShortError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cqtnet.eer import Floats
    from cqtnet.embed import Precision

SYSTEMS = {
    "embedding": "eval.systems.known:EmbeddingSystem",
    "alignment": "eval.systems.known:AlignmentSystem",
    "comparison": "eval.systems.known:ComparisonSystem",
    "mean-cqt": "eval.systems.known:MeanCqtSystem",
    "chroma-dtw": "eval.systems.known:ChromaDtwSystem",
}

Description: TypeAlias = "Mapping[str, NDArray[Any]]"
"""All that a system needs to know of a recording, as arrays: they are kept on disk."""
Pairs: TypeAlias = "NDArray[np.int64]"
"""Pairs (n, 2), each a reference and a probe, as indices into a list of recordings."""


@dataclass(frozen=True)
class Settings:
    """The user's options; a system uses those that apply to it."""

    model: str = "default"  # shipped weights by name, or a path
    device: str = "auto"
    precision: Precision = "auto"


class System:
    """One way to tell whether two recordings are the same; made from settings."""

    parameters: Mapping[str, Any]
    """Plain data: everything that changes a description or a score, with SHA-256 of weights."""
    columns: tuple[str, ...] = ()
    """The columns of the score file after `score`, such as `log_lr`."""
    pairs_at_once: int
    """How many pairs are scored and kept together: the most that an interruption costs."""

    def __init__(self, settings: Settings) -> None:
        del settings  # those that apply to it

    def describe(self, path: Path) -> Description:
        """The description of a file; an InputError that names the file if it cannot be used."""
        raise NotImplementedError

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """Scores of pairs (n, 1 + columns), or (n,) without columns; higher for the same recording.

        Recordings are read from disk when they are indexed.
        """
        raise NotImplementedError


def make_system(name: str, settings: Settings) -> System:
    """The system of that name, ready to describe recordings and score pairs."""
    if name not in SYSTEMS:
        raise InputError(f"system {name!r} is unknown; use one of {', '.join(SYSTEMS)}")
    module, _, kind = SYSTEMS[name].partition(":")
    system: System = getattr(import_module(module), kind)(settings)
    return system


def require_length(n_samples: int, path: Path) -> None:
    """Raise unless a recording is long enough for every system: then all score the same pairs."""
    from cqtnet import SAMPLE_RATE, audio
    from cqtnet.preset import MINIMUM_S

    if n_samples < MINIMUM_S * SAMPLE_RATE:
        raise FragmentTooShortError(
            f"{audio.shown(path)} lasts {n_samples / SAMPLE_RATE:.3f} s, less than the "
            f"{MINIMUM_S:.1f} s that can be compared; leave it out"
        )
