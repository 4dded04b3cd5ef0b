"""Scoring a list of trials: every file once and in groups, against every pair on its own."""

import os
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import soundfile

from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.device import one_thread
from cqtnet.embed import Embedder
from cqtnet.music import make_music
from eval.bench.table import Measurement, once
from eval.scoring import score_trials
from eval.systems import SYSTEMS, make_system
from eval.systems.interface import Settings
from eval.trials import Trials, read_trials
from verify.cosine import similarity

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
            similarity(embedder, a, b)

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
    alone = len(few) / once(lambda: [similarity(embedder, traces[a], traces[b]) for a, b in few])
    lines = [Measurement("comparing described files, similarity()", alone, "pairs/s")]
    for name in SYSTEMS:
        system = make_system(name, Settings())
        described = [system.describe(path) for path in files]
        rate = len(pairs) / once(lambda s=system, d=described: s.score(d, pairs))  # type: ignore[misc]
        lines.append(Measurement(f"comparing described files, {name}", rate, "pairs/s",
                                 "similarity()", rate / alone))  # fmt: skip
    return lines
