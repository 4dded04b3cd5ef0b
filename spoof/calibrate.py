"""Calibration of a detector by recordings that it has not learned from."""

from collections.abc import Sequence

import numpy as np

from cqtnet.device import find_device
from spoof.calibration import Calibration, fit
from spoof.checkpoint import Trained
from spoof.data.utterance import Utterance
from spoof.parts import Which, data_hash, members
from spoof.prepare import Preparer
from spoof.scores import recording_scores, score_examples


def calibrate(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    part: Which = "auto",
    device: str = "auto",
    sources: str = "",
) -> Calibration:
    """The calibration that scores of a part's recordings give.

    `auto` is the validation part of the data that the detector was trained on, which chose its
    epoch and taught it nothing else, and all of other data. Recordings of one collection, or of
    one group where none is known, are judged by what the others teach.
    """
    if part == "auto":
        part = "valid" if trained.card.get("data_sha256") == data_hash(utterances) else "all"
    held_out = (
        utterances
        if part == "all"
        else members(utterances, part, seed=int(trained.card.get("seed", 0)))
    )
    examples = preparer.examples(held_out, trained.recipe)
    scores = score_examples(trained.net, examples, device=find_device(device))
    held, means = recording_scores(examples, scores)
    recordings = [examples.recordings[at] for at in held]
    return fit(
        means,
        np.array([r.is_fake for r in recordings], bool),
        np.array([r.collection or r.group for r in recordings]),
        model_sha256=trained.sha256,
        sources=sources,
    )
