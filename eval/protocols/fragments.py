"""Where in a recording the fragments lie."""

import numpy as np

from eval.protocols.plan import Stretch
from eval.protocols.survey import Survey

CLOSEST = 0.25
"""Two fragments of a recording begin at least this part of their length apart."""


def draw_fragments(
    rng: np.random.Generator, survey: Survey, *, length_s: float, count: int
) -> list[Stretch]:
    """Up to `count` stretches with content, spread over the recording, in its order.

    Where the recording is long enough they don't overlap, and lie anywhere; else they overlap
    as little as can be. Fewer come where there is no room or not enough to hear.
    """
    room_s = survey.duration_s - length_s
    if room_s < 0:
        return []
    apart_s = CLOSEST * length_s
    count = min(count, 1 + int(room_s / apart_s))
    step_s = min(length_s, room_s / (count - 1)) if count > 1 else 0.0
    free_s = max(0.0, room_s - (count - 1) * step_s)
    starts: list[float] = []
    for number, shift_s in enumerate(np.sort(rng.uniform(0, free_s, count))):
        start_s = survey.nearest_start(
            number * step_s + float(shift_s),
            length_s,
            within_s=(0.0, room_s),
            legal=lambda start_s: all(abs(start_s - other_s) >= apart_s for other_s in starts),
        )
        if start_s is not None:
            starts.append(start_s)
    return [Stretch(survey.source.recording, start_s, length_s) for start_s in sorted(starts)]
