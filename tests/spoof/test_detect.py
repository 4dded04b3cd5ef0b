import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from torch import nn

from cqtnet.errors import InputError, NotAudioError
from spoof import detect as d
from spoof.checkpoint import SHIPPED, Calibration, Trained, load_calibration, load_trained
from spoof.recipes import OURS
from spoof.report import timeline
from tests.spoof.material import RATE_HZ, TINY, buzz, sound, text, write


class High(nn.Module):
    """A detector whose score is ten times the share of energy above 1.5 kHz, less a half."""

    def forward(self, x):
        return 10 * (x[:, 3:].sum(dim=1, keepdim=True) - 0.5)


CARD = {"learned": {"human": 30, "synthetic": 40, "systems": ["a", "b"], "collections": ["c", "d"]}}


def detector(*, slope=1.0, most=4.0, **recipe):
    """A detector with a known network; its ratio is the slope times its score."""
    trained = Trained(High(), replace(TINY, **recipe), "a" * 64, Path("x.safetensors"), CARD)
    calibration = Calibration("a" * 64, slope, 0.0, -3.5, most, {})
    return d.Detector(trained, calibration, device=torch.device("cpu"))


@pytest.fixture
def mixed(tmp_path):
    """Two seconds of a human voice, then two of a synthetic one."""
    return write(tmp_path / "mixed.wav", np.concatenate([sound(False, 1), sound(True, 2)]))


@pytest.fixture
def fake(tmp_path):
    return write(tmp_path / "a.wav", sound(True, 3))


def test_the_score_over_time_shows_where_the_voice_changes(mixed):
    found = detector().detect(mixed, hop_s=0.5)
    assert [w.start_s for w in found.windows] == [0.5 * i for i in range(8)]
    scores = np.array([w.score for w in found.windows])
    assert (scores[:4] < -4).all() and (scores[4:] > 4).all()
    assert found.score == pytest.approx(scores.mean()) and abs(found.score) < 1
    assert found.verdict == "insufficient"
    assert found.reasons == ("there are traces in some windows, but not in the whole recording",)


@pytest.mark.parametrize(("is_fake", "verdict"), [(True, "synthetic"), (False, "no trace")])
def test_a_voice_is_known(tmp_path, is_fake, verdict):
    found = detector().detect(write(tmp_path / "a.wav", sound(is_fake, 3)))
    assert found.verdict == verdict and not found.reasons
    assert found.is_bounded and found.log_lr in (4.0, -3.5)  # scores of 5 and -5
    known = "30 human and 40 synthetic recordings of 2 systems from 2 collections"
    assert found.trained_on == known


def test_windows_reach_from_the_beginning_to_the_end(tmp_path):
    starts, length = d.window_starts(10_100, TINY, None)
    assert length == 4000 and starts.tolist() == [0, 2000, 4000, 6000, 6100]
    assert d.window_starts(3000, TINY, None)[0].tolist() == [0]
    long, _ = d.window_starts(91 * TINY.rate_hz, TINY, None)  # there they do not overlap
    assert (np.diff(long)[:-1] == length).all()
    whole, length = d.window_starts(3000, replace(TINY, segment_s=None), None)
    assert whole.tolist() == [0] and length == 3000
    path = write(tmp_path / "long.wav", np.tile(sound(False, 1), 30))
    found = detector().detect(path)  # more windows than the network is given at once
    assert found.duration_s == 60 and len(found.windows) == 239
    assert found.windows[-1].end_s == 60 and found.verdict == "no trace"


@pytest.mark.parametrize(("samples", "why"), [
    (np.zeros(16_000), "the recording is silent"),
    (sound(True, 1, seconds=0.8), r"0\.80 s of sound are less than the 1 s"),
    (np.concatenate([np.zeros(40_000), sound(True, 1, seconds=0.5)]), r"0\.50 s of sound"),
], ids=["silence", "short", "mostly silence"])  # fmt: skip
def test_too_little_sound_is_no_evidence(tmp_path, samples, why):
    found = detector().detect(write(tmp_path / "a.wav", samples.astype(np.float32)))
    assert found.verdict == "insufficient" and found.log_lr is None and found.score is None
    assert not found.windows and re.search(why, found.reasons[0])


def test_windows_without_sound_do_not_count_and_what_is_shorter_is_repeated(tmp_path):
    samples = np.concatenate([sound(True, 1), np.zeros(16_000, np.float32)])
    found = detector().detect(write(tmp_path / "a.wav", samples), hop_s=0.5)
    assert [w.score is None for w in found.windows] == [False] * 4 + [True] * 4
    assert found.verdict == "synthetic"
    assert found.duration_s == 4 and found.sound_s == pytest.approx(2, abs=0.05)
    path = write(tmp_path / "a.wav", sound(True, 1, seconds=1.2))
    assert detector(segment_s=2.0).detect(path).verdict == "synthetic"


def test_sound_is_what_rises_above_the_floor_and_is_near_the_loudest():
    loud = 5 * sound(True, 1, seconds=1)  # -6 dB of full scale
    quiet = 5e-3 * loud  # -52 dB: above the floor
    samples = np.concatenate([loud, quiet, np.zeros(8000, np.float32)])
    assert d.sounding_frames(samples, RATE_HZ).sum() == 50  # of 20 ms
    assert (
        d.sounding_frames(quiet, RATE_HZ).all()
        and not d.sounding_frames(0.1 * quiet, RATE_HZ).any()
    )
    assert not len(d.sounding_frames(loud[:10], RATE_HZ))


def test_without_a_calibration_or_with_few_groups_there_is_no_verdict(mixed, fake):
    found = d.Detector(detector().trained, None, device=torch.device("cpu")).detect(mixed)
    assert found.verdict == "insufficient" and found.log_lr is None and found.score is not None
    assert "no calibration" in found.reasons[0] and found.support == ""
    found = detector(most=2.0).detect(fake)
    assert found.verdict == "insufficient" and found.log_lr == 2.0
    assert "has too few collections or speakers" in found.reasons[0]


def test_what_cannot_be_judged_is_refused(tmp_path, mixed):
    wrong = detector()
    wrong.trained.net.forward = lambda x: x[:, :1] * math.nan
    with pytest.raises(InputError, match=r"mixed\.wav: the network's scores are not num"):
        wrong.detect(mixed)
    with pytest.raises(NotAudioError, match=r"a\.txt"):
        detector().detect(text(tmp_path / "a.txt", "no audio"))
    with pytest.raises(InputError, match=r"a hop of 0 s is too short; give at least 0\.01 s"):
        detector().detect(mixed, hop_s=0)


def test_the_record_is_plain_and_complete(mixed, tmp_path):
    record = json.loads(json.dumps(detector().detect(mixed).to_dict()))
    assert record["verdict"] == "insufficient" and record["bounds_log_lr"][0] == -3.5
    assert len(record["windows"]) == 15 and record["windows"][0]["start_s"] == 0
    assert len(record["sha256"]) == 64 and record["model_sha256"] == "a" * 64
    own = detector()
    timeline(own.detect(mixed), own.calibration).savefig(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100 and picture.width > 500


@pytest.mark.parametrize(("ratio", "verdict", "words"), [
    (9.9, "insufficient", "weak support for a synthetic voice rather than a human one"),
    (10.1, "synthetic", "moderate support for a synthetic voice rather than a human one"),
    (1 / 10.1, "no trace", "no support for either proposition"),
    (1.0, "no trace", "no support for either proposition"),
])  # fmt: skip
def test_traces_need_a_ratio_of_10_and_no_ratio_speaks_for_a_human(mixed, ratio, verdict, words):
    assert d.verdict_of(math.log(ratio)) == verdict
    own = replace(detector().detect(mixed), log_lr=math.log(ratio))
    assert own.support == words


def test_lines_begin_with_the_verdict_and_end_with_what_was_learned(fake, mixed):
    lines = d.as_lines(detector(slope=0.6).detect(fake))
    assert "a.wav: SYNTHETIC  LR 20 (ln 3.0): moderate support for a synthetic" in lines[0]
    assert "trained on 30 human and 40 synthetic recordings" in lines[-1]
    assert "cannot judge" in lines[-1] and not any("highest" in line for line in lines)
    (highest,) = [line for line in d.as_lines(detector().detect(mixed)) if "  highest" in line]
    assert " at 0:02" in highest
    assert d.headline(detector().detect(fake)).endswith("; the calibration supports no more")


def test_where_no_trace_is_found_the_lines_say_what_would_have_been(tmp_path):
    path = write(tmp_path / "a.wav", sound(False, 3))
    lines = d.as_lines(detector().detect(path))
    assert "a.wav: NO TRACE FOUND; that is no evidence of a human" in lines[0]
    assert "an unknown share" in lines[1]
    rows = [("", "", 0.41, 900), ("", "opus 12 kbit/s", 0.2, 90), ("diffusion", "", 0.31, 30)]
    known = [d.Found(*row)._asdict() for row in rows]
    own = detector()
    own.calibration = replace(own.calibration, data={"found": known})
    found = own.detect(path)
    lines = d.as_lines(found)
    assert "finds 41 % of 900 synthetic voices" in lines[1]
    assert lines[1].endswith(", 20 % after opus 12 kbit/s")
    assert lines[2] == "  by kind: diffusion 31 %"
    assert json.loads(json.dumps(found.to_dict()))["would_find"] == known


@pytest.mark.parametrize("name", OURS)
def test_the_shipped_weights_are_small_and_calibrated_and_bounded_by_their_witnesses(name):
    trained = load_trained(name)
    assert trained.recipe.name == name
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 3_000_000
    calibration = load_calibration(trained.path, trained.sha256)
    assert calibration is not None
    known = calibration.data
    assert calibration.most == pytest.approx(math.log(known["human_groups"] + 1))
    assert calibration.least == pytest.approx(-math.log(known["synthetic_groups"] + 1))
    assert known["groups"] > 30  # all collections that were learned from, by folds


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_ratio_is_stated_whatever_the_rate(tmp_path, rate_hz):
    samples = np.interp(np.arange(6 * rate_hz) / rate_hz, np.arange(96_000) / 16_000, buzz(6.0))
    soundfile.write(tmp_path / "a.wav", samples, rate_hz)
    found = d.Detector.named(device="cpu").detect(tmp_path / "a.wav")
    assert found.recipe == "fine"
    assert found.log_lr is not None and math.isfinite(found.log_lr)
    assert [window.start_s for window in found.windows] == [0, 1.5, 3]
