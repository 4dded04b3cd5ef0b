"""A test set as plain data: what was drawn, before any of it is made.

A plan is a small JSON file. With the recordings at hand it gives the same set again, byte for
byte.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from augment.chain import Chain
from augment.effect import effect_from_dict
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.files import written_whole

# Chance that belongs to a name: what one recording draws doesn't depend on the others.


def name_hash(*names: object) -> int:
    """A number of 64 bits for these names."""
    text = "\0".join(map(str, names)).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """A generator that these names have to themselves."""
    return np.random.default_rng([seed, name_hash(*names)])


# A test set as plain data: what was drawn, before any of it is made.

FORMAT = 1
"""Raised whenever the same plan would give other bytes."""

Against = Literal["fragment", "recording"]
Negatives = int | Literal["all"]


@dataclass(frozen=True)
class Source:
    """A recording that fragments are taken from."""

    recording: str
    path: str  # relative to the folder of the recordings, or of their list
    sha256: str
    collection: str


@dataclass(frozen=True)
class Stretch:
    """A place in a recording, in seconds of it."""

    recording: str
    start_s: float
    length_s: float

    def __post_init__(self) -> None:
        for value in (self.start_s, self.length_s):
            if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ValueError(f"{self} has a time that is no number of seconds")
        if self.length_s == 0:
            raise ValueError(f"{self} is empty")


@dataclass(frozen=True)
class Probe:
    """A stretch, how it is altered, and the references that it is compared with.

    Numbers are places in `Plan.references`: `reference` is the target's, `negatives` those of
    other collections, `within` those of other recordings of its own collection. A plan that
    takes all negatives lists none.
    """

    stretch: Stretch
    reference: int
    condition: str
    kind: str
    chain: Chain
    negatives: tuple[int, ...] = ()
    within: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that decides a test set, besides the recordings' bytes."""

    protocol: str
    seed: int
    against: Against
    negatives: Negatives
    within: bool
    sources: tuple[Source, ...]
    references: tuple[Stretch, ...]
    probes: tuple[Probe, ...]
    noise: Mapping[str, str] = field(default_factory=dict)  # file below its folder → SHA-256
    skipped: Mapping[str, str] = field(default_factory=dict)  # recording → why
    sample_rate: int = SAMPLE_RATE
    format: int = FORMAT

    @cached_property
    def source_of(self) -> dict[str, Source]:
        """Sources by recording."""
        return {source.recording: source for source in self.sources}

    def to_json(self) -> str:
        """JSON text that `from_json` takes back; one line for each thing it lists."""
        head = {
            "format": self.format,
            "protocol": self.protocol,
            "seed": self.seed,
            "against": self.against,
            "negatives": self.negatives,
            "within": self.within,
            "sample_rate": self.sample_rate,
            "noise": dict(self.noise),
            "skipped": dict(self.skipped),
        }
        lists: dict[str, list[Any]] = {
            "sources": [asdict(source) for source in self.sources],
            "references": [_stretch_row(reference) for reference in self.references],
            "probes": [_probe_row(probe) for probe in self.probes],
        }
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        for key, rows in lists.items():
            listed = ",\n".join(f"  {json.dumps(row)}" for row in rows)
            lines.append(f" {json.dumps(key)}: [\n{listed}\n ]")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote; a ValueError says what is wrong with others."""
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        try:
            plan = cls(
                sources=tuple(Source(**row) for row in record.pop("sources")),
                references=tuple(Stretch(*row) for row in record.pop("references")),
                probes=tuple(_probe(row) for row in record.pop("probes")),
                **record,
            )
            _check(plan)
        except (KeyError, TypeError, AttributeError, IndexError) as problem:
            raise ValueError(f"{type(problem).__name__}: {problem}") from problem
        return plan


def read_plan(path: Path) -> Plan:
    """The plan in a file."""
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise InputError(
            f"{path} is no plan of a protocol ({problem}); give a .plan.json"
        ) from problem


def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(plan.to_json(), encoding="utf-8")


def _stretch_row(stretch: Stretch) -> list[Any]:
    return [stretch.recording, stretch.start_s, stretch.length_s]


def _probe_row(probe: Probe) -> dict[str, Any]:
    return {
        "stretch": _stretch_row(probe.stretch),
        "reference": probe.reference,
        "condition": probe.condition,
        "kind": probe.kind,
        "effects": [effect.to_dict() for effect in probe.chain.effects],
        "negatives": list(probe.negatives),
        "within": list(probe.within),
    }


def _probe(row: dict[str, Any]) -> Probe:
    effects = tuple(effect_from_dict(effect) for effect in row.pop("effects"))
    negatives, within = tuple(row.pop("negatives")), tuple(row.pop("within"))
    return Probe(
        stretch=Stretch(*row.pop("stretch")),
        chain=Chain(effects),
        negatives=negatives,
        within=within,
        **row,
    )


def _check(plan: Plan) -> None:
    """Raise a ValueError where a plan isn't what this version writes, or names what it lacks."""
    if plan.sample_rate != SAMPLE_RATE:
        raise ValueError(f"its sample rate is {plan.sample_rate!r}, not {SAMPLE_RATE}")
    if plan.against not in get_args(Against):
        raise ValueError(f"against {plan.against!r} is unknown")
    if plan.negatives != "all" and type(plan.negatives) is not int:
        raise ValueError(f"negatives {plan.negatives!r} are neither a number nor all")
    if not plan.probes:
        raise ValueError("it has no probes")
    _check_types(plan)
    for stretch in (*plan.references, *(probe.stretch for probe in plan.probes)):
        if stretch.recording not in plan.source_of:
            raise ValueError(f"recording {stretch.recording!r} is not among its sources")
    legal = range(len(plan.references))
    for probe in plan.probes:
        for place in (probe.reference, *probe.negatives, *probe.within):
            if type(place) is not int or place not in legal:
                raise ValueError(f"it has no reference {place!r}")
        own = plan.references[probe.reference].recording
        if own != probe.stretch.recording:
            raise ValueError(f"a probe of {probe.stretch.recording!r} has its reference in {own!r}")


def _check_types(plan: Plan) -> None:
    """Raise a ValueError where a value isn't of the type that `to_json` writes."""
    for name, record in (("noise", plan.noise), ("skipped", plan.skipped)):
        _require(name, record, dict)
        for value in record.values():
            _require(name, value, str)
    _require("protocol", plan.protocol, str)
    _require("seed", plan.seed, int)
    _require("within", plan.within, bool)
    for source in plan.sources:
        for name, value in asdict(source).items():
            _require(name, value, str)
    for stretch in plan.references:
        _require("recording", stretch.recording, str)
    for probe in plan.probes:
        _require("recording", probe.stretch.recording, str)
        _require("condition", probe.condition, str)
        _require("kind", probe.kind, str)


def _require(name: str, value: object, kind: type) -> None:
    if type(value) is not kind:
        raise ValueError(f"{name} {value!r} is of the wrong type; {kind.__name__} is meant")


# Names of the files of a set: what is in a file decides its name.


def reference_name(plan: Plan, stretch: Stretch) -> str:
    """The file of a reference below the folder of the sets: `references/song-12500-20000-….flac`.

    Start and length are milliseconds.
    """
    return f"references/{_stem(plan, stretch)}-{_digest(plan, stretch)}.flac"


def probe_name(plan: Plan, probe: Probe) -> str:
    """The file of a probe below the folder of the sets."""
    effects = json.dumps([effect.to_dict() for effect in probe.chain.effects])
    noise = json.dumps([plan.noise.get(getattr(e, "path", "")) for e in probe.chain.effects])
    digest = _digest(plan, probe.stretch, effects, noise)
    return f"{plan.protocol}/{_stem(plan, probe.stretch)}-{digest}.flac"


def _stem(plan: Plan, stretch: Stretch) -> str:
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", stretch.recording)[-40:]
    return f"{readable}-{round(1000 * stretch.start_s)}-{round(1000 * stretch.length_s)}"


def _digest(plan: Plan, stretch: Stretch, *more: str) -> str:
    what = [FORMAT, plan.sample_rate, plan.source_of[stretch.recording].sha256]
    text = json.dumps([*what, stretch.recording, stretch.start_s, stretch.length_s, *more])
    return hashlib.sha256(text.encode()).hexdigest()[:10]
