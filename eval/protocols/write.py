"""Sets made from their plans: fragments cut out, altered, written; lists last.

A list is written when all its files are there, so a set that has its list is complete. What was
finished before an interruption is kept: a journal holds the truth of each finished recording,
and the hash of each file, so that one that was damaged since is made again.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.chain import Chain
from augment.effect import Samples
from augment.noise import Background
from augment.timemap import Span, TimeMap
from cqtnet import audio
from cqtnet.errors import InputError, ManifestError
from cqtnet.files import file_sha256, make_folder, written_whole
from eval.processes import in_processes
from eval.protocols.catalogue import PROTOCOLS
from eval.protocols.listing import sizes, trials, trials_within
from eval.protocols.plan import Plan, Probe, Source, Stretch, probe_name, reference_name, write_plan
from eval.protocols.survey import load_quietly
from eval.trials import write_trials

# What a killed run leaves behind: files that it was writing.

UNFINISHED = re.compile(r"\.writing-([0-9]{1,9})-[0-9a-f]{8}\b.*")
"""As `cqtnet.files.written_whole` names them; the number is the process."""


def remove_leftovers(folder: Path) -> None:
    """Remove from a folder the unfinished files of processes that have ended."""
    for path in folder.glob(".writing-*"):
        named = UNFINISHED.fullmatch(path.name)
        if named and not _is_alive(int(named[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing, only looks
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


# Sets made from their plans: fragments cut out, altered, written; lists last.

FULL_SCALE = 32768
Truth = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A probe to be made, its file, and its reference."""

    name: str
    probe: Probe
    reference_name: str
    reference: Stretch


@dataclass(frozen=True)
class Order:
    """What is to be made of one recording, for one plan or several."""

    source: Source
    root: Path
    out: Path
    sample_rate: int
    noise_root: Path | None
    references: tuple[tuple[str, Stretch], ...]  # with their files
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Flac:
    """A file as it was written: by how much it was lowered, and its bytes' hash."""

    gain_db: float
    sha256: str


@dataclass(frozen=True)
class Written:
    """Where a set lies, and how many trials it has."""

    plan: Plan
    csv: Path
    n_targets: int
    n_nontargets: int
    within_csv: Path | None


def write_sets(
    plans: Sequence[Plan],
    *,
    root: Path,
    out: Path,
    noise_root: Path | None = None,
    workers: int = 1,
    on_start: Callable[[int], None] = lambda total: None,
    on_recording: Callable[[], None] = lambda: None,
) -> list[Written]:
    """Write the sets below `out`; each recording of `root` is decoded once for all of them.

    `on_start` is told how many recordings there are to work on, `on_recording` of each that is
    done.
    """
    for plan in plans:
        _check_place(plan, out, noise_root)
    _check_sources(plans, root)
    for plan in plans:
        make_folder(out / plan.protocol)
        for folder in (out, out / plan.protocol, out / "references"):
            remove_leftovers(folder)
        write_plan(out / f"{plan.protocol}.plan.json", plan)
    make_folder(out / "references")
    truths = [_known_truth(out, plan) for plan in plans]
    known = _known_hashes(row for truth in truths for row in truth.values())
    orders = [
        order
        for order in _orders(plans, root=root, out=out, noise_root=noise_root)
        if not _is_done(order, known)
    ]
    on_start(len(orders))
    for rows in in_processes(render, orders, workers=workers):
        for plan, truth in zip(plans, truths, strict=True):
            own = {n: r for n, r in rows.items() if n.startswith(f"{plan.protocol}/")}
            _append(_journal(out, plan), own.values())
            truth.update(own)
        on_recording()
    return [_finish(out, plan, truth) for plan, truth in zip(plans, truths, strict=True)]


def render(order: Order) -> dict[str, Truth]:
    """Write the references and probes of one recording; the truth of each probe by its name."""
    samples = load_quietly(order.root / order.source.path)
    references = {
        name: _write_flac(order.out / name, _cut(samples, stretch, order), order.sample_rate)
        for name, stretch in order.references
    }
    return {job.name: _make(job, samples, order, references) for job in order.jobs}


def _make(job: Job, samples: Samples, order: Order, references: Mapping[str, Flac]) -> Truth:
    """Write one probe; what is true of it."""
    reference = references[job.reference_name]
    probe, stretch = job.probe, job.probe.stretch
    fragment = _cut(samples, stretch, order)
    # As loud as the reference is written: what is beyond full scale, codecs would clip.
    lowered_db = _gain_db(fragment)
    chain = _with_noise(probe.chain, order.noise_root)
    altered = chain.apply(_louder(fragment, lowered_db), order.sample_rate)
    written = _write_flac(order.out / job.name, altered.samples, order.sample_rate)
    length_s = fragment.size / order.sample_rate
    place = TimeMap((Span(0.0, length_s, stretch.start_s, stretch.start_s + length_s),))
    return {
        "probe": job.name,
        "reference": job.reference_name,
        "recording": stretch.recording,
        "start_s": stretch.start_s,
        "length_s": stretch.length_s,
        "reference_start_s": job.reference.start_s,
        "reference_length_s": job.reference.length_s,
        "condition": probe.condition,
        "kind": probe.kind,
        **sizes(probe.chain),
        "gain_db": lowered_db + written.gain_db,
        "reference_gain_db": reference.gain_db,
        "sha256": written.sha256,
        "reference_sha256": reference.sha256,
        "effects": [effect.to_dict() for effect in probe.chain.effects],
        "time_map": [astuple(span) for span in place.then(altered.time_map).spans],
    }


def _check_place(plan: Plan, out: Path, noise_root: Path | None) -> None:
    """Raise unless this plan can be written there: nothing else stands in its place."""
    if plan.protocol not in PROTOCOLS:  # which names files and a folder
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
    if not plan.noise:
        return
    if noise_root is None:
        raise InputError(
            f"the plan of {plan.protocol} has {len(plan.noise)} recordings of noise; "
            "give their folder with --noise"
        )
    for name, sha256 in plan.noise.items():
        _check_bytes(noise_root / name, sha256)


def _check_sources(plans: Sequence[Plan], root: Path) -> None:
    """Raise unless the recordings of all plans are there, with the bytes that were drawn from."""
    sources = {(source.path, source.sha256) for plan in plans for source in plan.sources}
    for path, sha256 in sorted(sources):
        _check_bytes(root / path, sha256)


def _check_bytes(path: Path, sha256: str) -> None:
    if audio.file_sha256(path) != sha256:
        raise ManifestError(
            f"{audio.shown(path)} is not the file that the plan was drawn from: its SHA-256 "
            "differs; give the same recordings, or draw a new plan"
        )


def _orders(
    plans: Sequence[Plan], *, root: Path, out: Path, noise_root: Path | None
) -> Iterator[Order]:
    """One order for each recording of any plan."""
    sources = {source.recording: source for plan in plans for source in plan.sources}
    references: dict[str, dict[str, Stretch]] = {recording: {} for recording in sources}
    jobs: dict[str, list[Job]] = {recording: [] for recording in sources}
    for plan in plans:
        for stretch in plan.references:
            references[stretch.recording][reference_name(plan, stretch)] = stretch
        for probe in plan.probes:
            own = plan.references[probe.reference]
            job = Job(probe_name(plan, probe), probe, reference_name(plan, own), own)
            jobs[probe.stretch.recording].append(job)
    for recording, source in sources.items():
        yield Order(
            source,
            root,
            out,
            plans[0].sample_rate,
            noise_root,
            tuple(references[recording].items()),
            tuple(jobs[recording]),
        )


def _is_done(order: Order, known: Mapping[str, str]) -> bool:
    """Whether all files are there with the bytes that were written."""
    names = [*(job.name for job in order.jobs), *(name for name, _ in order.references)]
    return all(
        name in known
        and (order.out / name).is_file()
        and file_sha256(order.out / name) == known[name]
        for name in names
    )


def _known_hashes(rows: Iterable[Truth]) -> dict[str, str]:
    """SHA-256 of the files that the truth speaks of, by name."""
    return {
        row[file]: row[sha256]
        for row in rows
        for file, sha256 in (("probe", "sha256"), ("reference", "reference_sha256"))
        if file in row and sha256 in row
    }


def _cut(samples: Samples, stretch: Stretch, order: Order) -> Samples:
    start = round(stretch.start_s * order.sample_rate)
    end = start + round(stretch.length_s * order.sample_rate)
    if end > samples.size + 1:
        raise InputError(
            f"{stretch.recording!r} lasts {samples.size / order.sample_rate:.2f} s; the plan wants "
            f"{stretch.length_s:g} s from {stretch.start_s:g} s on"
        )
    return samples[start:end]


def _with_noise(chain: Chain, noise_root: Path | None) -> Chain:
    """The chain with its recordings of noise where they lie here."""
    return Chain(
        tuple(
            replace(effect, path=str((noise_root or Path()) / effect.path))
            if isinstance(effect, Background)
            else effect
            for effect in chain.effects
        )
    )


def _gain_db(samples: Samples) -> float:
    """By how much samples must be raised for 16 bits: 0, or less where they would clip."""
    peak = float(np.abs(samples).max())
    highest = (FULL_SCALE - 1) / FULL_SCALE
    return 0.0 if peak <= highest else float(20 * np.log10(highest / peak))


def _louder(samples: Samples, gain_db: float) -> Samples:
    return samples if gain_db == 0 else samples * np.float32(10 ** (gain_db / 20))


def _write_flac(path: Path, samples: Samples, sample_rate: int) -> Flac:
    """Write samples in 16 bits, lowered only where they would clip; what was written."""
    gain_db = _gain_db(samples)
    scaled = np.round(_louder(samples, gain_db).astype(np.float64) * FULL_SCALE)
    steps: NDArray[np.int16] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    with written_whole(path) as temporary:
        soundfile.write(os.fsencode(temporary), steps, sample_rate, format="FLAC")
        return Flac(gain_db, file_sha256(temporary))


def _journal(out: Path, plan: Plan) -> Path:
    return out / f".{plan.protocol}.truth-so-far.jsonl"


def _append(path: Path, rows: Iterable[Truth]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _known_truth(out: Path, plan: Plan) -> dict[str, Truth]:
    """Truth by probe, as far as it was written before; a line cut short doesn't count."""
    truth: dict[str, Truth] = {}
    for path in (out / f"{plan.protocol}.truth.jsonl", _journal(out, plan)):
        if not path.exists():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                truth[row["probe"]] = row
            except (ValueError, KeyError, TypeError):
                continue
    return truth


def _finish(out: Path, plan: Plan, truth: Mapping[str, Truth]) -> Written:
    """Write the truth in the plan's order, then the lists."""
    names = list(dict.fromkeys(probe_name(plan, probe) for probe in plan.probes))
    with written_whole(out / f"{plan.protocol}.truth.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(truth[name]) + "\n" for name in names))
    _journal(out, plan).unlink(missing_ok=True)
    within_csv = out / f"{plan.protocol}.within.csv"
    if plan.within:
        write_trials(within_csv, trials_within(plan, within_csv))
    pairs = trials(plan, out / f"{plan.protocol}.csv")
    write_trials(pairs.path, pairs)
    n_targets = int(pairs.label.sum())
    n_nontargets = len(pairs) - n_targets
    return Written(plan, pairs.path, n_targets, n_nontargets, within_csv if plan.within else None)
