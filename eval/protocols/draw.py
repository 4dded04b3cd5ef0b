"""A plan drawn from a seed: the fragments, their changes, and what they are compared with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augment.chain import Chain
from augment.noise import Background
from cqtnet import audio
from cqtnet.errors import InputError
from eval.protocols.catalogue import PROTOCOLS, Change, Protocol, Scene
from eval.protocols.plan import Against, Negatives, Plan, Pool, Probe, Stretch, rng_for
from eval.protocols.survey import Survey

CLOSEST = 0.25
"""Two fragments of a recording begin at least this part of their length apart."""


def draw_plan(
    surveys: Sequence[Survey], name: str, *, seed: int = 0, fragments: int = 3,
    length_s: float | None = None, negatives: Negatives = 1, within: bool = False,
    against: Against = "fragment", noise_root: Path | None = None,
    skipped: Mapping[str, str] | None = None,
) -> Plan:  # fmt: skip
    """The plan of the protocol `name` for these recordings.

    `length_s` is that of fragments, if not the protocol's; `negatives` are drawn for each probe;
    `within` adds pairs inside a collection. The draws of one recording depend on the seed and its
    own name alone; only negatives depend on the other recordings.
    """
    protocol = _checked(name, fragments=fragments, negatives=negatives, against=against)
    protocol = replace(protocol, length_s=length_s or protocol.length_s)
    noise = [str(path) for path in _noise_files(noise_root)]
    broken_noise: dict[str, str] = {}
    drawn = [
        (survey, fragment, change)
        for survey in surveys
        for fragment, change in _changes(protocol, survey, seed, fragments, noise, broken_noise)
    ]
    used = {survey.source.recording for survey, *_ in drawn}
    left_out = dict(skipped or {})
    for survey in surveys:
        if survey.source.recording not in used:
            left_out[survey.source.recording] = _reason(survey, protocol)
    for path, why in sorted(broken_noise.items()):
        left_out[f"noise {_below(path, noise_root)}"] = why
    if not drawn:
        some = "; ".join(f"{who}: {why}" for who, why in list(left_out.items())[:3])
        raise InputError(f"{name}: none of {len(left_out)} recordings gives a fragment ({some})")
    own = [fragment if against == "fragment" else survey.whole for survey, fragment, _ in drawn]
    index_of = {reference: index for index, reference in enumerate(dict.fromkeys(own))}
    probes = []
    for reference, (_, fragment, change) in zip(own, drawn, strict=True):
        effects = (
            replace(e, path=_below(e.path, noise_root)) if isinstance(e, Background) else e
            for e in change.effects
        )
        stretch, condition = change.stretch or fragment, name + change.suffix
        index, chain = index_of[reference], Chain(tuple(effects))
        probes.append(Probe(stretch, index, condition, change.kind, chain))
    paths = {e.path for *_, c in drawn for e in c.effects if isinstance(e, Background)}
    sources = tuple(survey.source for survey in surveys if survey.source.recording in used)
    hashes = {_below(path, noise_root): audio.file_sha256(path) for path in sorted(paths)}
    plan = Plan(
        name, seed, against, negatives, within, sources, tuple(index_of), tuple(probes),
        noise=hashes, skipped=left_out,
    )  # fmt: skip
    return _with_negatives(plan)


def _checked(name: str, *, fragments: int, negatives: Negatives, against: Against) -> Protocol:
    if name not in PROTOCOLS:
        raise InputError(f"no protocol is named {name!r}; choose from {', '.join(PROTOCOLS)}")
    if fragments < 1:
        raise InputError(f"{fragments} fragments of a recording are too few; give at least 1")
    if negatives != "all" and negatives < 1:
        raise InputError(f"{negatives} negatives a fragment are too few; give at least 1, or all")
    if name == "other-part" and against == "recording":
        raise InputError(
            "other-part compares two fragments: a whole recording holds both; "
            "leave --against recording out"
        )
    return PROTOCOLS[name]


def _changes(
    protocol: Protocol, survey: Survey, seed: int, fragments: int, noise: Sequence[str],
    broken_noise: dict[str, str],
) -> Iterator[tuple[Stretch, Change]]:  # fmt: skip
    """The fragments of a recording, the same for every protocol, and the changes to each."""
    recording = survey.source.recording
    rng = rng_for(seed, "fragments", protocol.length_s, recording)
    stretches = draw_fragments(rng, survey, length_s=protocol.length_s, count=fragments)
    for number, fragment in enumerate(stretches):
        rng = rng_for(seed, protocol.name, recording, number)
        for change in protocol.draw(rng, Scene(fragment, survey, noise, broken_noise)):
            yield fragment, change


def draw_fragments(
    rng: np.random.Generator, survey: Survey, *, length_s: float, count: int
) -> list[Stretch]:
    """Up to `count` stretches with content, spread over the recording, in its order.

    They overlap as little as possible, in a long recording not at all. There may be room for fewer.
    """
    room_s = survey.duration_s - length_s
    if room_s < 0:
        return []
    apart_s = CLOSEST * length_s
    count = min(count, 1 + int(room_s / apart_s))
    step_s = min(length_s, room_s / (count - 1)) if count > 1 else 0.0
    free_s = max(0.0, room_s - (count - 1) * step_s)
    starts: list[float] = []
    for number, shift_s in enumerate(np.sort(rng.uniform(0, free_s, count))):
        start_s = survey.nearest_start(
            number * step_s + float(shift_s),
            length_s,
            within_s=(0.0, room_s),
            legal=lambda start_s: all(abs(start_s - other_s) >= apart_s for other_s in starts),
        )
        if start_s is not None:
            starts.append(start_s)
    return [Stretch(survey.source.recording, start_s, length_s) for start_s in sorted(starts)]


def _reason(survey: Survey, protocol: Protocol) -> str:
    lasts = f"lasts {survey.duration_s:.1f} s"
    if survey.duration_s < protocol.length_s:
        return f"{lasts}, less than the {protocol.length_s:g} s of {protocol.name}"
    if protocol.name == "other-part":
        return f"{lasts}: beside its fragments there are no other {protocol.length_s:g} s to hear"
    return f"has no stretch with enough to hear for {protocol.name}"


def _with_negatives(plan: Plan) -> Plan:
    """The plan with references of other recordings for each probe, unless it takes them all."""
    pool = Pool(plan.references, plan.source_of, seed=plan.seed)
    probes = []
    has_siblings = False
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


def _noise_files(noise_root: Path | None) -> list[Path]:
    if noise_root is None:
        return []
    files = list(audio.find_audio([noise_root]))
    if not noise_root.is_dir() or not files:
        raise InputError(f"{audio.shown(noise_root)} holds no recordings; give a folder of noise")
    return files


def _below(path: str, root: Path | None) -> str:
    return path if root is None else str(Path(path).relative_to(root))
