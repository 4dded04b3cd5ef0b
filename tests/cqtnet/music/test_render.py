"""Sound: of the promised shape, repeatable, and with the score's truth audible in it."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import librosa
import numpy as np
import pytest
from librosa.onset import onset_strength
from numpy.typing import NDArray

from cqtnet.errors import InputError
from cqtnet.music import Instrument, Mix, Note, Piece, Track, compose, make_music, render
from cqtnet.music.effects import driven, echoed, faded, levelled, pumping, room_response, tilted
from cqtnet.music.timing import real_time_factors

RATE = 22050
DRY = Mix(room_level=0.0, peak=0.8)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("duration_s", "rate"), [(1.0, 8000), (7.3337, 22050), (3.0, 44100)])
def test_sound_has_the_promised_length_level_and_no_fault(
    seed: int, duration_s: float, rate: int
) -> None:
    sound = make_music(seed, duration_s=duration_s, sample_rate=rate)
    assert sound.shape == (round(duration_s * rate),)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0.3 < np.abs(sound).max() <= 0.9
    assert abs(sound.mean()) < 0.01
    assert sound[0] == 0.0
    assert sound[-1] == 0.0


def test_two_processes_render_the_same_bits() -> None:
    script = (
        "import hashlib; from cqtnet.music import make_music; "
        "print(hashlib.sha256(make_music(9, duration_s=6.0).tobytes()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "1"},
    )
    here = hashlib.sha256(make_music(9, duration_s=6.0).tobytes()).hexdigest()
    assert other.stdout.strip() == here


def test_the_package_needs_neither_torch_nor_librosa_nor_soundfile() -> None:
    script = (
        "import sys, cqtnet.music; "
        "print([n for n in ('torch', 'librosa', 'soundfile') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_music_is_made_sixty_times_faster_than_real_time() -> None:
    """In processor time of this process, so that busy neighbours do not count."""
    assert min(real_time_factors(range(4))) > 60.0


@pytest.mark.parametrize("rate", [0, 7999, 96001])
def test_rates_outside_the_limits_are_refused(rate: int) -> None:
    with pytest.raises(InputError, match=f"sample rate {rate} Hz is outside 8000 to 96000 Hz"):
        make_music(0, duration_s=2.0, sample_rate=rate)


def _rise(sound: NDArray[np.float32], at_s: float) -> float:
    """Growth of treble energy across a moment: log of 15 ms after it over 15 ms before."""
    steep = np.diff(sound, prepend=0.0) ** 2
    at, width = int(at_s * RATE), int(0.015 * RATE)
    before = steep[max(0, at - width) : at].sum()
    return float(np.log((steep[at : at + width].sum() + 1e-9) / (before + 1e-9)))


@pytest.mark.parametrize("seed", [1, 3, 10, 19])
def test_energy_rises_at_drum_hits_and_not_between_them(seed: int) -> None:
    piece = compose(seed, duration_s=30.0)
    sound = render(piece)
    hits = np.asarray([hit.start_s for hit in piece.hits])
    rng = np.random.default_rng(seed)
    between = [t for t in rng.uniform(1.0, 28.0, 400) if np.abs(hits - t).min() > 0.05]
    at_hits = np.asarray([_rise(sound, t) for t in hits if 0.05 < t < 28.0])
    elsewhere = np.asarray([_rise(sound, t) for t in between])
    assert np.mean(at_hits > 0.0) > 0.95
    assert np.mean(at_hits[:, None] > elsewhere[None, :]) > 0.95


def _strongest_bpm(sound: NDArray[np.float32]) -> float:
    """The pulse between 40 and 400 per minute that the onsets follow best."""
    envelope = onset_strength(y=sound, sr=RATE, hop_length=512)
    envelope = envelope - envelope.mean()
    times = np.arange(len(envelope)) * 512 / RATE
    candidates = np.arange(40.0, 400.0, 0.2)
    waves = np.exp(-2j * np.pi * np.outer(candidates / 60.0, times))
    return float(candidates[np.abs(waves @ envelope).argmax()])


def test_the_tempo_is_found_in_the_sound() -> None:
    pieces = [p for p in (compose(seed, duration_s=20.0) for seed in range(24)) if p.hits][:10]
    multiples = np.asarray([0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
    off = []
    for piece in pieces:
        ratio = _strongest_bpm(render(piece)) / piece.tempo_bpm
        off.append(np.abs(ratio / multiples - 1.0).min())
    assert np.mean(np.asarray(off) < 0.005) >= 0.9, "by beat or by subdivision, within 0.5 %"


def test_the_tuning_is_found_in_the_mix_by_another_implementation() -> None:
    for seed in (2, 6, 7, 11, 13):
        piece = compose(seed, duration_s=20.0)
        found = 100.0 * librosa.estimate_tuning(y=render(piece), sr=RATE, n_fft=8192)
        off = (found - piece.tuning_cents + 50.0) % 100.0 - 50.0
        assert abs(off) < 3.0, f"seed {seed}: {found:.1f} for {piece.tuning_cents} cents"


def _spectrum(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean logarithmic constant-Q spectrum of a stretch, shape (84,)."""
    bins = np.abs(librosa.cqt(sound, sr=RATE, hop_length=2048, n_bins=84))
    return np.asarray(np.log1p(1000.0 * bins / bins.max()).mean(axis=1))


def test_two_seeds_differ_more_than_two_places_of_one_seed() -> None:
    seeds = 20
    halves = [make_music(seed, duration_s=40.0).reshape(2, -1) for seed in range(seeds)]
    first, second = (np.asarray([_spectrum(half[k]) for half in halves]) for k in (0, 1))
    centre = np.concatenate([first, second]).mean(axis=0)
    first, second = first - centre, second - centre
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    cosine = first @ second.T
    same, other = np.diag(cosine), cosine[~np.eye(seeds, dtype=bool)]
    assert other.mean() < 0.1
    assert same.mean() > other.mean() + 0.6
    assert np.mean(same[:, None] > other[None, :]) > 0.9, "area under the ROC curve"


def _one_note(start_s: float, duration_s: float) -> Piece:
    """A piece of two seconds that is a single dry note."""
    note = Note(start_s, duration_s, 69, 0.8)
    track = Track("lead", Instrument("square_lead"), 0.0, (note,))
    return replace(compose(0, duration_s=2.0), tracks=(track,), hits=(), mix=DRY)


def test_a_note_sounds_from_its_start_to_its_end() -> None:
    sound = np.abs(render(_one_note(0.5, 0.7)))
    assert sound[: int(0.499 * RATE)].max() < 1e-6
    assert sound[int(0.51 * RATE) : int(0.53 * RATE)].max() > 0.5
    assert sound[int(1.15 * RATE) : int(1.19 * RATE)].max() > 0.3
    assert sound[int(1.243 * RATE) : int(1.249 * RATE)].max() < 0.05, "it dies away, no cut"
    assert sound[int(1.26 * RATE) :].max() < 0.01, "its release is over after 50 ms"


def test_a_piece_without_notes_is_silence() -> None:
    empty = replace(compose(0, duration_s=2.0), tracks=(), hits=(), mix=DRY)
    assert not render(empty).any()


def test_rendering_leaves_the_score_as_it_was() -> None:
    piece = compose(3, duration_s=4.0)
    before = repr(piece)
    render(piece)
    assert repr(piece) == before


def test_the_room_falls_by_sixty_decibels_in_its_time() -> None:
    response = room_response(1.0, RATE, rng=np.random.default_rng(0)).astype(np.float64)
    energy = np.cumsum(response[::-1] ** 2)[::-1]  # Schroeder's backward integral
    fall = 10 * np.log10(energy[int(0.3 * RATE)] / energy[int(0.6 * RATE)])
    assert fall == pytest.approx(18.0, abs=1.0)
    assert energy[0] == pytest.approx(1.0, rel=1e-4)


def test_echoes_come_late_and_weaker() -> None:
    click = np.zeros(100, dtype=np.float32)
    click[0] = 1.0
    out = echoed(click, delay=30, level=0.5)
    assert {int(i): float(out[i]) for i in np.nonzero(out)[0]} == {
        0: 1.0,
        30: 0.5,
        60: 0.25,
        90: 0.125,
    }
    assert click.sum() == 1.0, "the caller's array is as it was"


def test_kicks_push_the_gain_down_and_let_it_recover() -> None:
    gain = pumping(RATE, [0.5], RATE, depth=0.6)
    assert gain[int(0.49 * RATE)] == 1.0
    assert gain[round(0.5 * RATE)] == pytest.approx(0.4)
    assert gain[int(0.9 * RATE)] > 0.95


def test_a_tilt_raises_treble_against_bass_by_its_decibels() -> None:
    times = np.arange(RATE) / RATE
    levels = []
    for frequency in (30.0, 10000.0):
        sine = np.sin(2 * np.pi * frequency * times).astype(np.float32)
        levels.append(np.std(tilted(sine, RATE, tilt_db=6.0)[RATE // 2 :]) / np.std(sine))
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(6.0, abs=0.5)


def test_fades_and_levels_hold_their_limits() -> None:
    loud = np.full(RATE, 3.0, dtype=np.float32)
    ramp = np.linspace(-3.0, 3.0, RATE, dtype=np.float32)
    np.testing.assert_allclose(levelled(ramp, peak=2.0), 0.3 * ramp, atol=1e-6)  # scaled, not cut
    out = faded(loud, RATE, fade_out_s=0.5)
    assert out[-1] == 0.0
    assert out[int(0.75 * RATE)] == pytest.approx(0.75, abs=0.01)  # 3 · (1/2)²
    assert loud.min() == 3.0
    rounded = driven(loud * np.linspace(0, 1, RATE, dtype=np.float32), drive=1.0)
    assert np.all(np.diff(rounded) >= 0.0), "saturation keeps the order of samples"
