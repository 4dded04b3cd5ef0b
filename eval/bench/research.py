"""Measuring scores with intervals: sorted once, against sorted anew for every resample."""

import os
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
import torch

from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.cache import load_frames
from cqtnet.data import Item
from cqtnet.device import find_device, find_dtype, one_thread
from cqtnet.eer import equal_error_rate
from cqtnet.embed import Embedder
from cqtnet.model import find_preset
from cqtnet.music import make_music
from cqtnet.recipes import find_recipe
from cqtnet.train import Learner, loss_of
from cqtnet.views import Views, Waveforms, noise_frames
from eval.bench.table import Measurement, once, seconds
from eval.metrics import measure
from eval.scoring import score_trials
from eval.systems import SYSTEMS, make_system
from eval.systems.interface import Settings
from eval.trials import Scores, Trials, read_trials
from verify.cosine import best_hit

RESAMPLES = 1000
SORTED_ANEW = 5  # resamples of the baseline that are timed


def measure_metrics(*, quick: bool) -> list[Measurement]:
    """All pairs of fragments: every figure with its interval, and the EER alone by sorting."""
    scores = _all_pairs(fragments=60 if quick else 588)
    label = scores.label
    whole_s = once(lambda: measure(scores, resamples=RESAMPLES))
    rng = np.random.default_rng(0)

    def sort_anew() -> None:
        for _ in range(SORTED_ANEW):
            target, nontarget = (
                rng.choice(scores.score[mask], np.count_nonzero(mask)) for mask in (label, ~label)
            )
            equal_error_rate(target, nontarget)

    alone_s = once(sort_anew) * RESAMPLES / SORTED_ANEW
    name = f"{RESAMPLES:,} resamples of {len(scores):,} pairs"
    return [
        Measurement(f"{name}, the EER by sorting", alone_s, "s"),
        Measurement(f"{name}, all figures", whole_s, "s", "the EER by sorting", alone_s / whole_s),
    ]


def _all_pairs(*, fragments: int) -> Scores:
    """Every fragment with every one, four of a recording; scores with some overlap."""
    reference, probe = (side.ravel() for side in np.indices((fragments, fragments)))
    kept = (reference == probe) | (reference // 4 != probe // 4)
    reference, probe = reference[kept], probe[kept]
    label = reference == probe
    names = np.array([f"{i}" for i in range(fragments)])
    return Scores(
        Path("scores.csv"),
        names[reference],
        np.char.add("altered ", names)[probe],
        label,
        np.full(len(label), "all"),
        names[probe // 4],
        score=np.random.default_rng(1).normal(np.where(label, 4.0, 0.0)),
    )


# Scoring a list of trials: every file once and in groups, against every pair on its own.

DURATION_S = 20.0


def measure_scoring(*, quick: bool) -> list[Measurement]:
    """A list as the paper's: each fragment of 20 s at another tempo, with itself and another."""
    n = 8 if quick else 300
    with tempfile.TemporaryDirectory() as folder, one_thread():
        trials = read_trials(_write_list(Path(folder), n))
        embedder = Embedder.named()
        alone = _alone(trials, embedder, n_pairs=min(n, 60))
        lines = [
            Measurement("scoring, each pair decoded and embedded, one thread", alone, "pairs/s")
        ]
        for name in SYSTEMS:
            lines.append(_whole_run(trials, name, alone))
        files = [trials.file(str(name)) for name in [*trials.reference[:30], *trials.probe[:30]]]
        return lines + _described(sorted(set(files)), embedder)


def _write_list(folder: Path, n: int) -> Path:
    """N fragments, n altered ones, 2n trials; of few pieces, for content does not matter here."""
    music = make_music(1, duration_s=60.0)
    rows = ["reference,probe,label,condition,recording"]
    for i in range(n):
        fragment = np.roll(music, -i * SAMPLE_RATE // 4)[: round(DURATION_S * SAMPLE_RATE)]
        factor = 0.85 + 0.5 * i / n
        altered = Tempo(factor).apply(fragment, SAMPLE_RATE).samples
        for name, sound in (("r", fragment), ("p", np.clip(altered, -1, 1))):
            soundfile.write(folder / f"{name}{i}.flac", sound, SAMPLE_RATE)
        rows += [f"r{j % n}.flac,p{i}.flac,{int(i == j)},tempo,{i}" for j in (i, i + 1)]
    (folder / "trials.csv").write_text("\n".join(rows) + "\n")
    return folder / "trials.csv"


def _alone(trials: Trials, embedder: Embedder, *, n_pairs: int) -> float:
    """Pairs a second of what one would write first; weights are loaded already."""

    def work() -> None:
        for reference, probe in zip(
            trials.reference[:n_pairs], trials.probe[:n_pairs], strict=True
        ):
            a, b = (embedder.trace_file(trials.file(str(name))) for name in (reference, probe))
            best_hit(embedder, a, b)

    return n_pairs / once(work)


def _whole_run(trials: Trials, name: str, alone: float) -> Measurement:
    """Pairs a second from files to scores, the start of processes and weights included."""
    scores_csv = trials.path.with_name("scores.csv")
    run_s = once(lambda: score_trials(trials.path, scores_csv, system=name, force=True))
    rate = len(trials) / run_s
    promise = "3,000 pairs within minutes" if name == "embedding" else ""
    return Measurement(f"scoring {len(trials)} pairs, {name}, {os.cpu_count()} processors",
                       rate, "pairs/s", "each pair", rate / alone, promise)  # fmt: skip


def _described(files: list[Path], embedder: Embedder) -> list[Measurement]:
    """Pairs a second once files are described: every one with every other."""
    pairs = np.array(list(product(range(len(files)), repeat=2)))
    few = pairs[:: max(1, len(pairs) // 200)]
    traces = [embedder.trace_file(path) for path in files]
    alone = len(few) / once(lambda: [best_hit(embedder, traces[a], traces[b]) for a, b in few])
    lines = [Measurement("comparing described files, best_hit()", alone, "pairs/s")]
    for name in SYSTEMS:
        system = make_system(name, Settings())
        described = [system.describe(path) for path in files]
        rate = len(pairs) / once(lambda s=system, d=described: s.score(d, pairs))  # type: ignore[misc]
        lines.append(Measurement(f"comparing described files, {name}", rate, "pairs/s",
                                 "best_hit()", rate / alone))  # fmt: skip
    return lines


# Training: how fast views are made, and how fast a step uses them.


def measure_training(*, quick: bool) -> list[Measurement]:
    """Fragments a second of the CQT path, of the waveform path, and of a training step."""
    n, duration_s = (8, 30.0) if quick else (24, 40.0)
    device = find_device()
    with tempfile.TemporaryDirectory() as folder:
        items = _write_pieces(Path(folder), n, duration_s)
        store = load_frames(items, Path(folder), device=str(device))
        recipe = find_recipe("default", fragment_s=(20.0,), batch=n, context_share=0.0)
        views = Views(store, items, recipe, seed=0, noise=noise_frames([], white_s=60))
        share = replace(recipe, waveform_share=4 / n)
        waveforms = Waveforms(items, store.places, share, cache=Path(folder), seed=0)
        learner = Learner(find_preset("default"), recipe, n).to(device)
        dtype = find_dtype(device)

        batch = views.batch(0)
        optimiser = torch.optim.AdamW(learner.parameters())

        def finished() -> None:
            if device.type == "cuda":
                torch.cuda.synchronize()

        def step() -> None:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                loss = loss_of(learner, batch, recipe)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            finished()

        def make_views() -> None:
            views.batch(0)
            finished()

        step_rate = 2 * n / seconds(step, repeats=3)
        spectral = 2 * n / seconds(make_views)
        waveform = 4 / seconds(lambda: waveforms[0], repeats=3)
    on = f"default preset, {device.type}"
    return [
        Measurement(f"training step, {on}", step_rate, "fragments/s"),
        Measurement("views altered as CQT", spectral, "fragments/s", "the step",
                    spectral / step_rate, "faster than the step"),
        Measurement("views altered as waveform, one process", waveform, "fragments/s"),
    ]  # fmt: skip


def _write_pieces(folder: Path, n: int, duration_s: float) -> list[Item]:
    items = []
    for seed in range(n):
        path = folder / f"{seed}.wav"
        soundfile.write(path, make_music(seed, duration_s=duration_s), SAMPLE_RATE)
        items.append(Item(path, str(seed), "train", str(seed)))
    return items
