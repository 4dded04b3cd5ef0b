"""Chords, progressions and voicings against what a harmony book says."""

import numpy as np
import pytest

from cqtnet.music.harmony import (
    BLUES,
    KEYS,
    MODES,
    Chord,
    Taste,
    bass_voicing,
    chord_on,
    draw_degrees,
    draw_progression,
    voice,
)

C, D, G, A = 0, 2, 7, 9


@pytest.mark.parametrize(
    ("degree", "tonic", "mode", "size", "name"),
    [
        (0, C, "major", 3, "C"),
        (1, C, "major", 3, "Dm"),
        (4, C, "major", 4, "G7"),
        (6, C, "major", 4, "Bm7b5"),
        (0, C, "major", 5, "Cmaj9"),
        (4, A, "minor", 3, "Em"),
        (4, A, "harmonic minor", 3, "E"),
        (3, D, "dorian", 3, "G"),
        (1, D, "phrygian", 3, "Eb"),
        (6, G, "mixolydian", 3, "F"),
        (1, C, "lydian", 3, "D"),
    ],
)
def test_chords_on_degrees_have_their_textbook_names(
    degree: int, tonic: int, mode: str, size: int, name: str
) -> None:
    assert chord_on(degree, tonic, MODES[mode], size=size).name == name


def test_every_scale_rises_within_an_octave_and_melodies_stay_in_it() -> None:
    for mode in MODES.values():
        assert mode.scale[0] == 0
        assert list(mode.scale) == sorted(set(mode.scale))
        assert max(mode.scale) < 12
        if mode.name != "blues":  # its blue notes are outside by nature
            assert set(mode.melody) <= set(mode.scale)


def test_a_major_progression_without_colour_stays_in_its_scale() -> None:
    taste = Taste(sevenths=0.0, suspended=0.0, borrowed=0.0)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for chord in draw_progression(D, MODES["major"], 8, taste, rng=rng):
            assert chord.pitch_classes <= {(D + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
            assert chord.intervals in ((0, 4, 7), (0, 3, 7)), "no diminished triad is left"


def test_twelve_bars_of_blues_are_the_twelve_bar_blues() -> None:
    rng = np.random.default_rng(0)
    assert draw_degrees(MODES["blues"], 12, rng=rng) == BLUES
    rng = np.random.default_rng(0)
    chords = draw_progression(A, MODES["blues"], 12, Taste(), rng=rng)
    names = [chord.name for chord in chords]
    assert names == ["A7"] * 4 + ["D7"] * 2 + ["A7"] * 2 + ["E7", "D7", "A7", "E7"]


def test_a_voicing_moves_to_the_nearest_inversion() -> None:
    c_major, f_major = Chord(C, (0, 4, 7)), Chord(5, (0, 4, 7))
    first = voice(c_major, (), low=60, size=3)
    assert first == (60, 64, 67)
    # F in its second inversion, C F A, moves 0 + 1 + 2 semitones; the root position moves 5 each.
    assert voice(f_major, first, low=60, size=3) == (60, 65, 69)
    # From E G C the root position F A C moves 1 + 2 + 0, the lowest inversion would move 4 + 2 + 3.
    assert voice(f_major, (64, 67, 72), low=60, size=3) == (65, 69, 72)


def test_a_bass_gets_root_fifth_octave_and_third() -> None:
    assert bass_voicing(Chord(G, (0, 4, 7)), low=31) == (31, 38, 43, 35)
    assert bass_voicing(Chord(A, (0, 3, 6)), low=31) == (33, 39, 45, 36)


def test_keys_are_the_twelve_pitch_classes() -> None:
    assert len(set(KEYS)) == 12
    assert KEYS.index("A") == 9
