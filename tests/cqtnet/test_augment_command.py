"""`cqtnet augment`: the right effects in the right order, files whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from augment.errors import EffectError, InputError
from cqtnet.commands.augment import augment
from cqtnet.errors import AudioError
from tests.augment.signals import frequency_hz

RATE = 22050


@pytest.fixture
def tone(tmp_path):
    """Three seconds of 440 Hz that get louder, at 22,050 Hz."""
    times = np.arange(3 * RATE) / RATE
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.15 * (1 + times) * np.sin(2 * np.pi * 440 * times), RATE, "FLOAT")
    return path


def run(*arguments):
    result = CliRunner().invoke(augment, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def tone_hz(path):
    samples, rate = soundfile.read(path)
    return frequency_hz(samples, sample_rate=rate)


def test_tempo_and_pitch_are_applied_and_printed(tone, tmp_path):
    out = tmp_path / "out.wav"
    result = run(tone, out, "--tempo", "1.25", "--pitch", "12")
    assert soundfile.info(out).frames == pytest.approx(3 * RATE / 1.25, abs=1)
    assert tone_hz(out) == pytest.approx(880, abs=0.2)
    assert result.stdout.splitlines() == [
        "effects:",
        "  tempo: factor 1.25",
        "  pitch: shift_semitones 12",
        "time:",
        "  0:00.000 to 0:02.400 is the source from 0:00.000 to 0:03.000, 1.2500 times as fast",
    ]


def test_json_has_edits_in_the_time_of_the_input_and_no_effects_change_nothing(tone, tmp_path):
    out = tmp_path / "out.wav"
    assert "  none\n" in run(tone, out).stdout
    assert np.array_equal(soundfile.read(out)[0], soundfile.read(tone)[0])
    options = ["--crop", "1-3", "--cut", "2-2.5", "--json", "--force"]
    crop, cut = {"start_s": 1.0, "end_s": 3.0}, {"start_s": 1.0, "end_s": 1.5}
    assert json.loads(run(tone, out, *options).stdout) == {
        "schema_version": 2, "sample_rate": RATE, "source_s": 3.0, "output_s": 1.5,
        "effects": [{"name": "crop", **crop}, {"name": "cut", **cut}],
        "time_map": {"spans": [[0.0, 1.0, 1.0, 2.0], [1.0, 1.5, 2.5, 3.0]]},
    }  # fmt: skip


def test_a_random_draw_replays_bit_for_bit(tone, tmp_path):
    first, again, other, draw = (tmp_path / name for name in ("1.wav", "2.wav", "3.wav", "d.json"))
    printed = run(tone, first, "--random", "real-life", "--seed", "7", "--draw", draw).stdout
    run(tone, again, "--replay", draw)
    assert first.read_bytes() == again.read_bytes()
    assert json.loads(draw.read_text())["effects"]
    assert run(tone, other, "--random", "real-life", "--seed", "8").stdout != printed


def test_single_effects_run_in_the_order_of_a_recordings_life(tone, tmp_path):
    options = (
        "--json --telephone --codec mp3:64 --clip 3 --gain -6 --lowpass 5000 --highpass 100 "
        "--noise-amplitude 0.001 --noise-colour pink --noise-snr 30 --background-snr 0 "
        "--reverb 30 --rt60 0.4 --pitch 1 --tempo 1.1 --speed 1.1 --insert-silence 1:0.5 "
        "--cut 2-2.5 --crop 0.5-3 --seed 5"
    )
    out = tmp_path / "out.flac"
    record = json.loads(run(tone, out, "--background", tone, *options.split()).stdout)
    assert " ".join(effect["name"] for effect in record["effects"]) == (
        "crop cut insert_silence speed tempo pitch room reverb background coloured_noise "
        "gaussian_noise high_pass low_pass telephone gain hard_clip codec"
    )
    by_name = {effect["name"]: effect for effect in record["effects"]}
    assert [effect["seed"] for effect in by_name.values() if "seed" in effect] == [5, 5, 5]
    assert by_name["coloured_noise"]["colour"] == "pink"
    assert by_name["background"]["snr_db"] == 0


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".WAV"])
def test_the_suffix_names_the_format(tone, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    run(tone, out, "--gain", "-3", "--sample-rate", "44100")
    info = soundfile.info(out)
    assert (info.format, info.samplerate) == (suffix[1:].upper(), 44100)
    assert tone_hz(out) == pytest.approx(440, abs=0.5)


def test_clipping_by_the_format_is_warned_of(tone, tmp_path):
    loud = run(tone, tmp_path / "out.flac", "--gain", "12")
    assert "beyond full scale are clipped" in loud.stderr
    exact = run(tone, tmp_path / "out.wav", "--gain", "12")
    assert exact.stderr == ""
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() > 2


@pytest.mark.parametrize("target", ["out.wav", "draw.json"])
def test_nothing_is_overwritten_without_force(tone, tmp_path, target):
    out, draw = tmp_path / "out.wav", tmp_path / "draw.json"
    (tmp_path / target).write_text("precious")
    with pytest.raises(InputError, match=f"{target} .*--force"):
        run(tone, out, "--draw", draw)
    assert (tmp_path / target).read_text() == "precious"
    assert run(tone, out, "--draw", draw, "--force").exit_code == 0


@pytest.mark.parametrize(("words", "error", "message"), [
    ("tone.wav out.wav --tempo 9", InputError, "tempo: factor 9.0 is not within 0.25 to 4"),
    ("tone.wav out.wav --random wild", InputError, "'wild'; choose from paper, real-life"),
    ("tone.wav out.wav --replay none.json", InputError, "none.json cannot be read"),
    ("tone.wav out.wav --replay random", InputError, "not a text file"),
    ("tone.wav out.wav --background none.wav", InputError, "cannot be read"),
    ("tone.wav out.wav --cut 2-9", EffectError, "after the end"),
    ("tone.wav out.mp3 --sample-rate 192000", InputError, "MP3 cannot hold 192000 Hz"),
    ("tone.wav out.aiff", InputError, "cannot write '.aiff'; end it in .wav, .flac"),
    ("random out.wav", AudioError, "random is not audio"),
])  # fmt: skip
def test_wrong_values_raise_input_errors_and_leave_nothing_behind(
    tone, tmp_path, words, error, message, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("random").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(error, match=message):
        run(*words.split())
    assert sorted(tmp_path.iterdir()) == [tmp_path / "random", tone]


@pytest.mark.parametrize(("options", "message"), [
    ("--cut 5", "'5' is not of the form START-END"),
    ("--codec mp3", "'mp3' is not of the form NAME:KBPS"),
    ("--random paper --tempo 1.1", "not two of these"),
    ("--replay x.json --telephone", "not two of these"),
    ("--background-snr 10", "--background-snr does nothing without --background"),
    ("--noise-colour pink", "--noise-colour does nothing without --noise-snr"),
])  # fmt: skip
def test_wrong_calls_end_with_exit_code_2(tone, options, message):
    result = run(tone, tone.with_name("out.wav"), *options.split())
    assert result.exit_code == 2 and message in result.stderr


def test_the_examples_in_the_help_run(tone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    talk = np.tile(soundfile.read(tone)[0], 6)  # 18 s, for the cut at 12.5 s
    for name in ("talk.wav", "other.wav"):
        soundfile.write(name, talk, RATE)
    shown = run("--help").stdout.split("Example:")[1].split("\n\n")[0]
    examples = [line.strip() for line in shown.splitlines() if line.strip()]
    assert len(examples) == 4
    for example in examples:
        assert run(*example.split()[2:]).exit_code == 0, example
