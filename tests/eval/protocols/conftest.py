"""Four recordings of clicks and a tone, and every protocol over them, made once."""

import numpy as np
import pytest
import soundfile

from cqtnet.data import list_items
from eval.protocols.catalogue import PROTOCOLS, draw_plan
from eval.protocols.survey import survey
from eval.protocols.write import write_sets

RATE = 22050
CLICK_EVERY_S = 0.7


def tone_and_clicks(frequency, *, duration_s=46.0):
    """A quiet steady tone with loud single-sample clicks every 0.7 s."""
    times = np.arange(round(duration_s * RATE)) / RATE
    samples = 0.05 * np.sin(2 * np.pi * frequency * times)
    samples[np.round(np.arange(0.35, duration_s, CLICK_EVERY_S) * RATE).astype(int)] = 0.9
    return samples.astype(np.float32)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """Four recordings in two folders, and some noise beside them."""
    folder = tmp_path_factory.mktemp("recordings")
    for number, name in enumerate(["a/one", "a/two", "b/three", "b/four"]):
        path = folder / "music" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone_and_clicks(220.0 * (1 + number)), RATE)
    (folder / "noise").mkdir()
    hiss = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    soundfile.write(folder / "noise" / "hiss.wav", hiss, RATE)
    return folder


@pytest.fixture(scope="session")
def surveys(recordings):
    root = recordings / "music"
    return survey(list_items(root), root=root)[0]


@pytest.fixture(scope="session")
def sets(recordings, surveys, tmp_path_factory):
    """Every protocol over the four recordings, a fragment of each, in one folder."""
    out = tmp_path_factory.mktemp("sets")
    plans = [
        draw_plan(surveys, name, fragments=1, noise_root=recordings / "noise", seed=3)
        for name in PROTOCOLS
    ]
    write_sets(plans, root=recordings / "music", out=out, noise_root=recordings / "noise")
    return out
