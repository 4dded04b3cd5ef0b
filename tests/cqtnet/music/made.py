"""What tests of MIDI share."""

import shutil

import pytest

from cqtnet.music.fluidsynth import SOUND_FONTS
from cqtnet.music.midi import Variation

PLAIN = Variation(
    shift_semitones=0,
    tempo_factor=1.0,
    start=0.0,
    programs=tuple(range(15)),
    reverb_level=0.0,
    room_size=0.2,
    chorus=False,
)
"""Changes nothing."""

needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not any(SOUND_FONTS.glob("*.sf2")),
    reason="needs FluidSynth: apt install fluidsynth fluid-soundfont-gm",
)
