"""Instruments: in tune, alive, and ending."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cqtnet.music import Hit, Instrument, Kit, Note, Track, compose, render_note
from cqtnet.music.drums import DRUMS, play_drum
from cqtnet.music.oscillators import GUARD, Tone, harmonic_table, plucked_string, read_table
from cqtnet.music.timbres import TIMBRES

RATE = 22050


def cents_off(sound: NDArray[np.float32], expected_hz: float) -> float:
    """Mean pitch of the partial at `expected_hz` against it, weighted by its energy, in cents.

    The partial is brought down to 0 Hz and its neighbours are smoothed away; the phase it
    gains in 20 ms says how far it is off.
    """
    turned = sound * np.exp(-2j * np.pi * expected_hz / RATE * np.arange(len(sound)))
    window = np.hanning(int(8 * RATE / expected_hz))
    slow = np.convolve(turned, window / window.sum(), "valid")
    lag = RATE // 50
    off_hz = np.angle(np.sum(slow[lag:] * np.conj(slow[:-lag]))) / (2 * np.pi * lag) * RATE
    return float(1200.0 * np.log2(1.0 + off_hz / expected_hz))


def test_the_measure_of_cents_finds_a_planted_detuning() -> None:
    times = np.arange(2 * RATE) / RATE
    sine = np.sin(2 * np.pi * 440.0 * 2 ** (7.0 / 1200.0) * times).astype(np.float32)
    assert cents_off(sine, 440.0) == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize("name", sorted(TIMBRES))
def test_every_timbre_plays_the_notated_pitch_within_two_cents(name: str) -> None:
    timbre = TIMBRES[name]
    for midi in (timbre.lowest, (timbre.lowest + timbre.highest) // 2, timbre.highest):
        frequency = 440.0 * 2.0 ** ((midi - 69) / 12.0)
        for vibrato in (0.0, 12.0):
            tone = Tone(frequency, 2 * RATE, RATE, 0.6, brightness=0.5, vibrato_cents=vibrato)
            sound = timbre.play(tone, np.random.default_rng(midi))
            assert sound.shape == (2 * RATE,)
            assert sound.dtype == np.float32
            assert np.isfinite(sound).all()
            assert abs(cents_off(sound, frequency)) < 2.0, f"MIDI {midi}, vibrato {vibrato}"


@pytest.mark.parametrize("tuning_cents", [-50.0, -17.5, 0.0, 31.0, 50.0])
def test_the_tuning_of_a_piece_is_heard_in_its_a4(tuning_cents: float) -> None:
    piece = replace(compose(0, duration_s=5.0), tuning_cents=tuning_cents)
    track = Track("chords", Instrument("nylon"), 0.0, ())
    sound = render_note(piece, track, Note(0.0, 2.0, 69, 0.8))
    assert cents_off(sound, 440.0) == pytest.approx(tuning_cents, abs=0.5)


def test_chord_tones_of_pieces_sound_at_their_notated_pitch() -> None:
    for seed in (0, 5, 12, 27):
        piece = compose(seed, duration_s=20.0)
        for track in piece.tracks:
            for note in track.notes[:: max(1, len(track.notes) // 3)]:
                sound = render_note(piece, track, replace(note, duration_s=2.0))
                notated = 440.0 * 2 ** ((note.midi - 69) / 12 + piece.tuning_cents / 1200)
                assert abs(cents_off(sound, notated)) < 2.0, (seed, track.instrument, note)


def test_a_plucked_string_falls_by_sixty_decibels_in_its_decay_time() -> None:
    tone = Tone(220.0, 2 * RATE, RATE, 0.7)
    rng = np.random.default_rng(0)
    sound = plucked_string(tone, decay_s=2.0, damping=0.3, pick=0.25, rng=rng)
    # Only the fundamental keeps to the decay time; after 0.5 s it is what is left.
    levels = [np.abs(sound[int(s * RATE) :][:2000]).max() for s in (0.5, 1.5)]
    assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(30.0, abs=1.5)


def test_a_plucked_string_has_no_echo_of_its_start_at_its_end() -> None:
    tone = Tone(880.0, RATE, RATE, 0.7)
    rng = np.random.default_rng(0)
    sound = plucked_string(tone, decay_s=0.3, damping=0.4, pick=0.2, rng=rng)
    assert np.abs(sound[-RATE // 4 :]).max() < 1e-3 * np.abs(sound).max()


def test_a_table_holds_its_harmonics_and_no_others() -> None:
    table = harmonic_table(np.asarray([1.0, 0.0, 0.5]))
    cycles = np.arange(RATE, dtype=np.float64) * np.float64(100.0 / RATE)
    sound = read_table(table, cycles)
    spectrum = np.abs(np.fft.rfft(sound)) / (RATE / 2)
    assert spectrum[100] == pytest.approx(1.0, abs=1e-3)
    assert spectrum[300] == pytest.approx(0.5, abs=1e-3)
    assert np.delete(spectrum, [100, 300]).max() < 1e-3


def test_high_notes_leave_out_harmonics_that_would_fold_back() -> None:
    tone = Tone(2000.0, RATE, RATE, 0.6)
    assert list(tone.harmonics()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert tone.harmonics()[-1] * 2000.0 < GUARD * RATE
    sound = TIMBRES["square_lead"].play(tone, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(RATE)))
    harmonics = np.zeros(len(spectrum), dtype=bool)
    for number in range(1, 6):
        harmonics[2000 * number - 40 : 2000 * number + 40] = True
    assert spectrum[~harmonics].max() < 10 ** (-50 / 20) * spectrum.max()


@pytest.mark.parametrize("name", ["electric_piano", "brass", "saw_lead", "organ", "synth_bass"])
def test_brighter_instruments_have_more_treble(name: str) -> None:
    shares = []
    for brightness in (0.1, 0.9):
        tone = Tone(220.0, RATE, RATE, 0.7, brightness=brightness)
        sound = TIMBRES[name].play(tone, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(sound)) ** 2
        shares.append(power[700:].sum() / power.sum())
    assert shares[1] > 1.5 * shares[0]


@pytest.mark.parametrize("name", sorted(DRUMS))
def test_every_drum_is_loudest_early_and_ends_in_silence(name: str) -> None:
    sound = play_drum(name, Kit(), RATE, rng=np.random.default_rng(0))
    assert np.isfinite(sound).all()
    energy = np.cumsum(sound**2)
    assert energy[len(sound) // 2] > 0.8 * energy[-1]
    assert abs(sound[-1]) < 1e-4
    assert np.abs(sound).max() == pytest.approx(DRUMS[name][2], rel=1e-4)


def test_a_kick_settles_on_the_pitch_of_the_kit() -> None:
    sound = play_drum("kick", Kit(kick_hz=60.0, decay=2.0), RATE, rng=np.random.default_rng(0))
    late = sound[int(0.15 * RATE) : int(0.6 * RATE)]
    crossings = np.count_nonzero(np.diff(np.signbit(late)))
    assert crossings / 2 / (len(late) / RATE) == pytest.approx(60.0, rel=0.06)


def test_hits_name_drums_that_exist() -> None:
    drums = {hit.drum for seed in range(40) for hit in compose(seed, duration_s=15.0).hits}
    assert len(drums) >= 12
    assert drums <= set(DRUMS)
    assert isinstance(compose(1, duration_s=15.0).hits[0], Hit)
