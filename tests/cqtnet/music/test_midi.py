"""Variations of MIDI files, on scores written here by hand, and their sound."""

import io
import json
import sys
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

import mido
import numpy as np
import pytest

from cqtnet.errors import InputError
from cqtnet.music import fluidsynth
from cqtnet.music.fluidsynth import find_synthesizer
from cqtnet.music.midi import (
    LARGEST_BYTES,
    Score,
    Variation,
    draw_variation,
    read_midi,
    vary,
    write_midi,
)
from cqtnet.music.score import Note
from tests.cqtnet.music.made import PLAIN, needs_fluidsynth

FLUTE = replace(PLAIN, programs=(73,) * 15)


def midi_bytes(*tracks: list[mido.Message], **options: int) -> bytes:
    file = mido.MidiFile(tracks=[mido.MidiTrack(track) for track in tracks], **options)
    written = io.BytesIO()
    file.save(file=written)
    return written.getvalue()


def on(note: int, *, after: int = 0, channel: int = 0, velocity: int = 127) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=velocity, channel=channel, time=after)


def off(note: int, *, after: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=note, channel=channel, time=after)


def tempo(microseconds: int, *, after: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=after)


def events(data: bytes) -> list[tuple[float, int, int, int]]:
    """Time in s, channel, pitch and velocity (0: off) of a file's notes, as mido plays them."""
    found, now_s = [], 0.0
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now_s += message.time
        if message.type in ("note_on", "note_off"):
            velocity = message.velocity if message.type == "note_on" else 0
            found.append((round(now_s, 6), message.channel, message.note, velocity))
    return found


def steps(count: int, *, drums: bool = False) -> Score:
    """A note of half a second each second, upwards from pitch 40."""
    notes = tuple(Note(float(k), 0.5, 40 + k % 60, 1.0) for k in range(count))
    return Score(parts=(), drums=notes) if drums else Score(parts=(notes,), drums=())


def test_times_follow_every_change_of_tempo() -> None:
    # 100 ticks a beat. Beats of 0.5 s until tick 200, of 1 s until tick 300, then of 0.25 s.
    conductor = [tempo(500_000), tempo(1_000_000, after=200), tempo(250_000, after=100)]
    melody = [on(60, after=100), off(60, after=150), on(62, after=100), off(62, after=50)]
    score = read_midi(midi_bytes(conductor, melody, ticks_per_beat=100))
    assert score == Score(parts=((Note(0.5, 1.0, 60, 1.0), Note(2.125, 0.125, 62, 1.0)),), drums=())


def test_parts_are_the_channels_of_tracks_and_drums_are_apart() -> None:
    first = [on(60), on(50, channel=1, after=480), off(60), off(50, channel=1, after=480)]
    second = [on(36, channel=9), off(36, channel=9, after=10), on(70, after=5), off(70, after=5)]
    score = read_midi(midi_bytes(first, second))
    assert [[note.midi for note in part] for part in score.parts] == [[60], [70], [50]]
    assert [note.midi for note in score.drums] == [36]


def test_a_key_struck_again_ends_its_note_and_velocity_0_is_a_release() -> None:
    track = [on(60), on(60, after=480), on(60, after=480, velocity=0), off(60, after=480)]
    (part,) = read_midi(midi_bytes(track)).parts
    assert [(note.start_s, note.duration_s) for note in part] == [(0.0, 0.5), (0.5, 0.5)]


def test_a_note_that_is_never_released_ends_with_the_file() -> None:
    track = [on(60), on(64, after=480), off(64, after=960)]
    (part,) = read_midi(midi_bytes(track)).parts
    assert [(note.midi, note.duration_s) for note in part] == [(60, 1.5), (64, 1.0)]


def test_transposition_moves_all_but_the_drums() -> None:
    score = Score(parts=((Note(0.0, 1.0, 60, 1.0),),), drums=(Note(0.0, 1.0, 36, 1.0),))
    varied = vary(score, replace(PLAIN, shift_semitones=-5), duration_s=40.0)
    assert varied.parts[0][0].midi == 55
    assert varied.drums == score.drums


def test_pitches_that_leave_the_range_go_back_by_an_octave() -> None:
    score = Score(parts=((Note(0.0, 1.0, 125, 1.0), Note(1.0, 1.0, 2, 1.0)),), drums=())
    for shift, expected in ((6, [119, 8]), (-6, [119, 8])):
        (part,) = vary(score, replace(PLAIN, shift_semitones=shift), duration_s=40.0).parts
        assert [note.midi for note in part] == expected


def test_a_faster_tempo_brings_every_time_nearer() -> None:
    varied = vary(steps(9), replace(PLAIN, tempo_factor=1.25), duration_s=40.0)
    assert [note.start_s for note in varied.notes] == pytest.approx(np.arange(9) * 0.8)
    assert [note.duration_s for note in varied.notes] == pytest.approx(np.full(9, 0.4))


@pytest.mark.parametrize("start", [0.0, 0.3, 0.6, 0.9999])
@pytest.mark.parametrize("factor", [0.75, 1.0, 1.35])
def test_an_excerpt_is_as_long_as_asked_wherever_it_begins(start: float, factor: float) -> None:
    variation = replace(PLAIN, start=start, tempo_factor=factor)
    notes = vary(steps(100), variation, duration_s=20.0).notes
    assert notes[0].start_s == 0.0, "it begins with a note"
    last_s = notes[-1].start_s + notes[-1].duration_s
    assert 20.0 - 1.0 / factor < last_s <= 20.0, "less than a step is missing"


def test_the_latest_excerpt_is_still_full() -> None:
    variation = replace(PLAIN, start=0.9999)
    # The score ends at 99.5 s, so 20 s can begin no later than with the note at 79 s.
    assert vary(steps(100), variation, duration_s=20.0).notes[0].midi == 40 + 79 % 60


def test_a_score_shorter_than_the_excerpt_is_taken_whole() -> None:
    assert vary(steps(5), replace(PLAIN, start=0.9), duration_s=40.0) == steps(5)


def test_a_rest_before_the_first_note_is_left_out() -> None:
    late = Score(parts=((Note(7.0, 1.0, 60, 1.0),),), drums=())
    assert vary(late, PLAIN, duration_s=40.0).notes == (Note(0.0, 1.0, 60, 1.0),)


def test_notes_that_sound_on_are_ended_with_the_excerpt() -> None:
    score = Score(parts=((Note(1.0, 90.0, 60, 1.0), Note(31.5, 20.0, 64, 1.0)),), drums=())
    (part,) = vary(score, PLAIN, duration_s=40.0).parts
    assert part == (Note(0.0, 40.0, 60, 1.0), Note(30.5, 9.5, 64, 1.0))
    played = events(write_midi(Score(parts=(part,), drums=()), PLAIN.programs))
    assert played[-2:] == [(40.0, 0, 60, 0), (40.0, 0, 64, 0)]


def test_a_variation_leaves_the_score_as_it_was() -> None:
    score = steps(50)
    vary(score, replace(PLAIN, shift_semitones=3, start=0.5), duration_s=20.0)
    assert score == steps(50)


def test_parts_have_their_own_channels_and_programs_and_drums_have_theirs() -> None:
    parts = tuple((Note(0.0, 1.0, 30 + k, 1.0),) for k in range(17))
    programs = tuple(range(50, 65))
    data = write_midi(Score(parts=parts, drums=(Note(0.0, 1.0, 99, 1.0),)), programs)
    chosen = {
        message.channel: message.program
        for message in mido.MidiFile(file=io.BytesIO(data))
        if message.type == "program_change"
    }
    channels = [*range(9), *range(10, 16)]
    assert chosen == dict(zip(channels, programs, strict=True))
    played = {pitch: channel for _, channel, pitch, velocity in events(data) if velocity > 0}
    assert [played[30 + k] for k in range(17)] == [*channels, 0, 1]
    assert played[99] == 9


def test_what_is_written_is_read_again_to_the_millisecond() -> None:
    rng = np.random.default_rng(3)
    parts = []
    for number in range(3):
        starts = np.sort(rng.uniform(0.0, 30.0, 40))
        lengths = np.diff(starts, append=31.0) * 0.9
        notes = zip(starts, lengths, rng.integers(0, 128, 40), strict=True)
        parts.append(tuple(Note(s, d, int(p), (number + 1) / 127) for s, d, p in notes))
    read = read_midi(write_midi(Score(parts=tuple(parts), drums=()), PLAIN.programs))
    by_velocity = defaultdict(list)
    for note in read.notes:
        by_velocity[round(note.velocity * 127)].append(note)
    for number, notes in enumerate(parts):
        found = by_velocity[number + 1]
        assert [note.midi for note in found] == [note.midi for note in notes]
        for name in ("start_s", "duration_s"):
            times = [[getattr(note, name) for note in side] for side in (found, notes)]
            np.testing.assert_allclose(*times, atol=0.0015)


def test_a_key_is_let_go_before_it_is_struck_again_at_the_same_time() -> None:
    notes = (Note(1.0, 1.0, 60, 1.0), Note(0.0, 1.0, 60, 1.0))
    played = events(write_midi(Score(parts=(notes,), drums=()), PLAIN.programs))
    assert [(time_s, velocity) for time_s, _, _, velocity in played] == [
        (0.0, 127),
        (1.0, 0),
        (1.0, 127),
        (2.0, 0),
    ]


def test_draws_stay_in_their_ranges_fill_them_and_are_plain_data() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_variation(rng) for _ in range(2000)]
    assert {variation.shift_semitones for variation in drawn} == set(range(-6, 7))
    factors = [variation.tempo_factor for variation in drawn]
    assert 0.75 <= min(factors) < 0.76 and 1.33 < max(factors) <= 1.35
    # Slower and faster by the same factor are as likely: the middle is √(0.75 · 1.35).
    assert np.median(factors) == pytest.approx(1.006, abs=0.02)
    assert {program for variation in drawn for program in variation.programs} == set(range(104))
    assert 0.5 < np.mean([variation.reverb_level > 0.0 for variation in drawn]) < 0.7
    restored = json.loads(json.dumps(asdict(drawn[0])))
    assert Variation(**{**restored, "programs": tuple(restored["programs"])}) == drawn[0]


def test_one_seed_gives_one_variation() -> None:
    first, again, other = (draw_variation(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again != other


GOOD = midi_bytes([on(60), off(60, after=480)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"RIFF" + GOOD, "damaged .MThd not found"),
        (GOOD[:-6], r"damaged \(it ends early\)"),
        (GOOD.replace(b"\x90\x3c", b"\xf9\x3c"), "damaged .undefined status byte"),
        (midi_bytes([mido.MetaMessage("key_signature", key="C")]).replace(
            b"\xff\x59\x02\x00", b"\xff\x59\x02\x40"), "damaged"),
        (GOOD[:8] + b"\x00\x02" + GOOD[10:], "type 2 has no common time"),
        (GOOD[:12] + b"\xe7\x28" + GOOD[14:], "counts frames"),
        (GOOD[:12] + b"\x00\x00" + GOOD[14:], "counts frames"),
        (GOOD + bytes(LARGEST_BYTES), "above 1000000"),
    ],
)  # fmt: skip
def test_what_is_no_sound_midi_file_is_an_input_error(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_midi(data)


def test_a_rest_beyond_the_standard_is_damage() -> None:
    track = GOOD[GOOD.index(b"MTrk") + 8 :]
    longer = b"\xff\xff\xff\xff\x7f" + track[1:]
    data = GOOD[:18] + len(longer).to_bytes(4, "big") + longer
    with pytest.raises(InputError, match="a rest of 34359738367 ticks"):
        read_midi(data)


def test_without_mido_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(InputError, match=r"pip install 'cqtnet\[midi\]'"):
        read_midi(GOOD)


def test_without_fluidsynth_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="apt install fluidsynth fluid-soundfont-gm"):
        find_synthesizer()


@needs_fluidsynth
def test_without_a_sound_font_the_cure_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fluidsynth, "SOUND_FONTS", tmp_path)
    with pytest.raises(InputError, match="apt install fluid-soundfont-gm, or give --sound-font"):
        find_synthesizer()


@needs_fluidsynth
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is no sound font"), (GOOD, "is no sound font"), (b"RIFF0000sfbk", "failed with")],
)
def test_another_file_is_not_played_in_a_sound_fonts_place(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "font.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        find_synthesizer(path)


def pitch_hz(sound: np.ndarray) -> float:
    """The frequency of the strongest component, to a fortieth of a semitone at A4."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**16))
    return float(np.argmax(spectrum)) * 22050 / 2**16


@needs_fluidsynth
def test_the_sound_has_the_pitch_and_the_tempo_of_the_variation() -> None:
    synthesizer = find_synthesizer()
    score = Score(parts=((Note(0.0, 2.0, 69, 1.0), Note(10.0, 2.0, 69, 1.0)),), drums=())
    for shift, factor in ((0, 1.0), (3, 1.25)):
        variation = replace(FLUTE, shift_semitones=shift, tempo_factor=factor)
        sound = synthesizer.play(vary(score, variation, duration_s=40.0), variation)
        assert pitch_hz(sound[5_000:27_000]) == pytest.approx(440 * 2 ** (shift / 12), rel=0.005)
        second = int(10.0 / factor * 22050)
        level = np.sqrt(np.mean(sound[5_000:27_000] ** 2))
        assert np.sqrt(np.mean(sound[second - 22050 : second - 2205] ** 2)) < 0.01 * level
        assert np.sqrt(np.mean(sound[second : second + 22050] ** 2)) > 0.5 * level


@needs_fluidsynth
def test_programs_and_reverberation_are_heard_and_the_users_settings_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synthesizer = find_synthesizer()
    score = Score(parts=((Note(0.0, 1.0, 69, 1.0),),), drums=())

    def late_share(variation: Variation) -> float:
        sound = synthesizer.play(score, variation)
        return float(np.sum(sound[2 * 22050 :] ** 2) / np.sum(sound**2))

    assert late_share(FLUTE) < 1e-4 < late_share(replace(FLUTE, reverb_level=0.8, room_size=0.9))
    flute, piano = synthesizer.play(score, FLUTE), synthesizer.play(score, PLAIN)
    n = min(len(flute), len(piano))
    assert abs(np.corrcoef(flute[:n], piano[:n])[0, 1]) < 0.9
    (tmp_path / ".fluidsynth").write_text("gain 5\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    np.testing.assert_array_equal(synthesizer.play(score, FLUTE), flute)


@needs_fluidsynth
def test_a_rendering_that_takes_too_long_is_cut_off() -> None:
    with pytest.raises(TimeoutError, match=r"cut off after 0\.01 s"):
        find_synthesizer().play(steps(30), PLAIN, timeout_s=0.01)
