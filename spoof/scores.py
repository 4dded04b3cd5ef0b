"""Scores: the log-odds that a network states for "synthetic", of segments and of recordings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cqtnet.errors import InputError, ManifestError
from eval.trials import Scores
from spoof.data.joining import Joined
from spoof.prepare import Examples, name_of

Floats = NDArray[np.float64]
AT_ONCE = 64


def fake_logit(logits: Tensor) -> Tensor:
    """The log-odds of "synthetic" (batch,) in logits (batch, 1), or (batch, 2) with fake second."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def score_inputs(net: nn.Module, inputs: NDArray[np.floating], *, device: torch.device) -> Floats:
    """Scores (n,) of inputs (n, *input_shape): natural log-odds, higher for synthetic."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(inputs), AT_ONCE):
            part = torch.from_numpy(np.asarray(inputs[start : start + AT_ONCE], np.float32))
            found.append(fake_logit(net(part.to(device))).double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


def score_examples(net: nn.Module, examples: Examples, *, device: torch.device) -> Floats:
    """Scores (n,) of all examples; one that is no number is an error that names it."""
    scores = np.empty(len(examples))
    for start in range(0, len(examples), AT_ONCE):
        at = np.arange(start, min(start + AT_ONCE, len(examples)))
        scores[at] = score_inputs(net, examples.inputs(at), device=device)
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        recording = examples.recordings[examples.recording[wrong[0]]]
        raise InputError(
            f"the score of {name_of(recording)} is {scores[wrong[0]]}: the network's weights are "
            "no use; train it anew, with a lower learning rate"
        )
    return scores


def recording_scores(examples: Examples, scores: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Which recordings have segments, (r,), and the mean score of those of each, (r,)."""
    held, place = np.unique(examples.recording, return_inverse=True)
    return held, np.bincount(place, scores) / np.bincount(place)


def as_trials(
    recordings: Sequence[Joined], scores: Floats, *, segment: NDArray[np.intp] | None = None
) -> Scores:
    """Scores of recordings (n,) as `eval` measures them: a synthetic one is a target.

    What an interval draws anew is the recordings' group; both sides of a trial are the same file.
    `segment` tells several scores of one recording apart.
    """
    is_fake = np.array([r.is_fake for r in recordings], bool)
    for label, name in ((True, "synthetic"), (False, "human")):
        if label not in is_fake:
            raise ManifestError(
                f"all {len(recordings)} recordings to be judged are of one class, none is {name}; "
                "give both classes"
            )
    names = _names(recordings)
    if segment is not None:
        names = [f"{name}#{number}" for name, number in zip(names, segment.tolist(), strict=True)]
    file = np.array(names)
    return Scores(
        Path("scores"),
        file,
        file,
        is_fake,
        np.full(len(names), "recordings" if segment is None else "segments"),
        np.array([r.group for r in recordings]),
        {
            "system": np.array([r.system for r in recordings]),
            "collection": np.array([r.collection for r in recordings]),
        },
        score=np.asarray(scores, np.float64),
    )


def _names(recordings: Sequence[Joined]) -> list[str]:
    """The recordings' names; with their groups where several are in one file, as rows are."""
    names = [name_of(r) for r in recordings]
    numbered = [f"{name}:{r.group}" for name, r in zip(names, recordings, strict=True)]
    return names if len(set(names)) == len(set(numbered)) else numbered
