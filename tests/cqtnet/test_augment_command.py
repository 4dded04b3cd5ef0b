import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from augment.errors import EffectError, InputError
from cqtnet.commands.augment import augment
from cqtnet.errors import AudioError

RATE = 22050


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Three seconds of 440 Hz that get louder, at 22,050 Hz."""
    times = np.arange(3 * RATE) / RATE
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.15 * (1 + times) * np.sin(2 * np.pi * 440 * times), RATE, "FLOAT")
    return path


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(augment, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def frequency_hz(path: Path) -> float:
    samples, rate = soundfile.read(path)
    middle = samples[samples.size // 4 : -samples.size // 4]
    peak = np.argmax(np.abs(np.fft.rfft(middle * np.blackman(middle.size), 1 << 18)))
    return float(peak) * rate / (1 << 18)


def test_tempo_and_pitch_are_applied_and_printed(tone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    result = run(tone, out, "--tempo", "1.25", "--pitch", "12")
    assert result.exit_code == 0
    assert soundfile.info(out).frames == pytest.approx(3 * RATE / 1.25, abs=1)
    assert frequency_hz(out) == pytest.approx(880, abs=0.2)
    assert result.stdout.splitlines() == [
        "effects:",
        "  tempo: factor 1.25",
        "  pitch: shift_semitones 12",
        "time:",
        "  0:00.000 to 0:02.400 is the source from 0:00.000 to 0:03.000, 1.2500 times as fast",
    ]


def test_without_effects_the_recording_comes_out_as_it_went_in(tone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert "  none\n" in run(tone, out).stdout
    assert np.array_equal(soundfile.read(out)[0], soundfile.read(tone)[0])


def test_edits_are_in_the_time_of_the_input(tone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    result = run(tone, out, "--cut", "0.5-1", "--cut", "2-2.5", "--insert-silence", "1.5:0.25")
    source, altered = soundfile.read(tone)[0], soundfile.read(out)[0]
    at = [round(second * RATE) for second in (0.5, 1, 1.5, 2, 2.5)]
    pieces = [source[: at[0]], source[at[1] : at[2]], np.zeros(round(0.25 * RATE))]
    expected = np.concatenate([*pieces, source[at[2] : at[3]], source[at[4] :]])
    assert np.array_equal(altered, expected)
    assert "  0:00.500 to 0:01.000 of the source is cut" in result.stdout
    assert "  0:01.000 to 0:01.250 is not from the source" in result.stdout


def test_json_tells_the_same_to_machines(tone: Path, tmp_path: Path) -> None:
    record = json.loads(run(tone, tmp_path / "out.wav", "--crop", "1-2", "--json").stdout)
    assert record == {
        "sample_rate": RATE,
        "source_s": 3.0,
        "output_s": 1.0,
        "effects": [{"name": "crop", "start_s": 1.0, "end_s": 2.0}],
        "time_map": {"spans": [[0.0, 1.0, 1.0, 2.0]]},
    }


def test_a_random_draw_replays_bit_for_bit(tone: Path, tmp_path: Path) -> None:
    first, again, draw = (tmp_path / name for name in ("1.wav", "2.wav", "draw.json"))
    run(tone, first, "--random", "real-life", "--seed", "7", "--draw", draw)
    run(tone, again, "--replay", draw)
    assert first.read_bytes() == again.read_bytes()
    assert json.loads(draw.read_text())["effects"]


def test_another_seed_draws_something_else(tone: Path, tmp_path: Path) -> None:
    drawn = [
        run(tone, tmp_path / f"{seed}.wav", "--random", "paper", "--seed", seed).stdout
        for seed in (1, 2)
    ]
    assert drawn[0] != drawn[1]


def test_all_single_effects_work_together(tone: Path, tmp_path: Path) -> None:
    options = {
        "--speed": "1.1",
        "--rt60": "0.4",
        "--reverb": "30",
        "--background": tone,
        "--background-snr": "20",
        "--noise-snr": "30",
        "--noise-colour": "pink",
        "--noise-amplitude": "0.001",
        "--highpass": "100",
        "--lowpass": "5000",
        "--gain": "-6",
        "--clip": "3",
        "--codec": "mp3:64",
        "--seed": "5",
    }
    flat = [word for pair in options.items() for word in pair]
    result = run(tone, tmp_path / "out.flac", *flat, "--telephone")
    assert [line.split(":")[0].strip() for line in result.stdout.splitlines()[1:13]] == [
        "speed",
        "room",
        "reverb",
        "background",
        "coloured_noise",
        "gaussian_noise",
        "high_pass",
        "low_pass",
        "telephone",
        "gain",
        "hard_clip",
        "codec",
    ]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".WAV"])
def test_the_suffix_names_the_format(tone: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    run(tone, out, "--gain", "-3")
    assert soundfile.info(out).format == suffix[1:].upper()
    assert frequency_hz(out) == pytest.approx(440, abs=0.5)


def test_the_sample_rate_can_be_chosen(tone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    run(tone, out, "--sample-rate", "44100")
    assert soundfile.info(out).samplerate == 44100
    assert frequency_hz(out) == pytest.approx(440, abs=0.2)


def test_clipping_by_the_format_is_warned_of(tone: Path, tmp_path: Path) -> None:
    loud = run(tone, tmp_path / "out.flac", "--gain", "12")
    assert "beyond full scale are clipped" in loud.stderr
    exact = run(tone, tmp_path / "out.wav", "--gain", "12")
    assert exact.stderr == ""
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() > 2


@pytest.mark.parametrize("target", ["out.wav", "draw.json"])
def test_nothing_is_overwritten_without_force(tone: Path, tmp_path: Path, target: str) -> None:
    out, draw = tmp_path / "out.wav", tmp_path / "draw.json"
    (tmp_path / target).write_text("precious")
    with pytest.raises(InputError, match=f"{target} .*--force"):
        run(tone, out, "--draw", draw)
    assert (tmp_path / target).read_text() == "precious"
    assert run(tone, out, "--draw", draw, "--force").exit_code == 0


def test_a_failure_leaves_nothing_behind(tone: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EffectError, match="after the end"):
        run(tone, tmp_path / "out.wav", "--cut", "2-9")
    with pytest.raises(InputError, match=r"MP3 cannot hold 192000 Hz"):
        run(tone, tmp_path / "out.mp3", "--sample-rate", "192000")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tempo", "9"], r"tempo: factor 9.0 is not within 0.25 to 4"),
        (["--codec", "mp4:64"], r"'mp4' is unknown; choose from aac"),
        (["--random", "wild"], r"'wild'; choose from paper, real-life"),
        (["--noise-snr", "10", "--noise-colour", "green"], r"'green' is unknown"),
        (["--replay", "missing.json"], r"missing.json cannot be read"),
        (["--background", "missing.wav"], r"cannot be read"),
    ],
)
def test_wrong_values_raise_input_errors(
    tone: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(tone, tmp_path / "out.wav", *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cut", "5"], "'5' is not of the form START-END"),
        (["--codec", "mp3"], "'mp3' is not of the form NAME:KBPS"),
        (["--random", "paper", "--tempo", "1.1"], "not two of these"),
        (["--random", "paper", "--replay", "x.json"], "not two of these"),
        (["--replay", "x.json", "--telephone"], "not two of these"),
        (["--background-snr", "10"], "--background-snr does nothing without --background"),
        (["--noise-colour", "pink"], "--noise-colour does nothing without --noise-snr"),
    ],
)
def test_wrong_calls_end_with_exit_code_2(
    tone: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run(tone, tmp_path / "out.wav", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_unknown_suffix_is_refused(tone: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write '.aiff'; end it in .wav, .flac"):
        run(tone, tmp_path / "out.aiff")


def test_a_file_that_is_no_audio_is_refused_by_the_loader(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(AudioError):
        run(tmp_path / "text.wav", tmp_path / "out.wav")


def test_a_file_with_random_bytes_is_no_replay(tone: Path, tmp_path: Path) -> None:
    (tmp_path / "draw.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no text file"):
        run(tone, tmp_path / "out.wav", "--replay", tmp_path / "draw.json")


def test_the_examples_in_the_help_run(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    talk = np.tile(soundfile.read(tone)[0], 6)  # 18 s, for the cut at 12.5 s
    for name in ("talk.wav", "other.wav"):
        soundfile.write(name, talk, RATE)
    shown = run("--help").stdout.split("Example:")[1].split("\n\n")[0]
    examples = [line.strip() for line in shown.splitlines() if line.strip()]
    assert len(examples) == 4
    for example in examples:
        assert run(*example.split()[2:]).exit_code == 0, example
