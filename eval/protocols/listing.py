"""The lists of pairs that a plan comes to, and how much each probe was changed."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augment.chain import Chain
from cqtnet.errors import InputError
from eval.protocols.plan import (
    Negatives,
    Plan,
    Probe,
    Source,
    Stretch,
    name_hash,
    probe_name,
    reference_name,
)
from eval.trials import Trials

# Which references a probe is compared with that are not its own.


class Pool:
    """The references of a set, and whose they are."""

    def __init__(
        self, references: Sequence[Stretch], source_of: dict[str, Source], *, seed: int
    ) -> None:
        self._names = [reference.recording for reference in references]
        self._collections = [source_of[name].collection for name in self._names]
        self.recording = np.unique(self._names, return_inverse=True)[1]
        self.collection = np.unique(self._collections, return_inverse=True)[1]
        self._key = np.array(
            [name_hash(seed, r.recording, r.start_s, r.length_s) for r in references], np.uint64
        )

    def negatives(self, own: int, wanted: Negatives) -> tuple[int, ...]:
        """References of other collections than that of the reference `own`, so many or all."""
        others = np.flatnonzero(self.collection != self.collection[own])
        if not others.size:
            raise InputError(
                f"all recordings are of one collection, {self._collections[own]!r}: there is no "
                "pair of different recordings; add some of another, or, "
                "where they are unrelated, give the very folder that they lie in"
            )
        if wanted != "all" and others.size < wanted:
            raise InputError(
                f"{wanted} negatives a fragment are wanted, but {self._names[own]!r} has only "
                f"{others.size} fragments of other collections; give --negatives {others.size} "
                "or fewer, or more recordings"
            )
        return self._spread(own, others, wanted)

    def siblings(self, own: int, wanted: Negatives) -> tuple[int, ...]:
        """References of other recordings of the same collection, up to so many or all."""
        alike = self.collection == self.collection[own]
        return self._spread(
            own, np.flatnonzero(alike & (self.recording != self.recording[own])), wanted
        )

    def _spread(self, own: int, places: NDArray[np.int64], wanted: Negatives) -> tuple[int, ...]:
        """So many of the places: from as many collections, then recordings, as can be.

        Among equals the order is that of a hash of both references. So it is even, and a
        reference that comes or goes changes no choice but those it takes part in.
        """
        if wanted == "all":
            return tuple(int(place) for place in places)
        ranked = places[np.argsort(_mixed(self._key[own], self._key[places]), kind="stable")]
        chosen: list[int] = []
        for group in (self.collection, self.recording, np.arange(len(self.recording))):
            seen = {group[place] for place in chosen}
            for place in ranked:
                if len(chosen) == wanted:
                    return tuple(chosen)
                if group[place] not in seen:
                    seen.add(group[place])
                    chosen.append(int(place))
        return tuple(chosen)


def _mixed(one: np.uint64, many: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of one key with each of many: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = many ^ ((one << np.uint64(1)) | (one >> np.uint64(63)))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


# The lists of pairs that a plan comes to, and how much each probe was changed.

NUMBERS = ("tempo_factor", "shift_semitones", "snr_db", "rt60_s", "kbps", "length_s")


def sizes(chain: Chain) -> dict[str, float]:
    """How large each change is: `tempo_factor`, `shift_semitones`, `snr_db`, `rt60_s`, `kbps`."""
    found: dict[str, float] = {}
    for effect in chain.effects:
        numbers = effect.to_dict()
        if "factor" in numbers:
            found["tempo_factor"] = numbers["factor"]
        if effect.name == "speed":
            found["shift_semitones"] = 12 * math.log2(numbers["factor"])
        for key in ("shift_semitones", "snr_db", "rt60_s", "kbps"):
            if key in numbers:
                found[key] = numbers[key]
    return found


def heard_s(probe: Probe) -> float:
    """Seconds of the recording that are heard in a probe."""
    length_s = probe.stretch.length_s
    for effect in probe.chain.effects:
        if effect.name == "crop":
            length_s = effect.output_duration_s(length_s)
    return length_s


def trials(plan: Plan, path: Path) -> Trials:
    """The list of `path`: for each probe its target, then its nontargets."""
    pool = Pool(plan.references, plan.source_of, seed=plan.seed)
    every = plan.negatives == "all"
    others = [
        pool.negatives(probe.reference, "all") if every else probe.negatives
        for probe in plan.probes
    ]
    return _table(plan, path, list(zip(plan.probes, others, strict=True)))


def trials_within(plan: Plan, path: Path) -> Trials:
    """Nontargets of the probe's own collection, and the targets of those probes."""
    pool = Pool(plan.references, plan.source_of, seed=plan.seed)
    every = plan.negatives == "all"
    siblings = [
        pool.siblings(probe.reference, "all") if every else probe.within for probe in plan.probes
    ]
    chosen = [pair for pair in zip(plan.probes, siblings, strict=True) if pair[1]]
    return _table(plan, path, chosen, suffix="-within")


def _table(
    plan: Plan, path: Path, chosen: Sequence[tuple[Probe, tuple[int, ...]]], *, suffix: str = ""
) -> Trials:
    """One row for each probe's target, and one for each of its nontargets."""
    names = np.array([reference_name(plan, reference) for reference in plan.references])
    places = [place for probe, others in chosen for place in (probe.reference, *others)]
    per_probe = [1 + len(others) for _, others in chosen]
    is_target = np.concatenate([np.arange(n) == 0 for n in per_probe])

    def column(text: Callable[[Probe], str]) -> NDArray[np.str_]:
        return np.repeat(np.array([text(probe) for probe, _ in chosen], np.str_), per_probe)

    return Trials(
        path=path,
        reference=names[places],
        probe=column(lambda probe: probe_name(plan, probe)),
        label=is_target,
        condition=column(lambda probe: probe.condition + suffix),
        recording=column(lambda probe: probe.stretch.recording),
        extras={
            **{key: column(partial(_number, key)) for key in NUMBERS},
            "kind": column(lambda probe: probe.kind),
        },
    )


def _number(key: str, probe: Probe) -> str:
    """One of the sizes of a probe as text; empty where it doesn't apply."""
    found = {**sizes(probe.chain), "length_s": heard_s(probe)}
    return f"{found[key]:.6g}" if key in found else ""
