"""A test set as plain data: what was drawn, before any of it is made, and its lists of trials.

A plan is a small JSON file; with the recordings it gives the same set again, byte for byte.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from augment.audio.files import told
from augment.effect import Chain, effect_from_dict
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.schema import parse_json
from eval.trials import SIZES, Trials

FORMAT = 1  # raised whenever the same plan would give other bytes

Against = Literal["fragment", "recording"]
Negatives = int | Literal["all"]


def name_hash(*names: object) -> int:
    """A number of 64 bits for these names."""
    text = "\0".join(map(str, names)).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """A generator of these names' own: the draws of one recording do not depend on the others."""
    return np.random.default_rng([seed, name_hash(*names)])


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
                raise ValueError(f"{self} has a time that is not a number of seconds")
        if self.length_s == 0:
            raise ValueError(f"{self} is empty")

    @property
    def row(self) -> list[Any]:
        """The stretch as plain data."""
        return [self.recording, self.start_s, self.length_s]


@dataclass(frozen=True)
class Probe:
    """A stretch, how it is altered, and the references, by number, that it is compared with.

    `reference` is the target's, `negatives` are of other collections, `within` of other recordings
    of its own collection. A plan that takes all negatives lists none.
    """

    stretch: Stretch
    reference: int
    condition: str
    kind: str
    chain: Chain
    negatives: tuple[int, ...] = ()
    within: tuple[int, ...] = ()

    def sizes(self) -> dict[str, float]:
        """How large each change is, by column."""
        sizes, length_s = {}, self.stretch.length_s
        for effect in self.chain.effects:
            numbers = effect.to_dict()
            if "factor" in numbers:
                sizes["tempo_factor"] = numbers["factor"]
            if effect.name == "speed":
                sizes["shift_semitones"] = 12 * math.log2(numbers["factor"])
            if effect.name == "crop":
                length_s = effect.output_duration_s(length_s)
            sizes |= {key: numbers[key] for key in SIZES if key in numbers}
        return {**sizes, "length_s": length_s}

    def to_dict(self) -> dict[str, Any]:
        """The probe as plain data."""
        return {
            "stretch": self.stretch.row, "reference": self.reference,
            "condition": self.condition, "kind": self.kind,
            "effects": [effect.to_dict() for effect in self.chain.effects],
            "negatives": list(self.negatives), "within": list(self.within),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The probe from plain data."""
        stretch, effects = Stretch(*row.pop("stretch")), map(effect_from_dict, row.pop("effects"))
        negatives, within = tuple(row.pop("negatives")), tuple(row.pop("within"))
        chain = Chain(tuple(effects))
        return cls(stretch=stretch, chain=chain, negatives=negatives, within=within, **row)


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
        """JSON text for `from_json`, with one line for each item of a list."""
        head = ("format", "protocol", "seed", "against", "negatives", "within", "sample_rate")
        record = {name: getattr(self, name) for name in (*head, "noise", "skipped")}
        lists: dict[str, list[Any]] = {
            "sources": [asdict(source) for source in self.sources],
            "references": [reference.row for reference in self.references],
            "probes": [probe.to_dict() for probe in self.probes],
        }
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
        for key, rows in lists.items():
            listed = ",\n".join(f"  {json.dumps(row)}" for row in rows)
            lines.append(f" {json.dumps(key)}: [\n{listed}\n ]")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote; a ValueError says what is wrong with others."""
        record = parse_json(text)
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise ValueError(f"it is not of format {FORMAT}")
        try:
            plan = cls(
                sources=tuple(Source(**row) for row in record.pop("sources")),
                references=tuple(Stretch(*row) for row in record.pop("references")),
                probes=tuple(Probe.from_dict(row) for row in record.pop("probes")),
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
            f"{path} is not the plan of a protocol ({told(problem)}); give a .plan.json"
        ) from problem


def _check(plan: Plan) -> None:
    """Raise a ValueError unless this version can have written the plan."""
    if plan.sample_rate != SAMPLE_RATE:
        raise ValueError(f"its sample rate is {plan.sample_rate!r}, not {SAMPLE_RATE}")
    if plan.against not in get_args(Against):
        raise ValueError(f"against {plan.against!r} is unknown")
    if plan.negatives != "all" and type(plan.negatives) is not int:
        raise ValueError(f"negatives {plan.negatives!r} are neither a number nor all")
    if not plan.probes:
        raise ValueError("it has no probes")
    stretches = (*plan.references, *(probe.stretch for probe in plan.probes))
    parts: list[Any] = [plan, *plan.sources, *stretches, *plan.probes]
    for part in parts:
        for known in fields(part):
            if known.type in (str, bool):
                _check_type(known.name, getattr(part, known.name), known.type)
    _check_type("seed", plan.seed, int)
    for name in ("noise", "skipped"):
        _check_type(name, getattr(plan, name), dict)
        for value in getattr(plan, name).values():
            _check_type(name, value, str)
    for stretch in stretches:
        if stretch.recording not in plan.source_of:
            raise ValueError(f"recording {stretch.recording!r} is not among its sources")
    for probe in plan.probes:
        for index in (probe.reference, *probe.negatives, *probe.within):
            if type(index) is not int or index not in range(len(plan.references)):
                raise ValueError(f"it has no reference {index!r}")
        own = plan.references[probe.reference].recording
        if own != probe.stretch.recording:
            raise ValueError(f"a probe of {probe.stretch.recording!r} has its reference in {own!r}")


def _check_type(name: str, value: object, kind: Any) -> None:
    if type(value) is not kind:
        raise ValueError(f"{name} {value!r} is of the wrong type; it must be {kind.__name__}")


# Names of the files of a set: the content of a file decides its name.


def reference_name(plan: Plan, stretch: Stretch) -> str:
    """The file of a reference below the folder of the sets; start and length are milliseconds."""
    return f"references/{_stem(stretch)}-{_digest(plan, stretch)}.flac"


def probe_name(plan: Plan, probe: Probe) -> str:
    """The file of a probe below the folder of the sets."""
    effects = json.dumps([effect.to_dict() for effect in probe.chain.effects])
    noise = json.dumps([plan.noise.get(getattr(e, "path", "")) for e in probe.chain.effects])
    digest = _digest(plan, probe.stretch, effects, noise)
    return f"{plan.protocol}/{_stem(probe.stretch)}-{digest}.flac"


def _stem(stretch: Stretch) -> str:
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", stretch.recording)[-40:]
    return f"{readable}-{round(1000 * stretch.start_s)}-{round(1000 * stretch.length_s)}"


def _digest(plan: Plan, stretch: Stretch, *more: str) -> str:
    what = [FORMAT, plan.sample_rate, plan.source_of[stretch.recording].sha256]
    text = json.dumps([*what, *stretch.row, *more])
    return hashlib.sha256(text.encode()).hexdigest()[:10]


# Nontargets and the lists of trials.


class Pool:
    """The references of a set, from which nontargets are chosen."""

    def __init__(self, plan: Plan) -> None:
        references, source_of, seed = plan.references, plan.source_of, plan.seed
        self._names = [reference.recording for reference in references]
        self._collections = [source_of[name].collection for name in self._names]
        self.recording = np.unique(self._names, return_inverse=True)[1]
        self.collection = np.unique(self._collections, return_inverse=True)[1]
        self._key = np.array([name_hash(seed, *stretch.row) for stretch in references], np.uint64)

    def negatives(self, own: int, count: Negatives) -> tuple[int, ...]:
        """References of other collections than that of the reference `own`, `count` or all."""
        others = np.flatnonzero(self.collection != self.collection[own])
        if not others.size:
            raise InputError(
                f"all recordings are of one collection, {self._collections[own]!r}: there is no "
                "pair of different recordings; add some of another, or, "
                "where they are unrelated, give the very folder that they lie in"
            )
        if count != "all" and others.size < count:
            raise InputError(
                f"{count} negatives a fragment are wanted, but {self._names[own]!r} has only "
                f"{others.size} fragments of other collections; give --negatives {others.size} "
                "or fewer, or more recordings"
            )
        return self._spread(own, others, count)

    def siblings(self, own: int, count: Negatives) -> tuple[int, ...]:
        """References of other recordings of the same collection, at most `count` or all."""
        same = self.collection == self.collection[own]
        others = np.flatnonzero(same & (self.recording != self.recording[own]))
        return self._spread(own, others, count)

    def _spread(self, own: int, places: NDArray[np.int64], count: Negatives) -> tuple[int, ...]:
        """`count` of the places, from as many collections, then recordings, as possible.

        Among equals a hash of both references decides: a reference that comes or goes changes no
        choice but those it takes part in.
        """
        if count == "all":
            return tuple(int(place) for place in places)
        ranked = places[np.argsort(_mixed(self._key[own], self._key[places]), kind="stable")]
        chosen: list[int] = []
        for group in (self.collection, self.recording, np.arange(len(self.recording))):
            seen = {group[place] for place in chosen}
            for place in ranked:
                if len(chosen) == count:
                    return tuple(chosen)
                if group[place] not in seen:
                    seen.add(group[place])
                    chosen.append(int(place))
        return tuple(chosen)


def with_negatives(plan: Plan) -> Plan:
    """The plan with references of other recordings for each probe, unless it takes them all."""
    pool = Pool(plan)
    probes, has_siblings = [], False
    for probe in plan.probes:
        others = pool.negatives(probe.reference, plan.negatives)
        siblings = pool.siblings(probe.reference, plan.negatives) if plan.within else ()
        has_siblings |= bool(siblings)
        listed = plan.negatives != "all"
        probes.append(replace(probe, negatives=others, within=siblings) if listed else probe)
    if plan.within and not has_siblings:
        raise InputError(
            "no two recordings are of one collection: there is no pair within one; "
            "leave --within out, or add recordings"
        )
    return replace(plan, probes=tuple(probes))


def _mixed(one: np.uint64, many: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of one key with each of many: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = many ^ ((one << np.uint64(1)) | (one >> np.uint64(63)))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def trials(plan: Plan, path: Path, *, within: bool = False) -> Trials:
    """The list of trials: for each probe its target, then its nontargets.

    With `within`, nontargets are of the probe's own collection; probes without any are left out.
    """
    pool = Pool(plan)
    choose, suffix = (pool.siblings, "-within") if within else (pool.negatives, "")
    chosen: list[tuple[Probe, tuple[int, ...]]] = []
    for probe in plan.probes:
        drawn = probe.within if within else probe.negatives
        others = choose(probe.reference, "all") if plan.negatives == "all" else drawn
        if others or not within:
            chosen.append((probe, others))
    names = np.array([reference_name(plan, reference) for reference in plan.references])
    places = [place for probe, others in chosen for place in (probe.reference, *others)]
    rows_each = [1 + len(others) for _, others in chosen]
    sizes = [probe.sizes() for probe, _ in chosen]
    own = {
        "probe": [probe_name(plan, probe) for probe, _ in chosen],
        "condition": [probe.condition + suffix for probe, _ in chosen],
        "recording": [probe.stretch.recording for probe, _ in chosen],
        **{name: [f"{s[name]:.6g}" if name in s else "" for s in sizes] for name in SIZES},
        "kind": [probe.kind for probe, _ in chosen],
    }
    columns = {name: np.repeat(np.array(texts, np.str_), rows_each) for name, texts in own.items()}
    known = {name: columns.pop(name) for name in ("probe", "condition", "recording")}
    label = np.concatenate([np.arange(n) == 0 for n in rows_each])
    return Trials(path, names[places], label=label, **known, extras=columns)
