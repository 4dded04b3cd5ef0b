"""Known signals, and a recording in a file for effects that bring one in."""

import numpy as np
import pytest
import soundfile

SAMPLE_RATE = 22050


@pytest.fixture(scope="session")
def other_recording(tmp_path_factory):
    """Seven seconds of a 700 Hz tone, stereo at 16 kHz, as a FLAC file."""
    path = tmp_path_factory.mktemp("other") / "tone.flac"
    tone = 0.3 * np.sin(2 * np.pi * 700 * np.arange(7 * 16000) / 16000)
    soundfile.write(path, np.stack([tone, tone], axis=1), 16000)
    return path


@pytest.fixture(scope="session")
def sweep():
    """Four seconds of tone gliding from 200 to 3000 Hz, twice: loud at every moment."""
    times = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    glide = np.sin(2 * np.pi * (200 * times + 700 * times**2))
    return np.concatenate([glide, glide]).astype(np.float32) * np.float32(0.5)
