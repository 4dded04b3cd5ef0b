"""The systems: the best cosine of embeddings as in the paper, the whole comparison, two baselines.

The baselines have no network: the mean log-CQT, and chroma, warped onto each other.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import BINS_PER_OCTAVE, N_BINS, SILENCE_LEVEL, Cqt
from cqtnet.eer import Floats
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import InputError
from cqtnet.preset import step_count
from eval.systems import Description, Pairs, Settings, System, require_length
from verify.calibration import FIGURES, figures, load_calibration
from verify.comparison import gather, reasons_against
from verify.copytest import networks_sha256
from verify.features import Features
from verify.recording import WHOLE_S, Item, Recording
from verify.results import Evidence

HOP_S = 1.0
MEASURE_COLUMNS = (*FIGURES, "stated")
"""What is measured of a pair, and whether a ratio may be stated: from this, calibration learns."""
RATIO_COLUMNS = ("log_lr_unrelated", "log_lr_rendition", "log_lr_named")
"""The three ratios of a comparison, of which the smaller of the first two decides."""
ALIGNMENT_COLUMNS = ("found_tempo", "found_semitones", "found_offset_s", "found_overlap_s")
"""What the best alignment gives."""


class OfEmbedder(System):
    """A system with an embedder, and what the results depend on."""

    def __init__(self, settings: Settings) -> None:
        how = {"device": settings.device, "precision": settings.precision}
        self.embedder = Embedder.named(settings.model, **how)
        network = self.embedder.network
        self.parameters: dict[str, Any] = {
            "model_sha256": self.embedder.sha256, "precision": network.precision,
            "device": network.device,
        }  # fmt: skip


class EmbeddingSystem(OfEmbedder):
    """The cosine of `verify.recording.best_hit`, for many pairs at once.

    The shorter recording of a pair is one window. The windows of the longer one depend only on how
    many steps of the trunk that has, so they are pooled once for all pairs that need them.
    """

    pairs_at_once = 1 << 20

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.parameters["hop_s"] = HOP_S

    def describe(self, path: Path) -> Description:
        """The trace, and vector (embedding_size,) and level of the whole as one window."""
        trace = self.embedder.read(path)
        require_length(trace.n_samples, path)
        whole = self.embedder.windows(trace, window_s=trace.duration_s)
        return {
            "steps": trace.steps, "levels": trace.levels, "n_samples": np.array(trace.n_samples),
            "vector": whole.vectors[0], "has_content": whole.has_content[0],
        }  # fmt: skip

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """The highest cosine of each pair (n, 2), (n,): in [-1, 1], and -1 for silence."""
        vectors = np.stack([recording["vector"] for recording in recordings])
        has_content = np.array([recording["has_content"] for recording in recordings])
        n_samples = np.array([int(recording["n_samples"]) for recording in recordings])
        n_steps = np.array([step_count(self.embedder.preset, int(n)) for n in n_samples])
        swap = n_samples[pairs[:, 0]] < n_samples[pairs[:, 1]]
        longer, shorter = np.where(swap, pairs.T[::-1], pairs.T)
        scores = np.empty(len(pairs))
        order = np.lexsort((longer, n_steps[shorter]))
        changes = (np.diff(longer[order]) != 0) | (np.diff(n_steps[shorter][order]) != 0)
        for rows in np.split(order, np.flatnonzero(changes) + 1):
            trace, probes = _trace(recordings[longer[rows[0]]]), shorter[rows]
            best = self._best(trace, vectors[probes], n_samples[probes] / SAMPLE_RATE)
            scores[rows] = np.where(has_content[probes], best, -1.0)
        return scores

    def _best(self, trace: Trace, vectors: NDArray[np.float32], window_s: Floats) -> Floats:
        """The highest cosine of each vector (n, embedding_size) with windows of its own length."""
        windows = self.embedder.windows(trace, window_s=float(window_s[0]), hop_s=HOP_S)
        cosines = vectors @ windows.vectors.T  # (n, windows)
        end_s = np.minimum(windows.start_s + window_s[:, None], trace.duration_s)
        has_content = trace.mean_levels(windows.start_s, end_s) >= SILENCE_LEVEL
        best: Floats = np.where(has_content, cosines, -1.0).max(axis=1)
        return best


def _trace(recording: Description) -> Trace:
    return Trace(recording["steps"], recording["levels"], int(recording["n_samples"]))


class AlignmentSystem(OfEmbedder):
    """The strength of the best alignment, and all measures that calibration learns from."""

    pairs_at_once = 512
    columns: tuple[str, ...] = (*MEASURE_COLUMNS, *ALIGNMENT_COLUMNS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.parameters["copy_test_sha256"] = networks_sha256()

    def describe(self, path: Path) -> Description:
        """Trace and features, features in half precision."""
        recording = Recording.read(path, self.embedder)
        require_length(recording.trace.n_samples, path)
        if recording.problem:
            raise InputError(f"{audio.shown(path)} {recording.problem}; leave it out")
        if recording.whole is None:
            raise InputError(
                f"{audio.shown(path)} lasts longer than the {WHOLE_S:g} s this system takes; "
                "leave it out"
            )
        whole, trace = recording.whole, recording.trace
        return {
            "steps": trace.steps, "levels": trace.levels, "n_samples": np.array(trace.n_samples),
            "fine": whole.fine.astype(np.float16), "spectra": whole.spectra.astype(np.float16),
            "motion": whole.motion, "level": whole.level,
            "sound": recording.samples(0, recording.duration_s).astype(np.float16),
        }  # fmt: skip

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """Strength, measures and alignment of each pair (n, 2): (n, 1 + columns)."""
        rows = []
        for reference, probe in pairs:
            a, b = _recording(recordings[probe]), _recording(recordings[reference])
            evidence = gather(self.embedder, a, b)
            is_stated = float(not reasons_against(evidence))
            measured = [*figures(evidence).values(), is_stated, *_found(evidence)]
            rows.append([*self._row(evidence), *measured])
        return np.array(rows)

    def _row(self, evidence: Evidence) -> list[float]:
        """The score, and what comes before the measures."""
        return [evidence.alignment.strength if evidence.alignment else 0.0]


class ComparisonSystem(AlignmentSystem):
    """The calibrated score of the comparison, and its natural-log likelihood ratio."""

    columns = ("log_lr", *RATIO_COLUMNS, *MEASURE_COLUMNS, *ALIGNMENT_COLUMNS)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.calibration = load_calibration(settings.model, self.embedder.sha256)
        self.parameters["calibration"] = self.calibration.to_dict()

    def _row(self, evidence: Evidence) -> list[float]:
        ratios = self.calibration.ratios(evidence)
        decides = min(ratios.unrelated, ratios.rendition, key=lambda one: one.value)
        log_lr = 0.0 if reasons_against(evidence) else decides.value
        every = (ratios.unrelated, ratios.rendition, ratios.named)
        return [decides.unbounded, log_lr, *(ratio.value for ratio in every)]


def _found(evidence: Evidence) -> tuple[float, float, float, float]:
    """Tempo, semitones, offset and overlap in seconds of the best alignment."""
    if evidence.alignment is None:
        return 1.0, 0.0, 0.0, 0.0
    line = evidence.alignment.line
    return line.tempo, line.shift_semitones, line.offset_s, evidence.alignment.duration_s


def _recording(description: Description) -> Recording:
    whole = Features(
        description["fine"].astype(np.float32), description["spectra"].astype(np.float32),
        description["motion"], description["level"],
    )  # fmt: skip
    trace = _trace(description)
    item = Item("", "", trace.duration_s, "", "", 0, 0, ())
    return Recording(Path(), item, trace, whole, description["sound"].astype(np.float32))


# The baselines.

MAX_SHIFT = 6  # bins, that is semitones, by which one mean log-CQT is moved against the other
PAIRS_IN_MEMORY = 1 << 15
FRAMES_AVERAGED = 9  # CQT frames in a chroma frame: 4.8 chroma frames a second
ROTATIONS = (np.arange(12)[:, None] + np.arange(12)) % 12  # row r: pitch classes moved by r


def relative_magnitudes(path: Path) -> NDArray[np.float32]:
    """CQT magnitudes (84, frames) of a file over their own mean: no gain changes them."""
    samples = audio.load(path)
    audio.require_content(samples, name=audio.shown(path))
    require_length(len(samples), path)
    magnitudes = _transform()(samples[None])[0]
    return np.asarray(magnitudes / max(float(magnitudes.mean()), 1e-12))


_transform = cache(Cqt)


class MeanCqtSystem(System):
    """The cosine of mean log-CQTs over the bins that both have, at the best of ±6 bins.

    A recording is the mean over time of log(1 + magnitude / mean magnitude), 84 numbers. No mean
    is subtracted: all are positive, and scores lie in [0, 1].
    """

    pairs_at_once = 1 << 20
    parameters: Mapping[str, Any] = {
        "max_shift_bins": MAX_SHIFT, "compression": "log(1 + m / mean)",
    }  # fmt: skip

    def describe(self, path: Path) -> Description:
        """The mean over time of every bin, {"levels": (84,)}."""
        return {"levels": np.log1p(relative_magnitudes(path)).mean(axis=1)}

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """The best cosine of each pair (n, 2), (n,)."""
        levels = np.stack([recording["levels"] for recording in recordings])
        n_bins = levels.shape[1]
        best = np.full(len(pairs), -np.inf)
        for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
            references = _unit(levels[:, max(0, -shift) : n_bins - max(0, shift)])
            probes = _unit(levels[:, max(0, shift) : n_bins - max(0, -shift)])
            for start in range(0, len(pairs), PAIRS_IN_MEMORY):
                block = slice(start, start + PAIRS_IN_MEMORY)
                a, b = pairs[block].T
                cosines = np.einsum("nb,nb->n", references[a], probes[b])
                best[block] = np.maximum(best[block], cosines)
        return best


def _unit(vectors: NDArray[np.float32]) -> Floats:
    """Vectors (n, bins) of length 1; a vector of zeros stays."""
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


class ChromaDtwSystem(System):
    """Minus the mean cost of the best path of the shorter recording along the longer one.

    The best of twelve rotations of the chroma counts. The cost of two frames is 1 minus the
    correlation of their chroma. Steps are (1, 1), (2, 1) and (1, 2), so local tempo stays between
    half and double; a cell counts once for each frame of the shorter recording that its step moves
    on.
    """

    pairs_at_once = 5000  # some seconds
    parameters: Mapping[str, Any] = {"frames_averaged": FRAMES_AVERAGED, "steps": "11 21 12"}

    def describe(self, path: Path) -> Description:
        """The chroma of a file, {"chroma": (frames, 12)}."""
        return {"chroma": chroma(relative_magnitudes(path))}

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """Minus the mean path cost of each pair (n, 2), (n,): in [-2, 0]."""
        chromas = [recording["chroma"] for recording in recordings]
        return np.array([-path_cost(chromas[a], chromas[b]) for a, b in pairs.tolist()])


def chroma(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chroma (frames, 12) of CQT magnitudes (84, T): centred, of length 1; flat ones are equal."""
    n_frames = magnitudes.shape[1] // FRAMES_AVERAGED
    cut = magnitudes[:, : n_frames * FRAMES_AVERAGED]
    octaves = cut.reshape(N_BINS // BINS_PER_OCTAVE, BINS_PER_OCTAVE, n_frames, FRAMES_AVERAGED)
    classes = octaves.mean(axis=(0, 3)).T
    centred = classes - classes.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, centred / np.maximum(length, 1e-9), np.sqrt(1 / 12))
    return np.asarray(unit, np.float32)


def path_cost(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean cost of the best path of the shorter chroma (n, 12) along the longer one, in [0, 2]."""
    query, along = (a, b) if len(a) <= len(b) else (b, a)
    rotated = query[:, ROTATIONS]  # (n, 12 rotations, 12)
    before, last = (np.full((12, len(along) + 2), np.inf, np.float32) for _ in range(2))
    last[:, 2:] = 1 - rotated[0] @ along.T
    for row in rotated[1:]:
        cost = 1 - row @ along.T
        cells = np.full_like(last, np.inf)
        one_row = np.minimum(last[:, 1:-1], last[:, :-2]) + cost
        cells[:, 2:] = np.minimum(one_row, before[:, 1:-1] + 2 * cost)
        before, last = last, cells
    return float(last.min()) / len(query)
