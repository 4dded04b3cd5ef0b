"""MIDI files read, varied, written and rendered; most with a stand-in that plays one tone."""

import io
import json
import re
import shutil
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import midi
from cqtnet.commands.render import render, sounding_s
from cqtnet.data import list_items
from cqtnet.errors import InputError
from cqtnet.midi import Note, Score, Variation, find_synthesizer, read_midi, vary, write_midi
from cqtnet.music import compose
from cqtnet.tables import read_table

PLAIN = Variation(0, 1.0, 0.0, tuple(range(15)), reverb_level=0.0, room_size=0.2, chorus=False)
"""Changes nothing."""
FLUTE = replace(PLAIN, programs=(73,) * 15)
needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not any(midi.SOUND_FONTS.glob("*.sf2")),
    reason="needs FluidSynth: apt install fluidsynth fluid-soundfont-gm",
)


def midi_bytes(*tracks):
    file, written = mido.MidiFile(tracks=[mido.MidiTrack(track) for track in tracks]), io.BytesIO()
    file.save(file=written)
    return written.getvalue()


def on(note, after=0, *, channel=0, velocity=127):
    return mido.Message("note_on", note=note, velocity=velocity, channel=channel, time=after)


def off(note, after=0, *, channel=0):
    return mido.Message("note_off", note=note, channel=channel, time=after)


def test_times_follow_every_change_of_tempo():
    # 480 ticks a beat. Beats of 0.5 s until tick 960, of 1 s until tick 1440, then of 0.25 s.
    tempi = [(500_000, 0), (1_000_000, 960), (250_000, 480)]
    conductor = [mido.MetaMessage("set_tempo", tempo=tempo, time=after) for tempo, after in tempi]
    melody = [on(60, 480), off(60, 720), on(62, 480), off(62, 240)]
    (part,) = read_midi(midi_bytes(conductor, melody)).parts
    assert part == (Note(0.5, 1.0, 60, 1.0), Note(2.125, 0.125, 62, 1.0))


def test_parts_are_the_channels_of_tracks_and_a_note_ends_with_its_key_or_the_file():
    first = [on(60), on(50, 480, channel=1), off(60), off(50, 480, channel=1)]
    second = [on(36, channel=9), off(36, 10, channel=9), on(70, 5), off(70, 5)]
    score = read_midi(midi_bytes(first, second))
    assert [[note.midi for note in part] for part in score.parts] == [[60], [70], [50]]
    assert [note.midi for note in score.drums] == [36]
    track = [on(60), on(60, 480), on(60, 480, velocity=0), off(60, 480), on(64), off(9, 480)]
    (part,) = read_midi(midi_bytes(track)).parts
    assert [(n.start_s, n.duration_s) for n in part] == [(0.0, 0.5), (0.5, 0.5), (1.5, 0.5)]


GOOD = midi_bytes([on(60), off(60, 480)])
TRACK = GOOD[GOOD.index(b"MTrk") + 8 :]
LONG = b"\xff\xff\xff\xff\x7f" + TRACK[1:]


@pytest.mark.parametrize(("data", "message"), [
    (b"RIFF" + GOOD, "damaged .MThd not found"),
    (GOOD[:-6], r"damaged \(it ends early\)"),
    (GOOD.replace(b"\x90\x3c", b"\xf9\x3c"), "damaged .undefined status byte"),
    (midi_bytes([mido.MetaMessage("key_signature", key="C")]).replace(
        b"\xff\x59\x02\x00", b"\xff\x59\x02\x40"), "damaged"),
    (GOOD[:18] + len(LONG).to_bytes(4, "big") + LONG, "a rest of 34359738367 ticks"),
    (GOOD[:8] + b"\x00\x02" + GOOD[10:], "no common beat"),
    (GOOD[:12] + b"\xe7\x28" + GOOD[14:], "no common beat"),
    (GOOD + bytes(midi.LARGEST_BYTES), "above 1000000"),
])  # fmt: skip
def test_what_is_no_sound_midi_file_is_an_input_error(data, message):
    with pytest.raises(InputError, match=message):
        read_midi(data)


def test_transposition_keeps_the_drums_and_the_range_of_midi():
    part = tuple(Note(0.0, 1.0, pitch, 1.0) for pitch in (2, 60, 125))
    score = Score(parts=(part,), drums=part[1:2])
    for shift, expected in ((6, [8, 66, 119]), (-6, [8, 54, 119])):
        varied = vary(score, replace(PLAIN, shift_semitones=shift), duration_s=40.0)
        assert [note.midi for note in varied.parts[0]] == expected
        assert varied.drums == score.drums


@pytest.mark.parametrize("start", [0.0, 0.3, 0.9999])
@pytest.mark.parametrize("factor", [0.75, 1.0, 1.35])
def test_an_excerpt_begins_with_a_note_and_is_as_long_as_asked(start, factor):
    variation = replace(PLAIN, start=start, tempo_factor=factor)
    part = tuple(Note(float(k), 0.5, 40 + k % 60, 1.0) for k in range(100))
    notes = vary(Score((part,), drums=()), variation, duration_s=20.0).notes
    assert notes[0].start_s == 0.0 and notes[1].start_s == pytest.approx(1 / factor)
    assert 20.0 - 1 / factor < notes[-1].start_s + notes[-1].duration_s <= 20.0


def test_what_is_written_is_read_again_to_the_millisecond():
    score = compose(3, duration_s=20.0).score
    written = write_midi(score, FLUTE.programs)
    read = read_midi(written)
    assert len(read.parts) == len(score.parts) and len(read.drums) == len(score.drums) > 0
    pairs = zip(sorted(score.drums), read.drums, strict=True)
    assert all(abs(a.start_s - b.start_s) < 0.002 and a.midi == b.midi for a, b in pairs)
    messages = mido.MidiFile(file=io.BytesIO(written))
    assert [m.program for m in messages if m.type == "program_change"] == [73] * 15


def test_draws_fill_their_ranges_and_are_plain_data():
    rng = np.random.default_rng(0)
    drawn = [midi.draw_variation(rng) for _ in range(1000)]
    assert {variation.shift_semitones for variation in drawn} == set(range(-6, 7))
    factors = [variation.tempo_factor for variation in drawn]
    assert 0.75 <= min(factors) < 0.76 and 1.33 < max(factors) <= 1.35
    restored = json.loads(json.dumps(asdict(drawn[0])))
    assert Variation(**{**restored, "programs": tuple(restored["programs"])}) == drawn[0]


def test_what_is_missing_is_said_with_its_cure(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="apt install fluidsynth"):
        find_synthesizer()
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(InputError, match=r"pip install 'cqtnet\[midi\]'"):
        read_midi(GOOD)


@needs_fluidsynth
def test_fluidsynth_plays_pitch_tempo_program_room_and_no_settings_of_users(monkeypatch, tmp_path):
    synthesizer = find_synthesizer()
    score = Score(parts=((Note(0.0, 2.0, 69, 1.0), Note(10.0, 2.0, 69, 1.0)),), drums=())
    variation = replace(FLUTE, shift_semitones=3, tempo_factor=1.25)
    sound = synthesizer.play(vary(score, variation, duration_s=40.0), variation)
    spectrum = np.abs(np.fft.rfft(sound[5_000:27_000] * np.hanning(22_000), 2**16))
    assert np.argmax(spectrum) * 22050 / 2**16 == pytest.approx(440 * 2 ** (3 / 12), rel=0.005)
    before, after = sound[7 * 22050 : 8 * 22050 - 2205], sound[8 * 22050 : 9 * 22050]
    assert np.std(before) < 0.01 * np.std(sound[5_000:27_000]) < np.std(after)
    plain = synthesizer.play(score, FLUTE)
    echoing = synthesizer.play(score, replace(FLUTE, reverb_level=0.8, room_size=0.9))
    late = slice(5 * 22050, 9 * 22050)
    assert np.std(plain[late]) < 0.01 * np.std(echoing[late])
    piano = synthesizer.play(score, PLAIN)
    assert abs(np.corrcoef(plain[:44100], piano[:44100])[0, 1]) < 0.9
    (tmp_path / ".fluidsynth").write_text("gain 5\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    np.testing.assert_array_equal(synthesizer.play(score, FLUTE), plain)
    with pytest.raises(TimeoutError, match=r"cut off after 0\.01 s"):
        synthesizer.play(score, PLAIN, timeout_s=0.01)


class StandIn:
    """Plays a tone for as long as there are notes, hangs at pitch 7 and fails at pitch 8."""

    version, sound_font, sound_font_sha256 = "9.8.7", Path("font.sf2"), "0123"

    def play(self, score, variation, *, timeout_s):
        if score.notes[0].midi == 7:
            raise TimeoutError
        if score.notes[0].midi == 8:
            raise InputError
        seconds = score.notes[-1].start_s + 2
        return 0.1 * np.sin(np.arange(round(seconds * 22050)) * 0.1).astype(np.float32)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(midi, "find_synthesizer", lambda sound_font: StandIn())
    monkeypatch.setattr(midi, "draw_variation", lambda rng: PLAIN)


def song(pitch, *, notes=40):
    part = tuple(Note(float(k), 0.8, pitch, 1.0) for k in range(notes))
    return write_midi(Score(parts=(part,), drums=()), PLAIN.programs)


FILES = {
    "a.mid": song(60), "b.MIDI": song(62), "deep/c.mid": song(64), "deep/copy.mid": song(60),
    "damaged.mid": song(65)[:50], "empty.mid": song(65, notes=0), "short.mid": song(66, notes=2),
    "large.mid": bytes(1_000_001), "fails.mid": song(8), "hangs.mid": song(7), "a.txt": b"no MIDI",
}  # fmt: skip
SKIPPED = {
    "deep/copy.mid": "the same as another", "damaged.mid": "damaged", "empty.mid": "without notes",
    "short.mid": "under 15 s of sound", "large.mid": "above 1000000 bytes",
    "fails.mid": "refused by FluidSynth", "hangs.mid": "cut off, FluidSynth hung",
}  # fmt: skip


def run(*words):
    return CliRunner().invoke(render, [str(word) for word in words])


@pytest.mark.usefixtures("stand_in")
def test_a_folder_and_its_zip_give_the_same_renderings_and_the_rest_is_counted(tmp_path):
    with zipfile.ZipFile(tmp_path / "midi.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
        archive.extractall(tmp_path / "midi")
    words = ("--seed", 3, "--duration", 16)
    result = run(tmp_path / "midi", tmp_path / "one", *words)
    assert result.stdout == f"3 renderings of up to 16 s written: {tmp_path}/one/manifest.tsv\n"
    assert "skipped 7 MIDI files: 1 " in result.stderr
    again = run(tmp_path / "midi.zip", tmp_path / "two", *words, "--jobs", 4, "--json")
    assert json.loads(again.stdout)["skipped"] == SKIPPED
    assert len(list((tmp_path / "one").iterdir())) == 4
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    rows = [row for _, row in read_table(tmp_path / "one" / "manifest.tsv").dicts()]
    assert {row["source"] for row in rows} == {"a.mid", "b.MIDI", "deep/c.mid"}
    assert all(row["collection"] == f"midi-{row['id']}" and row["split"] == "train" for row in rows)
    with soundfile.SoundFile(tmp_path / "one" / rows[0]["path"]) as flac:
        sound, origin = flac.read(), json.loads(flac.comment)
    assert sound.shape == (16 * 22050,) and np.abs(sound).max() == pytest.approx(0.8, abs=1e-4)
    assert (origin["midi"], origin["seed"], origin["fluidsynth"]) == (rows[0]["id"], 3, "9.8.7")
    assert origin["variation"] == {**asdict(PLAIN), "programs": list(PLAIN.programs)}


@pytest.mark.usefixtures("stand_in")
def test_count_takes_files_by_their_hash_and_overwrites_nothing(tmp_path):
    (tmp_path / "midi").mkdir()
    (tmp_path / "midi" / "caf\udce9.mid").write_bytes(song(60))
    (tmp_path / "midi" / "b.mid").write_bytes(song(62))
    for count in (1, 2):
        run(tmp_path / "midi", tmp_path / "out", "--limit", count, "--force")
        items = list_items(tmp_path / "out" / "manifest.tsv")
        assert [item.recording for item in items] == sorted(item.recording for item in items)
        assert len(items) == count
    assert b"\tcaf\xe9.mid\n" in (tmp_path / "out" / "manifest.tsv").read_bytes()
    refused = run(tmp_path / "midi", tmp_path / "out").exception
    assert re.search(r"\.flac the first; give --force", str(refused))


@pytest.mark.usefixtures("stand_in")
def test_sources_without_midi_are_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mid").write_bytes(b"no MIDI")
    (tmp_path / "text.zip").write_text("no zip")
    for source, message in (
        ("folder", "holds no MIDI files"),
        ("text.zip", "neither a folder nor a readable zip"),
        ("none.zip", "neither a folder nor a readable zip"),
        ("bad", "none of 1 MIDI files gave a rendering: 1 damaged"),
    ):
        assert message in str(run(tmp_path / source, tmp_path / "out").exception)
        assert not (tmp_path / "out" / "manifest.tsv").exists()


def test_silence_and_pauses_are_no_sound():
    tone = np.sin(np.arange(16 * 22050) * 0.1).astype(np.float32)
    assert (sounding_s(tone), sounding_s(0 * tone), sounding_s(tone[:0])) == (16, 0, 0)
    tone[5 * 22050 : 15 * 22050] *= 1e-4
    assert sounding_s(tone) == 6.0


@needs_fluidsynth
def test_the_example_of_the_help_runs_and_repeats_itself(tmp_path, monkeypatch):
    (example,) = re.findall(r"Example:\n\s+cqtnet render (.+)\n", run("--help").stdout)
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("midi.zip", "w") as archive:
        archive.writestr("a.mid", song(60))
    made = []
    for extra in ("", " --force", " --force --seed 1"):
        assert run(*(example + extra).split()).exit_code == 0
        made.append(next(Path("rendered").glob("*.flac")).read_bytes())
    assert made[0] == made[1] != made[2]


def test_another_performance_has_the_same_notes_near_the_same_times():
    score = compose(3, duration_s=20.0).score
    played = midi.perform(score, np.random.default_rng(1))
    for part, again in zip((*score.parts, score.drums), (*played.parts, played.drums), strict=True):
        assert sorted(n.midi for n in part) == sorted(n.midi for n in again)
    late_s = np.sort([n.start_s for n in played.notes]) - np.sort([n.start_s for n in score.notes])
    assert 0.01 < np.std(late_s) < 0.08 and abs(late_s).max() < 0.3
    assert played != midi.perform(score, np.random.default_rng(2))
