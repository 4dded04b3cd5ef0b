"""Speed and memory of all but archives: comparing, embedding, training, scoring, measuring."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import torch

from augment.effect import Chain, Samples
from augment.tempo import Pitch, Tempo, resample
from cqtnet import SAMPLE_RATE, audio
from cqtnet.cache import load_frames
from cqtnet.checkpoint import load_weights
from cqtnet.cqt import Cqt, normalise, reference_cqt
from cqtnet.data import Item
from cqtnet.device import find_device, find_dtype, one_thread
from cqtnet.eer import equal_error_rate
from cqtnet.embed import Embedder
from cqtnet.model import CqtNet
from cqtnet.music import make_music
from cqtnet.preset import find_preset
from cqtnet.recipes import find_recipe
from cqtnet.train import Learner, loss_of
from cqtnet.views import Views, Waveforms, noise_frames
from eval.bench import Measurement, once, paired, seconds
from eval.metrics import measure
from eval.scoring import score_trials
from eval.systems import SYSTEMS, Settings, make_system
from eval.trials import Scores, read_trials
from verify.comparison import Comparer, gather
from verify.recording import best_hit

WINDOW_S, HOP_S = 20.0, 5.0
PRESET_NAMES = ("paper", "default")
RESAMPLES = 1000


def measure_startup(*, quick: bool) -> Iterator[Measurement]:
    """Time of `cqtnet --help`, and of Python alone."""
    del quick
    python_s = seconds(lambda: run([sys.executable, "-c", ""]))
    yield Measurement("starting Python", python_s, "s")
    help_s = seconds(lambda: run([sys.executable, "-m", "cqtnet", "--help"]))
    yield Measurement("cqtnet --help", help_s, "s", promise="< 0.3 s")


def measure_comparison(*, quick: bool) -> Iterator[Measurement]:
    """Two fragments of 20 s, warm and cold; one against an hour (quick: four minutes), cold."""
    minutes = 4 if quick else 60
    with tempfile.TemporaryDirectory() as name:
        fragment, original, long = _write_fragments(Path(name), minutes)
        comparer = Comparer.named()
        a, b = comparer.read(fragment), comparer.read(original)
        cosine_s = seconds(lambda: best_hit(comparer.embedder, a.trace, b.trace))
        gather_s = seconds(lambda: gather(comparer.embedder, a, b))
        warm_s = seconds(lambda: comparer.compare(fragment, original))
        command = [sys.executable, "-m", "cqtnet", "compare", str(fragment)]
        torch = [sys.executable, "-c", "import torch"]
        cold_s, cold = paired(lambda: run([*command, str(original)]), lambda: run(torch))
        afresh = {**os.environ, "CQTNET_CACHE": f"{name}/cache"}
        embed = [sys.executable, "-m", "cqtnet", "embed", str(long), "--out", f"{name}/e.npz"]
        embed_s = once(lambda: run(embed, afresh))
        long_s, again_s = (once(lambda: run([*command, str(long)], afresh)) for _ in range(2))
    ratio, two = gather_s / cosine_s, "compare, two fragments of 20 s"
    yield Measurement("two traces, cosine", 1000 * cosine_s, "ms")
    yield Measurement("two recordings read, all evidence", 1000 * gather_s, "ms", "cosine", ratio)
    yield Measurement(f"{two}, warm", warm_s, "s", promise="< 1 s")
    yield Measurement(f"{two}, cold", cold_s, "s", "import torch", cold, "< 6 s")
    long_against = f"compare, 20 s against {minutes} min, cold"
    of = "cqtnet embed of it"
    yield Measurement(long_against, long_s, "s", of, embed_s / long_s, "≥ 0.91×, < 45 s for 1 h")
    yield Measurement("  the next fragment", again_s, "s", of, embed_s / again_s, "≥ 3.3×")


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """What a command prints."""
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip
    return done.stdout


def _write_fragments(folder: Path, minutes: int) -> tuple[Path, Path, Path]:
    """An altered fragment, its original, and a long recording that holds it in its middle."""
    pieces = [make_music(seed, duration_s=60.0) for seed in range(4)]
    original = pieces[0][10 * SAMPLE_RATE : 30 * SAMPLE_RATE]
    altered = Chain((Tempo(1.1), Pitch(-2.0))).apply(original, SAMPLE_RATE).samples
    paths = folder / "fragment.flac", folder / "original.flac", folder / "long.flac"
    _write(paths[0], altered)
    _write(paths[1], original)
    with soundfile.SoundFile(paths[2], "w", SAMPLE_RATE, 1) as file:
        for minute in range(minutes):
            file.write(pieces[0] if minute == minutes // 2 else pieces[1 + minute % 3])
    return paths


def _write(path: Path, samples: Samples) -> None:
    soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)


ENCODED = {
    "Vorbis": ("ogg", 44_100), "mp3": ("mp3", 44_100), "AAC in mp4": ("m4a", 48_000),
    "FLAC of 24 bits": ("flac", 48_000),
}  # fmt: skip
"""Suffix and sample rate of stereo files as people have them."""
PEERS = {
    "ffmpeg": ("-v", "error", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "null", "-"),
    "fpcalc": ("-length", "0", "-ignore-errors"),
}
"""Commands that decode and resample as we do, with their options; measured where they are found."""


def measure_decoding(*, quick: bool) -> Iterator[Measurement]:
    """Five minutes (quick: 20 s) in stereo decoded, mixed and resampled, and what peers take."""
    duration_s = 20.0 if quick else 300.0
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, rate) in ENCODED.items():
            path = Path(folder) / f"stereo.{suffix}"
            _write_stereo(path, rate, duration_s)
            load = partial(audio.load, path)
            what = f"decoding {name}, stereo, {rate / 1000:g} kHz"
            peers = commands_of(path)
            for peer, command in peers.items():
                ours_s, ratio = paired(load, partial(run, command))
                yield Measurement(what, duration_s / ours_s, "× real time", peer, ratio)
            if not peers:
                yield Measurement(what, duration_s / seconds(load), "× real time")


def commands_of(path: Path) -> dict[str, list[str]]:
    """By the peers that are installed, what decodes a file."""
    found = filter(shutil.which, PEERS)
    return {peer: [peer, *["-i"][: peer == "ffmpeg"], str(path), *PEERS[peer]] for peer in found}


def _write_stereo(path: Path, rate: int, duration_s: float) -> None:
    mono = resample(make_music(1, duration_s=duration_s), SAMPLE_RATE, rate)
    stereo = np.clip(np.stack([mono, np.roll(mono, rate // 100)]), -1, 1)
    if path.suffix != ".m4a":
        subtype = {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III", ".flac": "PCM_24"}[path.suffix]
        with soundfile.SoundFile(path, "w", rate, 2, subtype) as file:
            for block in np.array_split(stereo.T, max(1, round(duration_s))):  # Vorbis needs them
                file.write(block)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(stereo.astype(np.float32), "fltp", "stereo")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def measure_frontend(*, quick: bool) -> Iterator[Measurement]:
    """Time of the CQT of a batch of fragments of 20 s, ours and librosa's."""
    n = 4 if quick else 16
    music = make_music(1, duration_s=20.0 * n).reshape(n, 20 * SAMPLE_RATE)
    ours = torch.inference_mode()(partial(Cqt(), torch.from_numpy(music)))
    baseline = seconds(lambda: [reference_cqt(fragment) for fragment in music], repeats=3) / n
    time_s = seconds(ours) / n
    yield Measurement("CQT of 20 s, librosa", 1e3 * baseline, "ms")
    name, ratio = "CQT of 20 s, torch, in a batch", baseline / time_s
    yield Measurement(name, 1e3 * time_s, "ms", "librosa", ratio, "≥ 2×")


def measure_embedding(*, quick: bool) -> Iterator[Measurement]:
    """Decoding, CQT and the shipped networks on a file of ten minutes, as times real time."""
    duration_s = 120.0 if quick else 600.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "music.flac"
        _write(path, make_music(1, duration_s=duration_s))
        decode_s = seconds(lambda: audio.load(path))
        yield Measurement("decode and resample", duration_s / decode_s, "× real time")
        for name in PRESET_NAMES:
            weights = load_weights(name)
            naive_s = once(partial(_window_by_window, weights.model, path))
            pass_s = seconds(partial(_one_pass, Embedder(weights), path), repeats=3)
            what, unit = f"embedding {duration_s / 60:.0f} min, {name}", "× real time"
            yield Measurement(f"{what}, every window alone, float32", duration_s / naive_s, unit)
            ratio, promise = naive_s / pass_s, "≥ 4×" * (name == "paper")
            yield Measurement(
                f"{what}, one pass", duration_s / pass_s, unit, "every window alone", ratio, promise
            )


def _one_pass(embedder: Embedder, path: Path) -> None:
    embedder.windows(embedder.read(path), window_s=WINDOW_S, hop_s=HOP_S)


@torch.inference_mode()
def _window_by_window(model: CqtNet, path: Path) -> None:
    """The simplest way: cut, transform and embed each window in float32."""
    samples = torch.from_numpy(audio.load(path))
    transform = Cqt()
    window, hop = int(WINDOW_S * SAMPLE_RATE), int(HOP_S * SAMPLE_RATE)
    for start in range(0, len(samples) - window + 1, hop):
        model(normalise(transform(samples[None, start : start + window])))


EMBED = """
import re, sys
from cqtnet.embed import Embedder
embedder = Embedder.named(sys.argv[2])
embedder.windows(embedder.read(sys.argv[1]), window_s=20, hop_s=5)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""
# Not getrusage: its peak includes what the parent held when it started the process.


def measure_memory(*, quick: bool) -> Iterator[Measurement]:
    """Peak memory of embedding a file of three hours (quick: ten minutes); on Linux only."""
    if sys.platform != "linux":
        return
    hours = 1 / 6 if quick else 3.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        piece = make_music(2, duration_s=60.0)
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
            for minute in range(round(60 * hours)):
                file.write(np.roll(piece, minute * 1000))
        for name in PRESET_NAMES[::-1]:
            peak_mb = int(run([sys.executable, "-c", EMBED, str(path), name])) / 1024
            what = f"peak memory, {hours:.2g} h, {name}"
            yield Measurement(what, peak_mb, "MB", promise="< 1,500 MB for 3 h")


def measure_training(*, quick: bool) -> Iterator[Measurement]:
    """Fragments a second altered as CQT, altered as waveform, and in a training step."""
    n, duration_s = (8, 30.0) if quick else (24, 40.0)
    device = find_device()
    with tempfile.TemporaryDirectory() as name:
        items = []
        for seed in range(n):
            path = Path(name) / f"{seed}.wav"
            _write(path, make_music(seed, duration_s=duration_s))
            items.append(Item(path, str(seed), "train", str(seed)))
        store = load_frames(items, Path(name), device=str(device))
        recipe = find_recipe("default", fragment_s=(20.0,), batch=n, context_share=0.0)
        views = Views(store, items, recipe, seed=0, noise=noise_frames([], white_s=60))
        share = replace(recipe, waveform_share=4 / n)
        waveforms = Waveforms(items, store.places, share, cache=Path(name), seed=0)
        learner = Learner(find_preset("default"), recipe, n).to(device)
        dtype = find_dtype(device)
        batch = views.batch(0)
        optimiser = torch.optim.AdamW(learner.parameters())

        def step() -> None:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                loss = loss_of(learner, batch, recipe)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

        def finished(work: Callable[[], Any]) -> None:
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()

        step_rate = 2 * n / seconds(partial(finished, step), repeats=3)
        spectral = 2 * n / seconds(partial(finished, partial(views.batch, 0)))
        waveform = 4 / seconds(lambda: waveforms[0], repeats=3)
    on = f"default preset, {device.type}"
    ratio, promise = spectral / step_rate, "faster than the step"
    yield Measurement(f"training step, {on}", step_rate, "fragments/s")
    yield Measurement("views altered as CQT", spectral, "fragments/s", "the step", ratio, promise)
    yield Measurement("views altered as waveform, one process", waveform, "fragments/s")


def measure_scoring(*, quick: bool) -> Iterator[Measurement]:
    """A list as the paper's, fragments of 20 s at another tempo: from files to scores; scoring."""
    n = 8 if quick else 300
    with tempfile.TemporaryDirectory() as folder, one_thread():
        trials = read_trials(_write_list(Path(folder), n))
        embedder = Embedder.named()
        few = list(zip(trials.reference, trials.probe, strict=True))[: min(n, 60)]
        paths = sorted({trials.file(str(name)) for pair in few[:30] for name in pair})
        pairs = np.array(list(product(range(len(paths)), repeat=2)))

        def one_by_one() -> None:
            for pair in few:
                a, b = (embedder.read(trials.file(str(name))) for name in pair)
                best_hit(embedder, a, b)

        alone = len(few) / once(one_by_one)
        yield Measurement("scoring, each pair decoded and embedded, one thread", alone, "pairs/s")
        for name in SYSTEMS:
            scores_csv = trials.path.with_name("scores.csv")
            score = partial(score_trials, trials.path, scores_csv, system=name, force=True)
            rate = len(trials) / once(score)
            promise = "3,000 pairs within minutes" if name == "embedding" else ""
            what = f"scoring {len(trials)} pairs, {name}, {os.cpu_count()} processors"
            yield Measurement(what, rate, "pairs/s", "each pair", rate / alone, promise)
        for name in SYSTEMS:
            system = make_system(name, Settings())
            described = [system.describe(path) for path in paths]
            rate = len(pairs) / once(partial(system.score, described, pairs))
            yield Measurement(f"comparing described files, {name}", rate, "pairs/s")


def _write_list(folder: Path, n: int) -> Path:
    """N fragments, n altered ones, 2n trials; all from one piece, for content changes no time."""
    music = make_music(1, duration_s=60.0)
    rows = ["reference,probe,label,condition,recording"]
    for i in range(n):
        fragment = np.roll(music, -i * SAMPLE_RATE // 4)[: 20 * SAMPLE_RATE]
        _write(folder / f"r{i}.flac", fragment)
        altered = Tempo(0.85 + 0.5 * i / n).apply(fragment, SAMPLE_RATE)
        _write(folder / f"p{i}.flac", altered.samples)
        rows += [f"r{j % n}.flac,p{i}.flac,{int(i == j)},tempo,{i}" for j in (i, i + 1)]
    (folder / "trials.csv").write_text("\n".join(rows) + "\n")
    return folder / "trials.csv"


def measure_metrics(*, quick: bool) -> Iterator[Measurement]:
    """All pairs of fragments: every figure with its interval, and the EER alone by sorting."""
    scores = _all_pairs(fragments=60 if quick else 588)
    whole_s = once(lambda: measure(scores, resamples=RESAMPLES))
    rng = np.random.default_rng(0)
    classes = scores.score[scores.label], scores.score[~scores.label]

    def sort_anew() -> float:
        return equal_error_rate(*(rng.choice(own, len(own)) for own in classes))

    alone_s, alone = seconds(sort_anew) * RESAMPLES, "the EER by sorting"
    name = f"{RESAMPLES:,} resamples of {len(scores):,} pairs"
    yield Measurement(f"{name}, {alone}", alone_s, "s")
    yield Measurement(f"{name}, all figures", whole_s, "s", alone, alone_s / whole_s)


def _all_pairs(*, fragments: int) -> Scores:
    """Every fragment with every one, four of a recording; scores with some overlap."""
    reference, probe = np.indices((fragments, fragments)).reshape(2, -1)
    kept = (reference == probe) | (reference // 4 != probe // 4)
    reference, probe = reference[kept], probe[kept]
    label, names = reference == probe, np.arange(fragments).astype(str)
    sides = names[reference], np.char.add("altered ", names)[probe]
    condition, score = np.full(len(label), "all"), np.random.default_rng(1).normal(4.0 * label)
    return Scores(Path("scores.csv"), *sides, label, condition, names[probe // 4], score=score)
