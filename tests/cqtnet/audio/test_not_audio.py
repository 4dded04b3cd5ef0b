"""What is no recording is refused in one line, at once, without opening anything else."""

import io
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

import cqtnet.audio
from cqtnet.audio import load, probe, stream
from cqtnet.errors import NotAudioError
from tests.cqtnet.audio.made import at_most, cut_off, encode, sine, wav_bytes

ROOT = Path(cqtnet.audio.__file__).parents[2]


def refuse(path, message):
    for read in (probe, stream, load):
        with pytest.raises(NotAudioError, match=message) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def run_python(code, *arguments):
    """Output, error output and exit status of a fresh interpreter."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    return done.stdout, done.stderr, done.returncode


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "dead.wav").symlink_to(tmp_path / "gone.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "sound.wav").write_bytes(wav_bytes(bytes(200)))
    (tmp_path / "link.wav").symlink_to(tmp_path / "sound.wav")
    assert load(tmp_path / "link.wav").size == 50
    refuse(tmp_path, "is a folder; give a regular audio file")
    with at_most(60):  # opening a pipe would wait for a writer for ever
        refuse(tmp_path / "pipe.wav", "is a pipe; give a regular audio file")
    if os.path.exists("/dev/zero"):
        refuse("/dev/zero", "/dev/zero is a device")
    refuse(tmp_path / "empty.wav", r"is empty \(0 bytes\)")
    refuse(tmp_path / "gone.wav", r"gone\.wav cannot be read: No such file or directory")
    refuse(tmp_path / "dead.wav", "No such file")
    refuse(tmp_path / "loop.wav", "symbolic links")
    refuse("a\0b.wav", r"a\\x00b\.wav cannot be read: embedded null byte")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "locked.wav").write_bytes(wav_bytes(b"\0\0"))
    (tmp_path / "locked.wav").chmod(0)
    refuse(tmp_path / "locked.wav", "cannot be read: Permission denied")


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "m4a", "aac", "amr", "txt"])
def test_text_and_random_bytes_whatever_they_are_called(tmp_path, suffix):
    path = tmp_path / f"file.{suffix}"
    path.write_text("This is not a recording.\n" * 100)
    refuse(path, "not audio that can be decoded|holds no sound")
    path.write_bytes(np.random.default_rng(0).bytes(100_000))
    refuse(path, "not audio that can be decoded")


def test_a_file_of_which_almost_nothing_decodes(tmp_path):
    how = {"rate": 44_100, "codec": "aac", "container": "adts"}
    path = encode(tmp_path / "a.aac", sine(440, seconds=1, rate=44_100), **how)
    data, frames = path.read_bytes(), []
    while data:
        size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
        frames.append(data[:size])
        data = data[size:]
    rng = np.random.default_rng(0)
    junk = [frames[5][:7] + rng.bytes(len(frames[5]) - 7) for _ in range(5)]
    path.write_bytes(b"".join(frame + b"".join(junk) for frame in frames))
    with pytest.raises(NotAudioError, match=r"read as aac\): only \d+ of \d+ packets decode"):
        load(path)


def test_pictures_and_silent_films_have_no_sound(tmp_path):
    Image.new("RGBA", (64, 64)).save(tmp_path / "picture.png")
    refuse(tmp_path / "picture.png", r"holds no sound \(read as png_pipe\)")
    encode(tmp_path / "silent.mp4", [], rate=44_100, codec="aac", film_s=1)
    refuse(tmp_path / "silent.mp4", "holds no sound .* or a film with a sound track")


@pytest.mark.parametrize(("name", "text"), [
    ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp3\n#EXT-X-ENDLIST\n"),
    ("list.ffconcat", "ffconcat version 1.0\nfile secret.mp3\n"),
])  # fmt: skip
def test_a_list_of_other_files_does_not_make_us_open_them(tmp_path, monkeypatch, name, text):
    tone = sine(440, seconds=2, rate=44_100)
    encode(tmp_path / "secret.mp3", tone, rate=44_100, codec="libmp3lame")
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    with av.open(name) as container:  # without our care it is followed
        assert next(container.decode(audio=0)).samples
    refuse(name, "not audio that can be decoded")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
def test_a_picture_that_unpacks_to_gigabytes_is_never_unpacked(tmp_path):
    # 6,000 × 6,000 pixels are 144 MB when unpacked; FFmpeg does so merely to look at it.
    tone = sine(440, seconds=2, rate=44_100)
    path = encode(tmp_path / "cover.mp3", tone, rate=44_100, codec="libmp3lame")
    black = io.BytesIO()
    Image.new("RGBA", (6_000, 6_000)).save(black, "png")
    picture = b"\0image/png\0\x03\0" + black.getvalue()
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + frame + path.read_bytes())
    code = (
        "import sys; from cqtnet.audio import load; "
        "assert load(sys.argv[1]).size > 40_000; "
        "print(open('/proc/self/status').read())"
    )
    output, errors, status = run_python(code, path)
    assert (errors, status) == ("", 0)
    kilobytes = int(output.split("VmHWM:")[1].split()[0])
    assert kilobytes < 120_000  # Python, numpy and FFmpeg take 60,000


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_a_name_in_no_encoding_is_read_and_named_in_errors(tmp_path, suffix):
    tone, codec = sine(440, seconds=1, rate=44_100), "aac" if suffix == "m4a" else "pcm_s16le"
    encode(tmp_path / f"plain.{suffix}", tone, rate=44_100, codec=codec)
    name = os.fsencode(tmp_path) + b"/caf\xe9\n." + suffix.encode()
    os.rename(tmp_path / f"plain.{suffix}", name)
    for path in (name, os.fsdecode(name), Path(os.fsdecode(name))):
        assert abs(load(path).size - 22_050) < 600
        assert os.fsencode(probe(path).path) == name
    Path(os.fsdecode(name)).write_bytes(b"no more")
    refuse(name, rf"/caf\\xe9\\n\.{suffix} is not audio")


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc here")
def test_files_are_closed_when_reading_ends_or_fails(tmp_path):
    tone = sine(440, seconds=1, rate=44_100)
    soundfile.write(tmp_path / "tone.wav", tone, 44_100)
    encode(tmp_path / "tone.m4a", tone, rate=44_100, codec="aac")
    (tmp_path / "text.wav").write_text("no")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("tone.wav", "tone.m4a"):
        load(tmp_path / name)
        probe(tmp_path / name)
        with stream(tmp_path / name, block_s=0.1) as blocks:
            next(blocks)
    refuse(tmp_path / "text.wav", "not audio")
    drained = stream(tmp_path / "tone.m4a")
    assert sum(block.size for block in drained) > 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_written_to_stderr(tmp_path):
    tone = sine(440, seconds=3, rate=44_100)
    for name in ("a.wav", "a.flac", "a.mp3", "a.ogg", "a.w64"):
        soundfile.write(tmp_path / name, tone, 44_100, format=None if name != "a.w64" else "W64")
        cut_off(tmp_path / name, keep=0.5)
    wild = bytearray((tmp_path / "a.w64").read_bytes())
    size_at = wild.index(b"data") + 16
    wild[size_at : size_at + 8] = (2**62).to_bytes(8, "little")
    (tmp_path / "wild.w64").write_bytes(wild)
    wild[48:56] = bytes(8)  # no "fmt " that libsndfile knows: this one is for FFmpeg
    (tmp_path / "wilder.w64").write_bytes(wild)
    code = (
        "import sys, warnings\n"
        "from cqtnet.audio import load\n"
        "from cqtnet.errors import AudioError\n"
        "warnings.simplefilter('ignore')\n"
        "for path in sys.argv[1:]:\n"
        "    try: load(path)\n"
        "    except AudioError: pass\n"
    )
    output, errors, status = run_python(code, *sorted(tmp_path.iterdir()))
    assert (output, errors, status) == ("", "", 0)
