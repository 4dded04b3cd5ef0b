"""Sets made from their plans: fragments cut out, altered, written; lists last.

A set that has its list is complete. Finished recordings are kept after an interruption: a journal
holds the truth of each, and the hash of each file, so that a damaged file is made again.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.effect import Chain, Samples
from augment.noise import Background
from augment.timemap import Span, TimeMap
from cqtnet import SAMPLE_RATE, audio
from cqtnet.errors import InputError, ManifestError
from cqtnet.files import file_sha256, make_folder, remove_unfinished, written_whole
from cqtnet.progress import in_processes
from eval.protocols.catalogue import PROTOCOLS
from eval.protocols.plan import Plan, Probe, Stretch, probe_name, reference_name, trials
from eval.protocols.survey import load_quietly
from eval.trials import Trials, write_trials

FULL_SCALE = 32768
Truth = dict[str, Any]
Flac = tuple[float, str]
"""A written file: its gain in dB, below 0 if it was lowered, and the SHA-256 of its bytes."""


@dataclass(frozen=True)
class Order:
    """The files to make of one recording, for one plan or several."""

    recording: Path
    out: Path
    noise_root: Path
    references: dict[str, Stretch] = field(default_factory=dict)  # by file
    probes: dict[str, tuple[Probe, str]] = field(default_factory=dict)  # by file, with reference


def write_sets(
    plans: Sequence[Plan], *, root: Path, out: Path, noise_root: Path | None = None,
    workers: int | None = 1,
) -> list[Trials]:  # fmt: skip
    """Write the sets below `out`, and return the list of trials of each.

    Each recording of `root` is decoded once for all of them. With pairs inside collections, their
    list is NAME.within.csv.
    """
    for plan in plans:
        _check_place(plan, out, noise_root)
    for path, sha256 in sorted({(s.path, s.sha256) for plan in plans for s in plan.sources}):
        _check_bytes(root / path, sha256)
    for plan in plans:
        make_folder(out / plan.protocol)
        for folder in (out, out / plan.protocol, out / "references"):
            remove_unfinished(folder)
        with written_whole(out / f"{plan.protocol}.plan.json") as temporary:
            temporary.write_text(plan.to_json(), encoding="utf-8")
    make_folder(out / "references")
    truths = [_known_truth(out, plan) for plan in plans]
    rows = [row for truth in truths for row in truth.values()]
    names = (("probe", "sha256"), ("reference", "reference_sha256"))
    known = {row[a]: row[b] for row in rows for a, b in names if {a, b} <= row.keys()}
    every = _orders(plans, root, out, noise_root or Path())
    orders = [order for order in every if not _is_done(order, known)]
    for written in in_processes(_render, orders, workers=workers, doing="writing recordings"):
        for plan, truth in zip(plans, truths, strict=True):
            own = {n: r for n, r in written.items() if n.startswith(f"{plan.protocol}/")}
            with _journal(out, plan).open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in own.values())
            truth.update(own)
    return [_finish(out, plan, truth) for plan, truth in zip(plans, truths, strict=True)]


def _check_place(plan: Plan, out: Path, noise_root: Path | None) -> None:
    """Raise unless this plan can be written there, and its noise is at hand."""
    if plan.protocol not in PROTOCOLS:  # it names files and a folder
        raise InputError(f"a plan is for {plan.protocol!r}; known are {', '.join(PROTOCOLS)}")
    path = out / f"{plan.protocol}.plan.json"
    try:
        other = path.read_text(encoding="utf-8") if path.exists() else plan.to_json()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} cannot be read: {problem}; give another folder") from problem
    if other != plan.to_json():
        raise InputError(
            f"{path} is another draw of {plan.protocol}; give another folder, or remove the set"
        )
    if plan.noise and noise_root is None:
        raise InputError(
            f"the plan of {plan.protocol} has {len(plan.noise)} recordings of noise; "
            "give their folder with --noise"
        )
    for name, sha256 in plan.noise.items():
        _check_bytes((noise_root or Path()) / name, sha256)


def _check_bytes(path: Path, sha256: str) -> None:
    if audio.file_sha256(path) != sha256:
        raise ManifestError(
            f"{audio.shown(path)} is not the file that the plan was drawn from: its SHA-256 "
            "differs; give the same recordings, or draw a new plan"
        )


def _orders(plans: Sequence[Plan], root: Path, out: Path, noise: Path) -> Iterable[Order]:
    sources = (source for plan in plans for source in plan.sources)
    orders = {s.recording: Order(root / s.path, out, noise) for s in sources}
    for plan in plans:
        names = [reference_name(plan, stretch) for stretch in plan.references]
        for name, stretch in zip(names, plan.references, strict=True):
            orders[stretch.recording].references[name] = stretch
        for probe in plan.probes:
            order = orders[probe.stretch.recording]
            order.probes[probe_name(plan, probe)] = probe, names[probe.reference]
    return orders.values()


def _is_done(order: Order, known: Mapping[str, str]) -> bool:
    files = {name: order.out / name for name in (*order.probes, *order.references)}
    return all(n in known and f.is_file() and file_sha256(f) == known[n] for n, f in files.items())


def _render(order: Order) -> dict[str, Truth]:
    """Write the references and probes of one recording; the truth of each probe by its name."""
    samples = load_quietly(order.recording)
    written = {
        name: _write_flac(order.out / name, _cut(samples, stretch))
        for name, stretch in order.references.items()
    }
    return {name: _make(name, samples, order, written) for name in order.probes}


def _make(name: str, samples: Samples, order: Order, written: Mapping[str, Flac]) -> Truth:
    """Write a probe; all that is known of it."""
    probe, reference = order.probes[name]
    stretch, own = probe.stretch, order.references[reference]
    fragment = _cut(samples, stretch)
    # As loud as the reference is written: codecs would clip samples beyond full scale.
    lowered_db = _gain_db(fragment)
    effects = (
        replace(e, path=str(order.noise_root / e.path)) if isinstance(e, Background) else e
        for e in probe.chain.effects
    )
    altered = Chain(tuple(effects)).apply(_louder(fragment, lowered_db), SAMPLE_RATE)
    gain_db, sha256 = _write_flac(order.out / name, altered.samples)
    reference_gain_db, reference_sha256 = written[reference]
    length_s = fragment.size / SAMPLE_RATE
    place = TimeMap((Span(0.0, length_s, stretch.start_s, stretch.start_s + length_s),))
    return {
        "probe": name, "reference": reference, "recording": stretch.recording,
        "start_s": stretch.start_s, "length_s": stretch.length_s,
        "reference_start_s": own.start_s, "reference_length_s": own.length_s,
        "condition": probe.condition, "kind": probe.kind,
        **{key: size for key, size in probe.sizes().items() if key != "length_s"},
        "gain_db": lowered_db + gain_db, "reference_gain_db": reference_gain_db,
        "sha256": sha256, "reference_sha256": reference_sha256,
        "effects": [effect.to_dict() for effect in probe.chain.effects],
        "time_map": [astuple(span) for span in place.then(altered.time_map).spans],
    }  # fmt: skip


def _cut(samples: Samples, stretch: Stretch) -> Samples:
    start = round(stretch.start_s * SAMPLE_RATE)
    end = start + round(stretch.length_s * SAMPLE_RATE)
    if end > samples.size + 1:
        raise InputError(
            f"{stretch.recording!r} lasts {samples.size / SAMPLE_RATE:.2f} s; the plan needs "
            f"{stretch.length_s:g} s from {stretch.start_s:g} s on"
        )
    return samples[start:end]


def _gain_db(samples: Samples) -> float:
    """The gain that fits samples into 16 bits: 0, or less if they would clip."""
    peak = float(np.abs(samples).max())
    highest = (FULL_SCALE - 1) / FULL_SCALE
    return 0.0 if peak <= highest else float(20 * np.log10(highest / peak))


def _louder(samples: Samples, gain_db: float) -> Samples:
    return samples if gain_db == 0 else samples * np.float32(10 ** (gain_db / 20))


def _write_flac(path: Path, samples: Samples) -> Flac:
    """Write samples in 16 bits, lowered only if they would clip."""
    gain_db = _gain_db(samples)
    scaled = np.round(_louder(samples, gain_db).astype(np.float64) * FULL_SCALE)
    steps: NDArray[np.int16] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    with written_whole(path) as temporary:
        soundfile.write(os.fsencode(temporary), steps, SAMPLE_RATE, format="FLAC")
        return gain_db, file_sha256(temporary)


def _journal(out: Path, plan: Plan) -> Path:
    return out / f".{plan.protocol}.truth-so-far.jsonl"


def _known_truth(out: Path, plan: Plan) -> dict[str, Truth]:
    """Truth by probe, as far as it was written before; a line cut short does not count."""
    truth: dict[str, Truth] = {}
    for path in (out / f"{plan.protocol}.truth.jsonl", _journal(out, plan)):
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                truth[row["probe"]] = row
    return truth


def _finish(out: Path, plan: Plan, truth: Mapping[str, Truth]) -> Trials:
    """Write the truth in the plan's order, then the lists."""
    names = dict.fromkeys(probe_name(plan, probe) for probe in plan.probes)
    with written_whole(out / f"{plan.protocol}.truth.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(truth[name]) + "\n" for name in names))
    _journal(out, plan).unlink(missing_ok=True)
    if plan.within:
        within_csv = out / f"{plan.protocol}.within.csv"
        write_trials(within_csv, trials(plan, within_csv, within=True))
    pairs = trials(plan, out / f"{plan.protocol}.csv")
    write_trials(pairs.path, pairs)
    return pairs
