import json
import math
import shutil
import subprocess
from dataclasses import asdict, astuple, replace
from functools import cache

import numpy as np
import pytest
import soundfile

from augment.effect import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Speed, Tempo
from cqtnet import SAMPLE_RATE, audio, device
from cqtnet.errors import NotAudioError
from cqtnet.music import make_music
from tests.verify.report.cases import ALIGNMENT, CONTENT, COPY, EVIDENCE
from tests.verify.shared_sounds import KINDS, compared
from verify.commands.compare import tell
from verify.comparison import Comparer, reasons_against
from verify.results import Comparison


@cache
def piece():
    return make_music(21, duration_s=36.0)


def fragment():
    return piece()[15 * SAMPLE_RATE : 30 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def comparer():
    return Comparer.named("default")


@pytest.fixture(scope="module")
def song(comparer, tmp_path_factory):
    return comparer.read(write(tmp_path_factory.mktemp("song") / "song.flac", piece()))


def write(path, samples):
    soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    return path


def changed(*effects):
    return Chain(effects).apply(fragment(), SAMPLE_RATE).samples


def test_an_altered_fragment_is_the_same_with_place_tempo_and_pitch(comparer, song, tmp_path):
    noise = ColouredNoise(snr_db=10.0, seed=1)
    a = write(tmp_path / "a.flac", changed(Tempo(1.1), Pitch(-2.0), noise))
    found = comparer.compare(a, song)
    assert found.verdict == "same"
    alignment = found.alignment
    assert alignment.line.tempo == pytest.approx(1.1, rel=1e-3)
    assert alignment.line.shift_semitones == pytest.approx(-2, abs=0.05)
    assert (alignment.b_start_s, alignment.b_end_s) == pytest.approx((15, 30), abs=0.1)
    assert all(word in found.changes_in_words for word in ("% faster", "semitones lower"))
    assert found.headline.startswith("SAME RECORDING  LR ")


@pytest.mark.parametrize("a", [
    lambda: changed(Tempo(1.1), Pitch(1.0)),
    lambda: make_music(21, duration_s=20.0, sounds=22),
    lambda: make_music(22, duration_s=15.0),
    lambda: fragment()[::-1],
], ids=["altered", "rendition", "other", "reversed"])  # fmt: skip
def test_a_and_b_can_be_exchanged(comparer, song, tmp_path, a):
    a = write(tmp_path / "a.flac", a())
    there, back = comparer.compare(a, song), comparer.compare(song, a)
    assert there.verdict == back.verdict and there.reasons == back.reasons
    assert (there.ratios is None) == (back.ratios is None)
    if there.ratios is not None:
        assert there.ratios.to_dict() == pytest.approx(back.ratios.to_dict(), abs=1e-9)
    assert (there.alignment is None) == (back.alignment is None)
    if there.alignment is not None:
        both = there.alignment, back.alignment.swapped
        exact, other = [(*astuple(x.line), x.residual_s) for x in both]
        assert exact == pytest.approx(other, abs=1e-9)
        ends, others = [(x.a_start_s, x.a_end_s, x.b_start_s, x.b_end_s) for x in both]
        assert ends == pytest.approx(others, abs=0.05)  # the edit maps are of A by B, B by A


def test_polarity_gain_and_a_change_of_speed_are_told(comparer, song, tmp_path):
    found = comparer.compare(write(tmp_path / "a.flac", -0.5 * fragment()), song)
    assert found.waveform.offset_s == pytest.approx(15.0, abs=2 / SAMPLE_RATE)
    assert found.changes_in_words.startswith("polarity reversed, 6.0 dB quieter")
    found = comparer.compare(write(tmp_path / "a.flac", changed(Speed(1.08))), song)
    assert "another speed: 8.00% faster" in found.changes_in_words
    assert "1.33 semitones higher" in found.changes_in_words


def test_cuts_are_told_with_their_places(comparer, song, tmp_path):
    cut = np.concatenate([piece()[: 20 * SAMPLE_RATE], piece()[26 * SAMPLE_RATE :]])
    found = comparer.compare(write(tmp_path / "a.flac", cut), song)
    assert found.verdict == "same"
    (edit,) = found.edits.edits
    assert edit.kind == "cut" and edit.a_start_s == pytest.approx(20, abs=0.1)
    assert (edit.b_start_s, edit.b_end_s) == pytest.approx((20, 26), abs=0.1)
    assert any("of A: 6.0" in line and "missing" in line for line in tell(found))


def test_a_fragment_is_found_in_what_is_too_long_to_keep(comparer, tmp_path, monkeypatch):
    monkeypatch.setattr("verify.recording.WHOLE_S", 100.0)
    long = np.concatenate([around := make_music(100, duration_s=40.0), piece(), around])
    recording = comparer.read(write(tmp_path / "long.flac", long))
    assert recording.whole is None, "stretches are read again"
    found = comparer.compare(write(tmp_path / "a.flac", changed(Pitch(1.0))), recording)
    assert found.verdict == "same"
    assert found.alignment.b_start_s == pytest.approx(55, abs=0.1)


TIMES = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIMES)).astype(np.float32)
NOISES = [0.1 * np.random.default_rng(i).standard_normal(len(TIMES)) for i in range(2)]


@pytest.mark.parametrize(("a", "b", "reason"), [
    (np.zeros_like(TONE), None, "A holds nothing but silence"),
    (None, np.zeros_like(TONE), "B holds nothing but silence"),
    (TONE, 0.9 * TONE, "steady tones"),
    (TONE, None, "steady tones"),
    (NOISES[0], NOISES[1], "steady noise"),
    (NOISES[0][: SAMPLE_RATE // 2], None, "lasts less than the 2 s"),
    (TONE[:0], None, "A holds no sound at all"),
], ids=["silence", "in silence", "tones", "tone, song", "noises", "short", "empty"])  # fmt: skip
def test_what_cannot_be_told_has_its_reason(comparer, song, tmp_path, a, b, reason):
    sides = (("a", a), ("b", b))
    found = comparer.compare(
        *(song if x is None else write(tmp_path / f"{name}.wav", x) for name, x in sides)
    )
    assert found.verdict == "insufficient" and found.log_lr == 0
    assert reason in " ".join(found.reasons) and "INSUFFICIENT" in tell(found)[0]
    json.dumps(found.to_dict(), allow_nan=False)


SILENCE, NOISE = replace(CONTENT, level=0.0), replace(CONTENT, structure=0.2)


@pytest.mark.parametrize(("changes", "alignment", "reason"), [
    ({}, {}, ""),
    ({"alignment": None}, {}, "too little of A and B can be laid side by side"),
    ({"content_b": SILENCE}, {}, "B holds silence where they were compared"),
    ({"content_b": NOISE}, {}, ""),
    ({"content_b": NOISE}, {"correlation": 0.1}, "B holds nothing but steady noise where"),
    ({"copy": None}, {}, "too little sound to tell a copy by"),
    ({"copy": None}, {"correlation": 0.1, "coherence": 0.1}, ""),
    ({"content_a": replace(CONTENT, monotony=0.9)}, {}, "A holds sound so simple that many"),
], ids=["music", "no alignment", "silence", "the very same noise", "noise", "no copy test",
        "unlike without a copy test", "simple"])  # fmt: skip
def test_a_ratio_is_not_stated_where_what_was_compared_tells_nothing(changes, alignment, reason):
    evidence = replace(EVIDENCE, alignment=replace(ALIGNMENT, **alignment))
    found = reasons_against(replace(evidence, **changes))
    assert len(found) == bool(reason) and reason in "".join(found)


@pytest.mark.parametrize("kind", KINDS)
def test_what_any_recording_may_share_makes_no_two_the_same(comparer, tmp_path, kind):
    assert compared(comparer, kind, 0, tmp_path).verdict != "same"


def test_a_few_seconds_in_two_pieces_are_told_and_make_no_verdict(comparer, tmp_path):
    pieces = [make_music(seed, duration_s=20.0) for seed in (21, 22)]
    pieces[1][11 * SAMPLE_RATE : 15 * SAMPLE_RATE] = pieces[0][3 * SAMPLE_RATE : 7 * SAMPLE_RATE]
    found = comparer.compare(*(write(tmp_path / f"{i}.flac", x) for i, x in enumerate(pieces)))
    assert found.verdict == "insufficient" and found.reasons[0].startswith("only 0:0")
    assert "the rest of both differs" in found.reasons[0]


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_all_places_of_a_loop_are_told_and_the_waveform_may_decide(comparer, tmp_path, rng, noise):
    bar = make_music(11, duration_s=16.0)
    loop = np.concatenate([bar + noise * rng.standard_normal(bar.size) for _ in range(3)])
    a = loop[21 * SAMPLE_RATE : 29 * SAMPLE_RATE]
    found = comparer.compare(write(tmp_path / "a.flac", a), write(tmp_path / "b.flac", loop))
    starts_s = {round(place.alignment.b_start_s): place.is_equal for place in found.places}
    if noise:
        assert round(found.alignment.b_start_s) == 21 and starts_s == {5: False, 37: False}
        assert "less well" in found.places_in_words
    else:
        starts_s[round(found.alignment.b_start_s)] = True
        assert starts_s == {5: True, 21: True, 37: True}
        assert "cannot be told apart" in found.places_in_words


def test_identical_sound_in_another_container_is_reported_as_such(comparer, song, tmp_path):
    same = write(tmp_path / "same.wav", soundfile.read(song.path)[0])
    assert comparer.compare(same, song).identity == "sound"
    quieter = write(tmp_path / "quieter.flac", 0.5 * piece())
    assert comparer.compare(quieter, song).identity is None


def test_six_seconds_of_it_within_another_piece_are_found(comparer, song, tmp_path):
    other = make_music(23, duration_s=30.0)
    a = np.concatenate([other[: 11 * SAMPLE_RATE], piece()[14 * SAMPLE_RATE : 20 * SAMPLE_RATE],
                        other[11 * SAMPLE_RATE :]])  # fmt: skip
    found = comparer.compare(write(tmp_path / "a.flac", a), song)
    place = found.alignment
    assert found.verdict == "same" and place.line.offset_s == pytest.approx(3.0, abs=0.05)
    assert 10 < place.a_start_s < place.a_end_s < 18


def test_silence_around_a_sound_does_not_make_it_a_steady_tone(comparer, song, tmp_path):
    a = np.where(np.arange(piece().size) // SAMPLE_RATE // 4 == 1, piece(), 0)  # 4 to 8 s of it
    assert comparer.compare(write(tmp_path / "a.flac", a), song).verdict == "same"


def test_other_threads_change_last_digits_and_nothing_else(song, comparer, tmp_path, monkeypatch):
    """One number of threads gives one JSON, byte by byte: docs/explanation/security.md."""
    monkeypatch.setattr(device, "_limited", False)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    a = write(tmp_path / "a.flac", changed(Tempo(0.9)))
    four, again = (Comparer.named("default").compare(a, song.path).to_dict() for _ in range(2))
    assert json.dumps(four) == json.dumps(again)
    one = comparer.compare(a, song).to_dict()
    assert four["verdict"] == one["verdict"] and four.keys() == one.keys()
    names = ("tempo", "shift_semitones", "offset_s", "correlation", "a_start_s", "a_end_s")
    figures = [
        {name: x["alignment"][name] for name in names}
        | {name: x[name] for name in ("log_lr", "aligned_cosine")}
        for x in (four, one)
    ]
    assert figures[0] == pytest.approx(figures[1], rel=1e-3, abs=1e-3)


def test_an_unaltered_copy_is_told_to_be_one_in_words_json_and_a_notebook(song, monkeypatch):
    """The commit is asked for once, however many results are written."""
    from verify import compare

    asked = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: asked.append(a) or run(*a, **k))
    found = compare(song.path, song.path)
    assert isinstance(found, Comparison) and found.verdict == "same"
    assert found.to_dict()["versions"] == found.to_dict()["versions"] and len(asked) <= 1
    assert {"scipy", "soxr", "soundfile", "av", "faiss-cpu"} <= set(found.to_dict()["versions"])
    assert found.identity == "files"
    assert found.changes_in_words == "the same to 60 dB below its level"
    assert "SAME RECORDING; identical files: the same SHA-256" in found._repr_html_()
    plain = found.to_dict()
    assert plain["verdict"] == "same" and plain["alignment"]["tempo"] == pytest.approx(1, rel=1e-4)
    assert plain["a"]["sha256"] == plain["b"]["sha256"] and len(plain["a"]["sha256"]) == 64
    item = found.a
    assert (item.duration_s, item.sample_rate, item.channels) == (36.0, SAMPLE_RATE, 1)
    assert plain["lr"] == pytest.approx(math.exp(plain["log_lr"]), rel=1e-4)
    assert plain["log_lr"] == min(plain["log_lrs"][f"same_{x}"] for x in ("unrelated", "rendition"))
    assert plain["log_lrs"].keys() == {"same_unrelated", "same_rendition", "rendition_unrelated"}
    assert (plain["against"], plain["population"]) == (found.deciding[1], "music")
    assert plain["copy"]["best_half_db"] < 0.1 and plain["copy"]["unexplained_db"] < 0.2
    assert set(plain["copy"]) == set(asdict(COPY))


def test_a_file_that_changes_while_it_is_read_is_an_error(comparer, song, tmp_path, monkeypatch):
    path, inner = shutil.copy(song.path, tmp_path / "song.flac"), audio.file_sha256
    monkeypatch.setattr(audio, "file_sha256", lambda path: (inner(path), path.touch())[0])
    with pytest.raises(NotAudioError, match=r"song\.flac was changed while it was read"):
        comparer.read(path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(NotAudioError, match=r"empty\.wav"):
        comparer.compare(tmp_path / "empty.wav", song)
