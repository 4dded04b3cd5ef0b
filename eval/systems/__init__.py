"""Systems that score pairs of recordings, by name; a new one is a file here and a line below."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command's help lists the names, and needs neither numpy nor torch
    from eval.systems.interface import Settings, System

SYSTEMS = {
    "embedding": "eval.systems.ours:EmbeddingSystem",
    "alignment": "eval.systems.ours:AlignmentSystem",
    "comparison": "eval.systems.ours:ComparisonSystem",
    "mean-cqt": "eval.systems.baselines:MeanCqtSystem",
    "chroma-dtw": "eval.systems.baselines:ChromaDtwSystem",
}


def make_system(name: str, settings: "Settings") -> "System":
    """The system of that name, ready to describe recordings and score pairs.

    >>> make_system("mean-cqt", Settings()).describe("a.flac")["levels"].shape
    (84,)
    """
    from cqtnet.errors import InputError

    if name not in SYSTEMS:
        raise InputError(f"system {name!r} is unknown; use one of {', '.join(SYSTEMS)}")
    module, _, kind = SYSTEMS[name].partition(":")
    system: System = getattr(import_module(module), kind)(settings)
    return system
