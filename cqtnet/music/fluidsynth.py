"""The command `fluidsynth`: scores of MIDI as sound, played with a General MIDI sound font."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.files import file_sha256
from cqtnet.music.midi import Score, Variation, draw_variation, write_midi
from cqtnet.music.score import Note

SOUND_FONTS = Path("/usr/share/sounds/sf2")
PREFERRED = "FluidR3_GM.sf2"
RATE = 44100
"""What FluidSynth computes at: the rate of most sound fonts' samples."""


@dataclass(frozen=True, slots=True)
class Synthesizer:
    """An installed FluidSynth with a sound font."""

    command: str
    version: str
    sound_font: Path
    sound_font_sha256: str

    def play(
        self, score: Score, variation: Variation, *, timeout_s: float = 60.0
    ) -> NDArray[np.float32]:
        """The score as sound: float32, mono, at `SAMPLE_RATE`, until its last note has died.

        A TimeoutError after `timeout_s`; an InputError where FluidSynth reports an error.
        """
        with TemporaryDirectory(prefix="cqtnet-render-") as folder:
            midi, wav = Path(folder) / "score.mid", Path(folder) / "sound.wav"
            midi.write_bytes(write_midi(score, variation.programs))
            self._run(midi, wav, variation, timeout_s=timeout_s)
            try:
                sound, rate = soundfile.read(wav, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise InputError(
                    f"fluidsynth {self.version} wrote no sound ({error.error_string}); "
                    "try it by hand"
                ) from error
        mono: NDArray[np.float32] = soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)
        return mono

    def _run(self, midi: Path, wav: Path, variation: Variation, *, timeout_s: float) -> None:
        # An empty configuration: the user's own would change the sound.
        words = [self.command, "-n", "-i", "-q", "-f", "/dev/null", "-F", wav, "-r", RATE]
        words += ["-g", "0.5", "-o", f"synth.reverb.active={int(variation.reverb_level > 0)}"]
        words += ["-o", f"synth.reverb.level={variation.reverb_level}"]
        words += ["-o", f"synth.reverb.room-size={variation.room_size}"]
        words += ["-o", f"synth.chorus.active={int(variation.chorus)}", self.sound_font, midi]
        done = _call(words, timeout_s=timeout_s)
        # It ends with 0 after most errors, and a damaged sound font is replaced by another one.
        failed = re.search(r"fluidsynth: (?:error|panic): (.*)", done.stderr)
        if failed or done.returncode != 0:
            what = failed[1] if failed else f"exit code {done.returncode}"
            raise InputError(
                f"fluidsynth {self.version} failed with {self.sound_font}: {what}; "
                "try another sound font (--sound-font)"
            )


def find_synthesizer(sound_font: Path | None = None) -> Synthesizer:
    """The installed FluidSynth, tried out with this sound font or the one that Debian brings."""
    command = shutil.which("fluidsynth")
    if command is None:
        raise InputError(
            "the command fluidsynth is not installed; "
            "run: apt install fluidsynth fluid-soundfont-gm"
        )
    path = (sound_font or _installed_sound_font()).resolve()
    _check_kind(path)
    described = _call([command, "--version"], timeout_s=30.0).stdout
    version = re.search(r"version (\S+)", described)
    synthesizer = Synthesizer(
        command, version[1] if version else "unknown", path, file_sha256(path)
    )
    # A damaged sound font is one error now, or it would be one for every file.
    one_note = Score(parts=((Note(0.0, 0.1, 60, 1.0),),), drums=())
    synthesizer.play(one_note, draw_variation(np.random.default_rng(0)))
    return synthesizer


def _installed_sound_font() -> Path:
    """The sound font of Debian's fluid-soundfont-gm, or else the first one that is there."""
    found = sorted(SOUND_FONTS.glob("*.sf2"), key=lambda path: (path.name != PREFERRED, path.name))
    if not found:
        raise InputError(
            f"no sound font in {SOUND_FONTS}; "
            "run: apt install fluid-soundfont-gm, or give --sound-font"
        )
    return found[0]


def _check_kind(path: Path) -> None:
    """Refuse what is no sound font: FluidSynth would play it, or another sound font, instead."""
    header = b""
    if path.is_file():
        with path.open("rb") as file:
            header = file.read(12)
    if header[:4] + header[8:] != b"RIFFsfbk":
        raise InputError(f"{path} is no sound font; give a file in the format SF2 or SF3")


def _call(words: list[object], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """A command run to its end; a TimeoutError when that does not come."""
    try:
        return subprocess.run(
            list(map(str, words)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"fluidsynth was cut off after {timeout_s:g} s") from error
