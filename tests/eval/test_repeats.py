import json

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from eval.edits import places_counted, places_told, same_places
from eval.planting import FORMS
from tests.eval.planted import call

SIZE = 8 * SAMPLE_RATE


@pytest.mark.parametrize("form", ["loops", "song"])
def test_all_places_of_a_fragment_are_known_and_told(form):
    samples, starts = FORMS[form](make_music(21, duration_s=80.0), np.random.default_rng(1))
    first = starts[1] + SAMPLE_RATE // 4  # in the second loop, or in the first chorus
    size = min(SIZE, starts[2] - first)
    truth = same_places(samples, starts, first, size)
    assert first in truth and len(truth) > 1
    for place in truth:
        np.testing.assert_allclose(
            samples[place : place + size - 8], samples[first : first + size - 8]
        )
    told_s = places_told(samples[first : first + size], samples)
    truth_s = [place / SAMPLE_RATE for place in truth]
    assert places_counted(truth_s, told_s) == (len(truth), len(truth), 0)


def test_places_are_counted_once_each():
    assert places_counted([1.0, 9.0], [9.05, 1.0, 5.0]) == (2, 2, 1)
    assert places_counted([1.0], []) == (1, 0, 0)


def test_the_command_plants_edits_in_loops(tmp_path):
    for seed in (21, 22):
        folder = tmp_path / "music" / str(seed)
        folder.mkdir(parents=True)
        soundfile.write(folder / "a.wav", make_music(seed, duration_s=62.0), SAMPLE_RATE)
    out = tmp_path / "loops.json"
    args = ["--audio", tmp_path / "music", "--count", "1", "--form", "loops", "--out", out]
    assert call("edits", *args, "--jobs", "1").exit_code == 0
    figures = json.loads(out.read_text())["figures"]["all"]
    true, told, wrong = figures["places"]
    assert true > 1 and told == true and wrong == 0 and 0 <= figures["listed"] <= 1
