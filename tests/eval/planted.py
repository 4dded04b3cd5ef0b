"""Scores, recordings and a system whose answers are known beforehand."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.errors import InputError, NotAudioError
from cqtnet.music import make_music
from eval.protocols.plan import Source
from eval.protocols.survey import BLOCK_S, Survey
from eval.trials import Scores


def call(*words):
    """A call of `cqtnet eval`."""
    return CliRunner().invoke(cqtnet, ["eval", *map(str, words)])


def done(*words):
    """A call that succeeds."""
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result


def refusal(*words):
    """Why a call is refused, in one line."""
    error = call(*words).exception
    assert isinstance(error, InputError) and "\n" not in str(error)
    return str(error)


def write_music(folder, seconds):
    """Pieces of our own music, as long as asked for by name, `1` or `x/1`: files by name."""
    files = {name: folder / f"{name}.wav" for name in seconds}
    for name, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        music = make_music(int(path.stem), duration_s=seconds[name])
        soundfile.write(path, music, SAMPLE_RATE)
    return files


def score_table(reference, probe, label, recording, score, *, condition="c", log_lr=None):
    """A table of scores, in which numbers name references, probes and recordings."""
    sides = (np.char.add("r", reference.astype(str)), np.char.add("p", probe.astype(str)))
    conditions, recordings = np.full(len(label), condition), np.char.add("R", recording.astype(str))
    return Scores(Path("s.csv"), *sides, label, conditions, recordings, {}, score, log_lr)


def scores(target, nontarget, *, log_lr=False, condition="c", files=10):
    """Targets and nontargets of recordings that come round again."""
    score = np.array([*target, *nontarget], np.float64)
    own = np.arange(len(score))
    label, recording = own < len(target), own % files
    known = {"condition": condition, "log_lr": score if log_lr else None}
    return score_table(np.where(label, recording, files), own, label, recording, score, **known)


def paired(log_lr_target, log_lr_nontarget, *, n=20):
    """n targets and n nontargets of n recordings on either side, each class with one score."""
    label = np.arange(2 * n) < n
    own = np.arange(2 * n) % n
    score = np.where(label, log_lr_target, log_lr_nontarget)
    return score_table(np.where(label, own, (own + 7) % n), own, label, own, score, log_lr=score)


def joined(*parts):
    columns = ("reference", "probe", "label", "condition", "recording", "score")
    together = {name: np.concatenate([getattr(p, name) for p in parts]) for name in columns}
    return Scores(Path("s.csv"), **together)


def surveyed(name, collection="", *, duration_s=70.0, quiet=(0, 0)):
    """A recording that was never made, equally loud everywhere but in its quiet stretch."""
    power = np.ones(round(duration_s / BLOCK_S))
    power[round(quiet[0] / BLOCK_S) : round(quiet[1] / BLOCK_S)] = 1e-9
    source = Source(name, f"{name}.wav", f"hash of {name}", collection or name)
    return Survey(source, duration_s, power)


MANY = [surveyed(f"r{i}", f"c{i // 3}") for i in range(30)]


class PlantedSystem:
    """Minus the difference in bytes; it records its calls, and stops when told to."""

    described: ClassVar[list[str]] = []
    scored: ClassVar[list[int]] = []
    stop_after = 10**9
    version = 1
    pairs_at_once = 3
    columns = ()

    def __init__(self, settings):
        self.parameters = {"version": self.version, "model_sha256": settings.model}

    @classmethod
    def forget(cls):
        cls.described.clear()
        cls.scored.clear()

    def describe(self, path):
        self._stop()
        text = path.read_text()
        if text.startswith("bad"):
            raise NotAudioError(f"{path.name} is bad")
        self.described.append(path.name)
        return {"size": np.array(len(text))}

    def score(self, recordings, pairs):
        self._stop()
        self.scored.append(len(pairs))
        sizes = np.array([float(recording["size"]) for recording in recordings])
        return np.asarray(-np.abs(sizes[pairs[:, 0]] - sizes[pairs[:, 1]]))

    def _stop(self):
        if len(self.described) + len(self.scored) >= self.stop_after:
            raise KeyboardInterrupt
