"""Composed pieces: whole, different, in key and in time, and never twice the same."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import composing, music
from cqtnet.commands.music import music as command
from cqtnet.errors import InputError
from cqtnet.midi import Note, Score
from cqtnet.music import compose, make_music, render
from cqtnet.tables import read_table

RATE = 22050


@pytest.fixture(scope="module")
def scores():
    return [compose(seed) for seed in range(60)]


def test_no_two_seeds_share_their_chords_and_all_keys_come(scores):
    assert len({p.chords for p in scores}) == 60
    assert len({p.plan.key for p in scores}) > 30
    assert len({p.plan.groups for p in scores}) == 5
    tempi = [p.plan.tempo_bpm for p in scores]
    assert min(tempi) < 75 and max(tempi) > 150


def test_notes_lie_within_the_piece_and_sections_tile_it(scores):
    for piece in scores:
        for notes in (*piece.score.parts, piece.score.drums):
            assert list(notes) == sorted(notes, key=lambda note: note.start_s)
            assert all(n.start_s >= 0 and n.duration_s > 0 and 0 < n.velocity <= 1 for n in notes)
            assert all(note.start_s + note.duration_s < piece.duration_s + 1e-6 for note in notes)
        ends = [section.start_bar + section.bars for section in piece.sections]
        assert [0, *ends[:-1]] == [section.start_bar for section in piece.sections]
        assert ends[-1] == len(piece.bar_starts_s) == len(piece.chords)
        bar_s = 15 * piece.plan.steps / piece.plan.tempo_bpm
        assert np.mean(np.diff(piece.bar_starts_s)) == pytest.approx(bar_s, rel=0.01)


def test_notes_belong_to_the_key_and_the_bass_to_the_chords(scores):
    in_chord = []
    for piece in scores:
        tonic, _, mode = piece.plan.key.partition(" ")
        first = composing.KEYS.index(tonic) - composing.MAJOR[composing.MODES[mode]]
        scale = {(first + step) % 12 for step in composing.MAJOR}
        assert {note.midi % 12 for part in piece.score.parts for note in part} <= scale
        for note in dict(zip(piece.plan.roles, piece.score.parts, strict=True)).get("bass", ()):
            bar = np.searchsorted(piece.bar_starts_s, note.start_s + note.duration_s / 2) - 1
            in_chord.append(note.midi % 12 in piece.chords[bar][:3])
    assert np.mean(in_chord) > 0.97, "all but late ones at the end of a bar"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("duration_s", "rate"), [(1.0, 8000), (7.3337, 22050), (3.0, 96000)])
def test_sound_has_the_promised_length_and_level(seed, duration_s, rate):
    sound = make_music(seed, duration_s=duration_s, sample_rate=rate)
    assert sound.shape == (round(duration_s * rate),) and sound.dtype == np.float32
    assert 0.49 < np.abs(sound).max() < 0.9 and abs(sound.mean()) < 0.01
    assert sound[0] == sound[-1] == 0


def test_another_process_makes_the_same_bits():
    script = (
        "import sys; from cqtnet.music import make_music; "
        "sys.stdout.buffer.write(make_music(9, duration_s=6.0).tobytes())"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert made == make_music(9, duration_s=6.0).tobytes()


def test_other_sounds_play_the_same_score():
    piece = compose(3, duration_s=12.0)
    own, other = render(piece), render(piece, sounds=4)
    np.testing.assert_array_equal(own, make_music(3, duration_s=12.0, sounds=3))
    assert abs(np.corrcoef(own, other)[0, 1]) < 0.5
    sounds = (own, other, make_music(4, duration_s=12.0))
    _, same, different = np.corrcoef(
        [librosa.onset.onset_strength(y=sound, sr=RATE) for sound in sounds]
    )[0]
    assert same > different + 0.2


@pytest.mark.parametrize("role", composing.ROLES)
def test_a_note_has_its_pitch_and_its_time_in_every_sound(role):
    piece = compose(0, duration_s=2.5)
    plan = replace(piece.plan, roles=(role,), tuning_cents=31.0)
    piece = replace(piece, plan=plan, score=Score(((Note(0.5, 1.5, 69, 0.8),),), ()))
    for sounds in range(12):
        level = np.abs(render(piece, sounds=sounds))
        assert level[: int(0.499 * RATE)].max() < 1e-5 < level[RATE // 2 :].max()
        ((_, dry),) = music._tones(piece, role, piece.score.parts[0], RATE, sounds)
        spectrum = np.abs(np.fft.rfft(dry, 2**18))
        found_hz = (np.argmax(spectrum[5000:5600]) + 5000) * RATE / 2**18  # 421 to 471 Hz
        assert 1200 * np.log2(found_hz / 440) == pytest.approx(31, abs=8)  # voices are 7 apart


def test_what_cannot_be_made_is_refused():
    for seed, options, message in (
        (-1, {}, "seed -1 is negative"),
        (0, {"duration_s": 0.9}, r"duration of 0\.9 s is outside 1 to 1800 s"),
        (0, {"sample_rate": 7999}, "sample rate 7999 Hz is outside 8000 to 96000 Hz"),
    ):
        with pytest.raises(InputError, match=message):
            make_music(seed, **{"duration_s": 2.0, **options})


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words])


def listed(folder):
    return [row for _, row in read_table(folder / "manifest.tsv").dicts()]


def test_the_command_writes_the_pieces_of_its_seeds_and_a_list(tmp_path):
    (tmp_path / "music-00008.flac").write_bytes(b"mine")
    words = ("--count", 3, "--seed", 7, "--duration", 2, "--sample-rate", 16000, "--json")
    refused = run(tmp_path, *words).exception
    assert re.search(r"music-00008\.flac the first; give --force", str(refused))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]
    result = json.loads(run(tmp_path, *words, "--force").stdout)
    assert (result["written"], result["train"], result["valid"]) == (3, 2, 1)
    rows = listed(tmp_path)
    assert [row["path"] for row in rows] == [f"music-{seed:05d}.flac" for seed in range(7, 10)]
    assert all(row["id"] == row["repository"] == Path(row["path"]).stem for row in rows)
    assert rows[0]["key"] == compose(7).plan.key and rows[0]["duration_s"] == "2.000"
    sound, rate = soundfile.read(tmp_path / "music-00008.flac", dtype="float32")
    expected = make_music(8, duration_s=2.0, sample_rate=16000)
    np.testing.assert_allclose(sound, expected, atol=1 / 32768)
    assert rate == 16000


def test_the_last_pieces_are_for_validation(tmp_path):
    for count, share, valid in ((1, 0.2, 0), (2, 0.2, 1), (10, 0.2, 2), (3, 0, 0), (3, 0.9, 2)):
        run(tmp_path, "--count", count, "--validation", share, "--duration", 1, "--force")
        splits = [row["split"] for row in listed(tmp_path)]
        assert splits == ["train"] * (count - valid) + ["valid"] * valid
