"""Scores: repeatable, different, whole, and with sections that really return."""

import json
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

from cqtnet.errors import InputError
from cqtnet.music import Note, Piece, Section, compose
from cqtnet.music.draws import stream
from cqtnet.music.form import FORMS, plan_form
from cqtnet.music.harmony import KEYS, MODES
from cqtnet.music.rhythm import bar_seconds


@pytest.fixture(scope="module")
def scores() -> list[Piece]:
    return [compose(seed) for seed in range(200)]


def test_the_same_seed_gives_the_same_score() -> None:
    assert compose(11, duration_s=40.0) == compose(11, duration_s=40.0)


def test_a_score_is_plain_data_that_json_carries() -> None:
    piece = compose(4, duration_s=20.0)
    again = json.loads(json.dumps(asdict(piece)))
    assert again["tracks"][0]["notes"][0]["midi"] == piece.tracks[0].notes[0].midi
    assert again["tempo_bpm"] == piece.tempo_bpm


def test_no_two_of_200_seeds_share_title_key_tempo_and_progression(scores: list[Piece]) -> None:
    identities = {(p.title, p.key, p.mode, p.tempo_bpm, p.progression) for p in scores}
    assert len(identities) == 200
    assert len({p.title for p in scores}) > 190
    assert len({p.progression for p in scores}) > 190


def test_200_seeds_spread_over_styles_keys_meters_and_bands(scores: list[Piece]) -> None:
    assert len({p.style for p in scores}) >= 20
    assert len({p.key for p in scores}) == 12
    assert len({p.mode for p in scores}) >= 10
    assert len({p.meter.name for p in scores}) >= 6
    assert len({track.instrument.timbre for p in scores for track in p.tracks}) >= 25
    drumless = sum(not p.hits for p in scores) / 200
    assert 0.2 < drumless < 0.7
    tempi = [p.tempo_bpm for p in scores]
    assert min(tempi) < 60.0 < 170.0 < max(tempi)
    tunings = [p.tuning_cents for p in scores]
    assert min(tunings) < -35.0 < 35.0 < max(tunings)
    assert max(map(abs, tunings)) <= 50.0
    assert any(len({t.instrument.timbre for t in p.tracks}) == 1 for p in scores), "solo pieces"


def test_notes_and_hits_lie_within_the_piece_in_order(scores: list[Piece]) -> None:
    for piece in scores:
        for track in piece.tracks:
            starts = [note.start_s for note in track.notes]
            assert starts == sorted(starts)
            assert starts[0] >= 0.0
            assert max(n.start_s + n.duration_s for n in track.notes) <= piece.duration_s + 1e-5
            assert all(0.0 < n.velocity <= 1.0 and n.duration_s > 0.0 for n in track.notes)
        hits = [hit.start_s for hit in piece.hits]
        assert hits == sorted(hits)


def test_sections_tile_the_piece_and_bars_keep_the_tempo(scores: list[Piece]) -> None:
    for piece in scores:
        ends = [s.start_s + s.duration_s for s in piece.sections]
        starts = [s.start_s for s in piece.sections]
        np.testing.assert_allclose(ends[:-1], starts[1:], atol=1e-5)
        assert ends[-1] == pytest.approx(piece.duration_s, abs=1e-5)
        assert sum(s.bars for s in piece.sections) == len(piece.bar_starts_s)
        bar_s = bar_seconds(piece.meter, piece.tempo_bpm)
        if piece.hits:  # strict time: only pieces without drums bend it
            np.testing.assert_allclose(np.diff(piece.bar_starts_s), bar_s, atol=1e-5)


def test_pitched_notes_of_unaltered_styles_stay_in_the_key(scores: list[Piece]) -> None:
    for piece in (p for p in scores if p.style == "techno"):
        lifted = any(section.transpose_semitones for section in piece.sections)
        tonic = KEYS.index(piece.key)
        scale = {(tonic + step) % 12 for step in MODES[piece.mode].scale}
        inside = [
            note.midi % 12 in scale
            for track in piece.tracks
            for note in track.notes
            if track.role != "bass"  # its approach tones are chromatic on purpose
        ]
        assert lifted or np.mean(inside) == 1.0


def _places(piece: Piece, section: Section, notes: tuple[Note, ...]) -> set[tuple[int, int]]:
    """Step and untransposed pitch of the notes that start in a section."""
    bar_s = bar_seconds(piece.meter, piece.tempo_bpm)
    loose_s = 0.25 * bar_s / piece.meter.steps
    places = set()
    for note in notes:
        since = note.start_s - section.start_s
        if -loose_s <= since < section.bars * bar_s - loose_s:
            step = round(since / bar_s * piece.meter.steps)
            places.add((step, note.midi - section.transpose_semitones))
    return places


def _shared_share(piece: Piece, kind: str, role: str) -> float | None:
    """Share of a role's notes in a section that its next occurrence repeats."""
    found = [section for section in piece.sections if section.kind == kind]
    tracks = [track for track in piece.tracks if track.role == role]
    if len(found) < 2 or not tracks or found[0].bars != found[1].bars:
        return None
    first, second = (_places(piece, section, tracks[0].notes) for section in found[:2])
    if len(first) < 8 or len(second) < 8:
        return None
    return len(first & second) / max(len(first), len(second))


def test_a_chorus_returns_with_most_of_its_notes_and_some_variation(scores: list[Piece]) -> None:
    straight = [p for p in scores if p.hits and p.swing == 0.5]
    shares = [
        share
        for piece in straight
        for kind in ("verse", "chorus")
        if (share := _shared_share(piece, kind, "lead")) is not None
    ]
    assert len(shares) >= 30
    # An octave shift of the whole return (a fifth of them) shares nothing: hence the median.
    assert 0.6 < np.median(shares) < 0.95
    assert np.mean(np.asarray(shares) < 1.0) > 0.9


def test_different_themes_share_few_notes(scores: list[Piece]) -> None:
    shares = []
    for piece in (p for p in scores if p.hits and p.swing == 0.5):
        verse = next((s for s in piece.sections if s.kind == "verse"), None)
        chorus = next((s for s in piece.sections if s.kind == "chorus"), None)
        lead = next((t for t in piece.tracks if t.role == "lead"), None)
        if verse and chorus and lead:
            a, b = (_places(piece, section, lead.notes) for section in (verse, chorus))
            if len(a) >= 8 and len(b) >= 8:
                shares.append(len(a & b) / max(len(a), len(b)))
    assert len(shares) >= 20
    assert np.median(shares) < 0.2


def test_no_two_stretches_of_four_bars_are_the_same(scores: list[Piece]) -> None:
    """A place must be findable: the nearest other four bars share most notes, never all."""
    nearest = []
    for piece in scores[:40]:
        bars = [set[tuple[str, int, int]]() for _ in piece.bar_starts_s]
        starts = np.asarray(piece.bar_starts_s)
        for track in piece.tracks:
            for note in track.notes:
                bar = max(0, int(np.searchsorted(starts, note.start_s + 0.03)) - 1)
                step = round((note.start_s - starts[bar]) / (60.0 / piece.tempo_bpm / 4.0))
                bars[bar].add((track.role, step, note.midi))
        windows = [
            {(i, *place) for i in range(4) for place in bars[k + i]} for k in range(len(bars) - 4)
        ]
        for i, here in enumerate(windows):
            there = [w for j, w in enumerate(windows) if abs(i - j) >= 4 and w | here]
            if there:
                nearest.append(max(len(here & w) / len(here | w) for w in there))
    assert 0.3 < np.mean(nearest) < 0.7, "there is repetition, and there is variation"
    assert np.mean(np.asarray(nearest) > 0.95) < 0.01


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_form_fills_any_number_of_bars_exactly(name: str) -> None:
    for bars in (1, 2, 3, 5, 8, 13, 21, 34, 64, 200):
        plan = plan_form((name,), bars, units=(16, 8, 4, 2, 1), rng=stream(bars, name))
        assert sum(stretch.bars for stretch in plan) == bars
        assert [s.start_bar for s in plan] == [
            sum(before.bars for before in plan[:index]) for index in range(len(plan))
        ]
        assert all(stretch.bars > 0 for stretch in plan)


def test_songs_of_a_minute_have_a_chorus_that_returns_louder_than_the_verse() -> None:
    plan = plan_form(("song",), 30, units=(16, 8, 4, 2, 1), rng=stream(0, "form"))
    kinds = Counter(stretch.kind for stretch in plan)
    assert kinds["verse"] >= 2
    assert kinds["chorus"] >= 2
    energy = {stretch.kind: stretch.energy for stretch in plan}
    assert energy["intro"] < energy["verse"] < energy["chorus"]


def test_another_duration_keeps_key_style_and_themes() -> None:
    short, long = compose(21, duration_s=60.0), compose(21, duration_s=180.0)
    assert (short.key, short.mode, short.style, short.title) == (
        long.key, long.mode, long.style, long.title,
    )  # fmt: skip
    assert len(long.sections) > len(short.sections)


@pytest.mark.parametrize(
    ("seed", "duration_s", "message"),
    [
        (-1, 10.0, "seed -1 is negative; give 0 or more"),
        (0, 0.5, "duration of 0.5 s is outside 1 to 1800 s"),
        (0, 2000.0, "duration of 2000 s is outside 1 to 1800 s"),
        (0, float("nan"), "duration of nan s is outside"),
    ],
)
def test_seeds_and_durations_without_a_piece_are_refused(
    seed: int, duration_s: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compose(seed, duration_s=duration_s)
