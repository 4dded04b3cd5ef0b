"""`cqtnet render`: files, list, skips, refusals and resuming, mostly with a stand-in to play."""

import csv
import hashlib
import json
import os
import re
import shlex
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from cqtnet.commands.render import render
from cqtnet.data import list_items
from cqtnet.errors import InputError
from cqtnet.music import fluidsynth, renderings
from cqtnet.music.midi import Score, read_midi, vary, write_midi
from cqtnet.music.score import Note
from tests.cqtnet.music.made import PLAIN, needs_fluidsynth

STAND_IN = """#!{python} -S
# Plays one tone for as long as there are notes, as FluidSynth's options ask; hangs at will.
import array, math, os, sys, time, wave
if "--version" in sys.argv:
    sys.exit(print("FluidSynth runtime version 9.8.7"))
with open(sys.argv[-1], "rb") as file:
    score = file.read()
if b"\\x90\\x07" in score:
    time.sleep(60)
if b"\\x90\\x08" in score:
    sys.exit("fluidsynth: error: cannot play this")
seconds = 18.0 if len(score) > 200 else 2.0
with wave.open(sys.argv[sys.argv.index("-F") + 1], "wb") as sound:
    sound.setnchannels(2); sound.setsampwidth(2); sound.setframerate(44100)
    period = array.array("h", (round(9000 * math.sin(math.tau * k // 2 / 50)) for k in range(100)))
    sound.writeframes(period.tobytes() * int(seconds * 882))
"""


def midi(pitch: int, *, notes: int = 40) -> bytes:
    """A file with a repeated note, which the stand-in plays for 18 s, or 2 s if they are few."""
    part = tuple(Note(float(k), 0.8, pitch, 1.0) for k in range(notes))
    return write_midi(Score(parts=(part,), drums=()), PLAIN.programs)


def name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(render, [str(argument) for argument in arguments])


def listed(folder: Path) -> list[dict[str, str]]:
    with open(folder / "manifest.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three good files, a copy of one, and one of each kind that gives nothing."""
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.mid").write_bytes(midi(60))
    (folder / "b.MIDI").write_bytes(midi(62))
    (folder / "deep" / "c.mid").write_bytes(midi(64))
    (folder / "deep" / "copy.mid").write_bytes(midi(60))
    (folder / "damaged.mid").write_bytes(midi(65)[:50])
    (folder / "empty.mid").write_bytes(midi(65, notes=0))
    (folder / "short.mid").write_bytes(midi(66, notes=2))
    (folder / "large.mid").write_bytes(bytes(1_000_001))
    (folder / "notes.txt").write_text("no MIDI")
    return folder


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `fluidsynth` and a sound font that are there on every machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "fluidsynth"
    command.write_text(STAND_IN.format(python=sys.executable))
    command.chmod(0o755)
    (folder / "font.sf2").write_bytes(b"RIFF0000sfbk")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(fluidsynth, "SOUND_FONTS", folder)
    return folder


GOOD = {name(midi(60)): "a.mid", name(midi(62)): "b.MIDI", name(midi(64)): "deep/c.mid"}


@pytest.mark.usefixtures("stand_in")
def test_renderings_and_list_are_written_and_the_rest_is_counted(
    source: Path, tmp_path: Path
) -> None:
    result = run(source, tmp_path / "out")
    assert result.exit_code == 0, result.output
    manifest = tmp_path / "out" / "manifest.tsv"
    assert result.stdout == f"3 renderings of up to 40 s written: {manifest}\n"
    said = result.stderr.splitlines()[-1]
    assert said.startswith("cqtnet: skipped 5 MIDI files: ")
    assert set(said.split(": ")[2].split(", ")) == {
        "1 the same as another",
        "1 above 1000000 bytes",
        "1 damaged",
        "1 without notes",
        "1 under 15 s of sound",
    }
    assert listed(tmp_path / "out") == [
        {
            "path": f"{id_}.flac",
            "id": id_,
            "split": "train",
            "collection": f"midi-{id_}",
            "source": GOOD[id_],
        }
        for id_ in sorted(GOOD)
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.tsv",
        *(f"{id_}.flac" for id_ in GOOD),
    }
    items = list_items(manifest)
    assert [item.collection for item in items] == [f"midi-{id_}" for id_ in sorted(GOOD)]


@pytest.mark.usefixtures("stand_in")
def test_a_rendering_is_mono_at_its_peak_cut_to_the_length_and_tells_its_origin(
    source: Path, tmp_path: Path
) -> None:
    run(source, tmp_path / "out", "--duration", 16, "--seed", 3)
    path = tmp_path / "out" / f"{name(midi(60))}.flac"
    sound, rate = soundfile.read(path)
    assert (rate, sound.shape) == (22050, (16 * 22050,))
    assert np.abs(sound).max() == pytest.approx(0.8, abs=1e-4)
    # 100 values of two channels are a period: 882 Hz at 44,100 Hz.
    spectrum = np.abs(np.fft.rfft(sound[:22050]))
    assert np.argmax(spectrum) == 882
    with soundfile.SoundFile(path) as file:
        origin = json.loads(file.comment)
    assert origin["midi"] == name(midi(60))
    assert (origin["seed"], origin["duration_s"]) == (3, 16.0)
    assert (origin["fluidsynth"], origin["sound_font"]) == ("9.8.7", "font.sf2")
    assert origin["sound_font_sha256"] == hashlib.sha256(b"RIFF0000sfbk").hexdigest()
    assert set(origin["variation"]) >= {"shift_semitones", "tempo_factor", "programs"}


@pytest.mark.usefixtures("stand_in")
def test_a_zip_gives_what_its_folder_gives(source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "midi.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in source.rglob("*"):
            archive.write(path, path.relative_to(source))
    run(source, tmp_path / "one")
    result = run(tmp_path / "midi.zip", tmp_path / "two", "--jobs", 2)
    assert result.exit_code == 0, result.output
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.usefixtures("stand_in")
def test_a_member_that_cannot_be_unpacked_is_skipped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "midi.zip", "w") as archive:
        archive.writestr("bad.mid", midi(61))
        archive.writestr("good.mid", midi(60))
    data = bytearray((tmp_path / "midi.zip").read_bytes())
    data[60] ^= 0xFF  # in the first member's content, whose checksum no longer fits
    (tmp_path / "midi.zip").write_bytes(data)
    result = run(tmp_path / "midi.zip", tmp_path / "out", "--json")
    assert json.loads(result.stdout)["skipped"] == {"bad.mid": "unreadable"}
    assert [row["source"] for row in listed(tmp_path / "out")] == ["good.mid"]


@pytest.mark.usefixtures("stand_in")
def test_a_hanging_and_a_failing_fluidsynth_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"hangs.mid": midi(7), "fails.mid": midi(8), "good.mid": midi(60)}
    source = tmp_path / "source"
    source.mkdir()
    for file, content in contents.items():
        (source / file).write_bytes(content)
    play = fluidsynth.Synthesizer.play
    monkeypatch.setattr(
        fluidsynth.Synthesizer, "play", lambda *a, timeout_s=5.0: play(*a, timeout_s=2.0)
    )
    monkeypatch.setattr(renderings, "draw_variation", lambda rng: PLAIN)
    result = run(source, tmp_path / "out", "--json")
    assert json.loads(result.stdout)["skipped"] == {
        "hangs.mid": "cut off, FluidSynth hung",
        "fails.mid": "refused by FluidSynth",
    }
    assert result.exit_code == 0


@pytest.mark.usefixtures("stand_in")
def test_resuming_keeps_what_is_there_and_lists_all(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out", "--count", 4)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.flac")}
    assert 0 < len(kept) < 3
    result = run(source, tmp_path / "out", "--resume", "--json")
    summary = json.loads(result.stdout)
    assert (summary["written"], summary["kept"], summary["count"]) == (3 - len(kept), len(kept), 3)
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in kept.items())
    assert [row["id"] for row in listed(tmp_path / "out")] == sorted(GOOD)


@pytest.mark.usefixtures("stand_in")
def test_resuming_refuses_what_was_made_otherwise(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out")
    other = run(source, tmp_path / "out", "--seed", 1, "--resume")
    assert isinstance(other.exception, InputError)
    assert "made with another seed" in str(other.exception)
    first = tmp_path / "out" / f"{min(GOOD)}.flac"
    first.write_bytes(b"no audio")
    damaged = run(source, tmp_path / "out", "--resume")
    assert isinstance(damaged.exception, InputError)
    assert "exists but is no audio" in str(damaged.exception)
    assert run(source, tmp_path / "out", "--force").exit_code == 0
    assert soundfile.info(first).frames == 18 * 22050


@pytest.mark.usefixtures("stand_in")
def test_existing_files_are_not_overwritten_without_force(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out" / f"{min(GOOD)}.flac"
    mine.write_bytes(b"mine")
    result = run(source, tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert re.search(r"\.flac the first; give --force", str(result.exception))
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"mine"]


@pytest.mark.usefixtures("stand_in")
def test_names_that_are_not_utf8_are_listed_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "caf\udce9.mid").write_bytes(midi(60))
    result = run(tmp_path / "source", tmp_path / "out")
    assert result.exit_code == 0, result.exception
    assert b"\tcaf\xe9.mid\n" in (tmp_path / "out" / "manifest.tsv").read_bytes()
    assert len(list_items(tmp_path / "out" / "manifest.tsv")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--duration", "14"], "duration of 14 s is outside 16 to 600 s"),
        (["--seed", "-1"], "seed -1 is negative"),
        (["--jobs", "0"], "0 jobs is below 1"),
        (["--force", "--resume"], "give one"),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_bad_options_are_refused_before_a_folder_is_made(
    source: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run(source, tmp_path / "new", *options)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("stand_in")
def test_sources_without_midi_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mid").write_bytes(b"no MIDI")
    for source, message in (
        ("folder", "holds no MIDI files"),
        ("text.zip", "neither a folder nor a readable zip"),
        ("none.zip", "neither a folder nor a readable zip"),
        ("bad", "none of 1 MIDI files gave a rendering: 1 damaged"),
    ):
        result = run(tmp_path / source, tmp_path / "out")
        assert isinstance(result.exception, InputError), source
        assert message in str(result.exception)
        assert not (tmp_path / "out" / "manifest.tsv").exists()


def test_silence_and_pauses_are_no_sound() -> None:
    tone = np.sin(np.arange(16 * 22050) * 0.1).astype(np.float32)
    assert renderings._sounding_s(tone) == 16.0
    assert renderings._sounding_s(np.zeros_like(tone)) == 0.0
    assert renderings._sounding_s(tone[:0]) == 0.0
    tone[5 * 22050 : 15 * 22050] *= 1e-4
    assert renderings._sounding_s(tone) == 6.0


@needs_fluidsynth
def test_the_example_of_the_help_runs_and_repeats_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = re.search(r"Example:\n\s+cqtnet render (.+)\n", run("--help").stdout)
    assert example
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("midi.zip", "w") as archive:
        archive.writestr("a.mid", midi(60))
    words = shlex.split(example[1])
    assert run(*words).exit_code == 0
    first = next(Path("rendered").glob("*.flac")).read_bytes()
    assert run(*words, "--force").exit_code == 0
    assert next(Path("rendered").glob("*.flac")).read_bytes() == first
    assert run(*words, "--force", "--seed", 1).exit_code == 0
    assert next(Path("rendered").glob("*.flac")).read_bytes() != first


@needs_fluidsynth
def test_a_variation_can_be_replayed_from_the_comment_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(60))
    assert run(tmp_path, tmp_path / "out").exit_code == 0
    (path,) = (tmp_path / "out").glob("*.flac")
    with soundfile.SoundFile(path) as file:
        sound, origin = file.read(dtype="float32"), json.loads(file.comment)
    variation = fluidsynth.Variation(**origin["variation"])
    excerpt = vary(read_midi(midi(60)), variation, duration_s=origin["duration_s"])
    played = fluidsynth.find_synthesizer().play(excerpt, variation)[: len(sound)]
    np.testing.assert_allclose(0.8 * played / np.abs(played).max(), sound, atol=2**-14)
