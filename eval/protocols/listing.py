"""The lists of pairs that a plan comes to, and how much each probe was changed."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augment.chain import Chain
from eval.protocols.names import probe_name, reference_name
from eval.protocols.negatives import Pool
from eval.protocols.plan import Plan, Probe
from eval.trials import Trials

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
