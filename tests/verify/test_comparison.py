"""Comparisons of files: verdicts, places, alterations, what cannot be said."""

import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from augment.chain import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Speed, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.errors import NotAudioError
from cqtnet.music import make_music
from verify.commands.compare import tell
from verify.comparison import Comparer, reasons_against
from verify.features import Content
from verify.results import Alignment, Comparison, Evidence, Hit, Line

SONG = make_music(21, duration_s=45.0)
FRAGMENT = SONG[15 * SAMPLE_RATE : 30 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def comparer() -> Comparer:
    return Comparer.named("default")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("song") / "song.flac", SONG)


def write(path: Path, samples: NDArray[np.float32]) -> Path:
    soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    return path


def changed(*effects: object) -> NDArray[np.float32]:
    chain = Chain(effects)  # type: ignore[arg-type]
    return chain.apply(FRAGMENT, SAMPLE_RATE).samples


def test_an_altered_fragment_is_the_same_with_place_tempo_and_pitch(
    comparer: Comparer, song: Path, tmp_path: Path
) -> None:
    noise = ColouredNoise(snr_db=10.0, seed=1)
    a = write(tmp_path / "a.flac", changed(Tempo(1.1), Pitch(-2.0), noise))
    found = comparer.compare(a, song)
    assert found.verdict == "same" and found.log_lr > math.log(100)
    assert found.evidence is not None and found.evidence.alignment is not None
    alignment = found.evidence.alignment
    assert alignment.line.tempo == pytest.approx(1.1, rel=1e-3)
    assert alignment.line.shift_semitones == pytest.approx(-2, abs=0.05)
    assert (alignment.b_start_s, alignment.b_end_s) == pytest.approx((15, 30), abs=0.1)
    assert all(word in found.changes_in_words for word in ("% faster", "semitones lower"))
    assert found.headline.startswith("SAME RECORDING  LR ")


def test_the_roles_can_be_exchanged(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    a = write(tmp_path / "a.flac", changed(Tempo(1.1)))
    found = comparer.compare(song, a)
    assert found.verdict == "same"
    assert found.evidence is not None and found.evidence.alignment is not None
    assert found.evidence.alignment.line.tempo == pytest.approx(1 / 1.1, rel=1e-3)
    assert found.evidence.alignment.a_start_s == pytest.approx(15, abs=0.1)


def test_other_music_is_different(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    a = write(tmp_path / "a.flac", make_music(22, duration_s=15.0))
    found = comparer.compare(a, song)
    assert found.verdict == "different" and found.log_lr < -math.log(10)
    assert not [line for line in tell(found) if line.startswith("  where")]


def test_polarity_and_gain_are_told(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    found = comparer.compare(write(tmp_path / "a.flac", -0.5 * FRAGMENT), song)
    assert found.waveform is not None and found.waveform.inverted
    assert found.waveform.gain_db == pytest.approx(20 * math.log10(0.5), abs=0.05)
    assert found.waveform.offset_s == pytest.approx(15.0, abs=2 / SAMPLE_RATE)
    assert found.changes_in_words == "polarity reversed, 6.0 dB quieter"


def test_cuts_are_told_with_their_places(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    cut = np.concatenate([SONG[: 20 * SAMPLE_RATE], SONG[26 * SAMPLE_RATE :]])
    found = comparer.compare(write(tmp_path / "a.flac", cut), song)
    assert found.verdict == "same" and found.edits is not None
    (edit,) = found.edits.edits
    assert edit.kind == "cut" and edit.a_start_s == pytest.approx(20, abs=0.1)
    assert (edit.b_start_s, edit.b_end_s) == pytest.approx((20, 26), abs=0.1)
    assert any("of A: 6.0" in line and "missing" in line for line in tell(found))


def test_a_change_of_speed_is_told_as_one(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    found = comparer.compare(write(tmp_path / "a.flac", changed(Speed(1.08))), song)
    assert "another speed: 8.00% faster" in found.changes_in_words
    assert "1.33 semitones higher" in found.changes_in_words


def test_a_fragment_is_found_in_twelve_minutes(comparer: Comparer, tmp_path: Path) -> None:
    pieces = [make_music(100 + i, duration_s=60.0) for i in range(6)]
    pieces = [*pieces, SONG, *pieces]
    b = write(tmp_path / "long.flac", np.concatenate(pieces))
    recording = comparer.read(b)
    assert recording.whole is None, "too long to keep: stretches are read again"
    found = comparer.compare(write(tmp_path / "a.flac", changed(Pitch(1.0))), recording)
    assert found.verdict == "same"
    assert found.evidence is not None and found.evidence.alignment is not None
    assert found.evidence.alignment.b_start_s == pytest.approx(375, abs=0.1)


TIMES = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIMES)).astype(np.float32)
NOISES = [
    (0.1 * np.random.default_rng(i).standard_normal(len(TIMES))).astype(np.float32)
    for i in range(2)
]


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (np.zeros_like(TONE), SONG, "A holds nothing but silence"),
        (SONG, np.zeros_like(TONE), "B holds nothing but silence"),
        (TONE, TONE, "steady tones"),
        (TONE, SONG, "steady tones"),
        (NOISES[0], NOISES[1], "steady noise"),
        (SONG[: SAMPLE_RATE // 2], SONG, "lasts less than the 2 s"),
        (SONG[:0], SONG, "A holds no sound at all"),
    ],
    ids=["silence", "in silence", "tones", "tone in music", "noises", "too short", "empty"],
)
def test_what_cannot_be_told_is_said_with_its_reason_and_a_ratio_of_one(
    comparer: Comparer, tmp_path: Path, a: object, b: object, reason: str
) -> None:
    found = comparer.compare(
        write(tmp_path / "a.wav", a),  # type: ignore[arg-type]
        write(tmp_path / "b.wav", b),  # type: ignore[arg-type]
    )
    assert found.verdict == "insufficient" and found.log_lr == 0
    assert reason in " ".join(found.reasons)
    assert "INSUFFICIENT" in tell(found)[0]
    json.dumps(found.to_dict(), allow_nan=False)


MUSIC = Content(structure=0.5, motion=0.4, level=0.1, heard_s=8.0)
ALIGNED = Alignment(0.0, 8.0, Line(1.0, 0.0, 4.0), 0.9, 0.9, 0.001, 1.0)


@pytest.mark.parametrize(
    ("content", "alignment", "reason"),
    [
        (MUSIC, ALIGNED, ()),
        (MUSIC, None, ("too little of A and B can be laid side by side",)),
        (replace(MUSIC, level=0.0), ALIGNED, ("B holds silence where they were compared",)),
        (replace(MUSIC, structure=0.2), ALIGNED, ()),
        (
            replace(MUSIC, structure=0.2),
            replace(ALIGNED, correlation=0.1),
            ("B holds nothing but steady noise where they were compared",),
        ),
    ],
    ids=["music", "no alignment", "silence", "the very same noise", "noise"],
)
def test_a_ratio_is_not_stated_where_what_was_compared_tells_nothing(
    content: Content, alignment: Alignment | None, reason: tuple[str, ...]
) -> None:
    evidence = Evidence(Hit(0.9, 8.0, 0.0, 4.0), alignment, 0.9, MUSIC, content)
    assert reasons_against(evidence) == reason


def test_six_seconds_of_it_within_another_piece_are_found(
    comparer: Comparer, song: Path, tmp_path: Path
) -> None:
    other = make_music(23, duration_s=30.0)
    a = np.concatenate([other[: 11 * SAMPLE_RATE], SONG[8 * SAMPLE_RATE : 14 * SAMPLE_RATE],
                        other[11 * SAMPLE_RATE :]])  # fmt: skip
    found = comparer.compare(write(tmp_path / "a.flac", a), song)
    assert found.verdict == "same" and found.evidence is not None
    place = found.evidence.alignment
    assert place is not None and place.line.offset_s == pytest.approx(-3.0, abs=0.05)
    assert 10 < place.a_start_s < place.a_end_s < 18


def test_silence_around_a_sound_does_not_make_it_a_steady_tone(
    comparer: Comparer, song: Path, tmp_path: Path
) -> None:
    a = np.zeros_like(SONG)
    a[5 * SAMPLE_RATE : 9 * SAMPLE_RATE] = SONG[5 * SAMPLE_RATE : 9 * SAMPLE_RATE]
    assert comparer.compare(write(tmp_path / "a.flac", a), song).verdict == "same"


def test_the_same_files_give_the_same_json(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    a = write(tmp_path / "a.flac", changed(Tempo(0.9)))
    lines = [json.dumps(comparer.compare(a, song).to_dict()) for _ in range(2)]
    assert lines[0] == lines[1]


def test_an_unaltered_copy_is_told_to_be_one_in_words_json_and_a_notebook(song: Path) -> None:
    from verify import compare

    found = compare(song, song)
    assert isinstance(found, Comparison)
    assert found.verdict == "same" and found.is_bounded
    assert found.changes_in_words == "tempo, pitch, polarity and level as in B"
    shown = found._repr_html_()
    assert "support for the same recording" in shown and "<img" in shown
    plain = found.to_dict()
    assert plain["verdict"] == "same" and plain["alignment"]["tempo"] == pytest.approx(1, rel=1e-4)
    assert plain["a"]["sha256"] == plain["b"]["sha256"] and len(plain["a"]["sha256"]) == 64
    item = found.a
    assert (item.duration_s, item.sample_rate, item.channels) == (45.0, SAMPLE_RATE, 1)
    assert plain["log10_lr"] == pytest.approx(plain["log_lr"] / math.log(10), rel=1e-4)


def test_the_commit_is_asked_for_once_however_many_results_are_written(
    comparer: Comparer, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: asked.append(a) or run(*a, **k))
    found = comparer.compare(song, song)
    assert found.to_dict()["versions"] == found.to_dict()["versions"]
    assert len(asked) <= 1
    assert {"scipy", "soxr", "soundfile", "av", "faiss-cpu"} <= set(found.to_dict()["versions"])


def test_a_file_without_audio_is_an_error(comparer: Comparer, song: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    with pytest.raises(NotAudioError, match=r"empty\.wav"):
        comparer.compare(tmp_path / "empty.wav", song)
