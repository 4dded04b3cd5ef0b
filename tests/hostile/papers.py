"""Weights, cards, calibrations, plans and lists that were changed at random."""

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet.checkpoint import load_weights, save_weights
from cqtnet.data import list_items
from cqtnet.errors import WeightsError
from cqtnet.files import file_sha256
from cqtnet.model import CqtNet
from cqtnet.preset import find_preset
from eval.protocols.plan import read_plan
from eval.trials import read_scores, read_trials
from spoof.checkpoint import Calibration as SpoofCalibration
from spoof.checkpoint import load_calibration as load_spoof_calibration
from spoof.data.lists import load_table
from tests.hostile.damages import changed
from verify import calibration as c

Rng = np.random.Generator

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**29, 10**400, 1e-300, 1e300, math.nan, math.inf, "", "1",
    "x" * 100_000, "\x1b]0;owned\x07\n", "\ud800", "=1+1", [], {}, [[]], [None], {"": {}},
)  # fmt: skip


def deep(depth: int) -> Any:
    """Lists within lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def with_odd(value: Any, rng: Rng) -> Any:
    """Plain data with one value, or key, replaced or gone; it may be the whole."""
    if rng.random() < 0.15 or not isinstance(value, dict | list) or not value:
        is_deep = rng.random() < 0.1
        return deep(int(rng.integers(1, 900))) if is_deep else ODD[rng.integers(len(ODD))]
    changing: Any = value.copy()
    keys = list(changing) if isinstance(changing, dict) else list(range(len(changing)))
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.1:
        del changing[key]
    elif rng.random() < 0.1 and isinstance(changing, dict):
        changing[f"{key}\x07"] = changing.pop(key)
    else:
        changing[key] = with_odd(changing[key], rng)
    return changing


def odd_json(value: Any, rng: Rng) -> bytes:
    """JSON of such data, perhaps with damaged bytes, or nested beyond all measure."""
    if rng.random() < 0.03:
        return b"[" * 100_000
    for _ in range(int(rng.integers(1, 3))):
        value = with_odd(value, rng)
    data = json.dumps(value).encode()
    return changed(data, rng)[1] if rng.random() < 0.3 and data else data


@cache
def _weights(folder: Path) -> Path:
    path = folder / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), path, data="made in a test")
    return path


def mutated_weights(folder: Path, rng: Rng) -> str:
    """Weights whose tensors or card were changed, the hash made right: finite, or refused."""
    whole = _weights(folder.parent)
    card = json.loads(whole.with_suffix(".json").read_text())
    path = folder / "mine.safetensors"
    data = whole.read_bytes()
    if rng.random() < 0.5:
        in_header = rng.random() < 0.5
        size = 8 + int.from_bytes(data[:8], "little") if in_header else len(data)
        data = changed(data[:size], rng)[1] + data[size:]
    path.write_bytes(data)
    card["sha256"] = file_sha256(path)
    written = odd_json(card, rng) if rng.random() < 0.6 else json.dumps(card).encode()
    path.with_suffix(".json").write_bytes(written)
    weights = load_weights(path)
    assert all(np.isfinite(values).all() for values in weights.tensors.values())
    assert weights.model is not None
    return "loaded"


def mutated_calibration(folder: Path, rng: Rng) -> str:
    """A calibration that was changed: every ratio is finite, or none is given."""
    whole = json.loads((c.SHIPPED / "default.calibration.json").read_text())
    (folder / "mine.calibration.json").write_bytes(odd_json(whole, rng))
    known = c.load_calibration(folder / "mine", whole["model_sha256"])
    for _ in range(3):
        row = rng.normal(0, 3, len(c.MEASURES))
        for regression in known.regressions.values():
            try:
                found = regression.log_lr(row)
            except WeightsError:
                return "loaded, and gives no ratio"
            assert np.isfinite([found.value, *found.interval]).all(), "a ratio is not finite"
    return "loaded"


def mutated_detector_calibration(folder: Path, rng: Rng) -> str:
    """The same of a detector of synthetic speech."""
    whole = SpoofCalibration("a" * 64, 1.5, -0.2, -4.0, 4.0, {}).to_dict()
    weights = folder / "detector.safetensors"
    weights.with_suffix(".calibration.json").write_bytes(odd_json(whole, rng))
    known = load_spoof_calibration(weights, "a" * 64)
    assert known is not None
    for score in (0.0, 1e30, -1e300):
        try:
            assert math.isfinite(known.log_lr(score)), "a ratio is not finite"
        except WeightsError:
            return "loaded, and gives no ratio"
    return "loaded"


def mutated_plan(folder: Path, rng: Rng) -> str:
    """A plan of a protocol that was changed."""
    stretch = {"stretch": ["r", 0.0, 5.0], "reference": 0, "condition": "c", "kind": "k",
               "effects": [{"name": "tempo", "factor": 1.1}], "negatives": [],
               "within": []}  # fmt: skip
    plan = {
        "format": 1, "protocol": "hard", "seed": 1, "sample_rate": 22_050, "against": "recording",
        "within": False, "negatives": "all", "noise": {}, "skipped": {}, "probes": [stretch],
        "sources": [{"recording": "r", "path": "r.wav", "sha256": "a" * 64, "collection": "c"}],
        "references": [["r", 0.0, 9.0]],
    }  # fmt: skip
    (folder / "a.plan.json").write_text(json.dumps(plan))
    read_plan(folder / "a.plan.json")
    (folder / "a.plan.json").write_bytes(odd_json(plan, rng))
    read_plan(folder / "a.plan.json")
    return "loaded"


READERS: tuple[Callable[[Path], object], ...] = (read_trials, read_scores, load_table, list_items)
HEADER = ["reference", "probe", "condition", "recording", "label", "score", "file", "path", "split"]


def odd_list(folder: Path, rng: Rng) -> str:
    """A list of recordings, trials, scores or labels with whatever may be in a text file."""
    separator = str(rng.choice([",", "\t", ";"], p=[0.6, 0.3, 0.1]))
    fewest = 1 if rng.random() < 0.2 else len(HEADER)
    columns = rng.permutation(HEADER)[: int(rng.integers(fewest, len(HEADER) + 1))].tolist()
    cells = ["1", "0", "a.wav", "caf\udce9", "", "nan", "-inf", "1e999", '"', "'=x", "bonafide",
             "spoof", "train", "\x1b[2J", "\u202e", "x" * 1000, "two\nlines"]  # fmt: skip
    count, is_odd = int(rng.integers(0, 30)), rng.random() < 0.5
    good = {"label": "1", "score": "-0.5", "reference": "r.wav", "recording": "r"}
    rows = [
        [
            str(rng.choice(cells)) if is_odd and rng.random() < 0.1
            else good.get(name, f"{number}.wav")
            for name in columns
        ]
        for number in range(count)
    ]  # fmt: skip
    if rng.random() < 0.03:
        columns = columns + [f"c{i}" for i in range(int(rng.choice([999, 1_000_000])))]
    if rng.random() < 0.02 and len(columns) <= len(HEADER):  # else it fills the disk
        rows = 60_000 * [["a"] * len(columns)] + [["y" * 130_000] * len(columns)]
    lines = [separator.join(columns), *(separator.join(row) for row in rows)]
    data = str(rng.choice(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "surrogateescape")
    starts = [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\0"]
    data = bytes(rng.choice(starts, p=[0.6, 0.3, 0.05, 0.05])) + data
    if rng.random() < 0.4 and data:
        data = changed(data, rng)[1]
    path = folder / str(rng.choice(["list.csv", "list.tsv", "list.txt"]))
    path.write_bytes(data)
    READERS[rng.integers(len(READERS))](path)
    return "read"


def any_paper(folder: Path, rng: Rng) -> str:
    """One of all these."""
    kinds = (mutated_weights, mutated_calibration, mutated_detector_calibration, mutated_plan)
    return (*kinds, odd_list)[rng.integers(len(kinds) + 1)](folder, rng)
