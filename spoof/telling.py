"""A detection as lines of text: the verdict first, then what it rests on."""

import math

from spoof.detect import Detection
from spoof.wording import HEADLINES
from verify.words import clock, ratio

MARGIN = 1.0
"""Windows whose score is so far above the recording's mean are told as the most suspicious."""


def tell(found: Detection) -> list[str]:
    """The lines, the verdict first."""
    lines = [f"{found.path}: {headline(found)}"]
    lines += [f"  because {reason}" for reason in found.reasons]
    if found.score is not None:
        scores = [window.score for window in found.windows if window.score is not None]
        lines.append(
            f"  score    {found.score:.2f} on average, {min(scores):.2f} to {max(scores):.2f} over "
            f"{len(scores)} windows; {found.sound_s:.1f} s of sound in {clock(found.duration_s)}"
        )
        lines += _highest(found)
    lines.append(
        f"  model    {found.recipe} {found.model_sha256[:12]}, trained on {found.trained_on}; "
        "music, noise and what else it was not trained on it cannot judge"
    )
    return lines


def headline(found: Detection) -> str:
    """The verdict with its ratio.

    >>> headline(detection)
    'SYNTHETIC  LR 36 (ln 3.6): moderate support for a synthetic voice rather than a human one'
    """
    text = HEADLINES[found.verdict]
    if found.log_lr is None:
        return text
    text += f"  LR {ratio(found.log_lr)} (ln {found.log_lr:.1f}): {found.support}"
    return f"{text}; the bound of what the calibration supports" if found.is_bounded else text


def _highest(found: Detection) -> list[str]:
    """Where the score is highest, where that stands out."""
    assert found.score is not None
    window = max(found.windows, key=lambda w: -math.inf if w.score is None else w.score)
    if window.score is None or window.score < found.score + MARGIN:
        return []
    return [f"  highest  {window.score:.2f} at {clock(window.start_s)} to {clock(window.end_s)}"]
