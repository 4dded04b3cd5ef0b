import io
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE, audio
from cqtnet.audio import live as module
from cqtnet.audio.live import live
from cqtnet.errors import InputError, NotAudioError
from cqtnet.music import make_music
from tests.cqtnet.audio.made import encode
from tests.hostile.watching import watched

BLOCK = np.full(SAMPLE_RATE, 0.5, np.float32)


@pytest.fixture
def song(tmp_path):
    mono = make_music(3, duration_s=4.0, sample_rate=44_100)
    soundfile.write(tmp_path / "song.flac", np.stack([mono, mono], 1), 44_100)
    return tmp_path / "song.flac"


def test_a_file_is_heard_as_it_is_read_elsewhere(song):
    heard = np.concatenate(list(live(str(song))))
    read = audio.load(song)
    assert len(heard) == pytest.approx(len(read), abs=64)
    count = min(len(heard), len(read))
    lags = [np.corrcoef(heard[40 : count - 40], read[40 + k : count - 40 + k])[0, 1]
            for k in range(-40, 41)]  # fmt: skip
    assert max(lags) > 0.999


def test_stdin_is_heard(song, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(song.read_bytes())))
    assert sum(map(len, live("-"))) == pytest.approx(4 * SAMPLE_RATE, abs=64)


def test_what_is_damaged_is_left_out_and_a_change_of_format_is_heard(tmp_path, monkeypatch):
    stream = b""
    for rate, channels in ((44_100, 2), (32_000, 1)):
        mono = make_music(3, duration_s=4.0, sample_rate=rate)
        soundfile.write(tmp_path / "part.mp3", np.stack(channels * [mono], 1), rate)
        part = bytearray((tmp_path / "part.mp3").read_bytes())
        part[len(part) // 2 : len(part) // 2 + 300] = bytes(range(150)) * 2
        stream += part
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(stream)))
    told = []
    n_heard = sum(map(len, live("-", on_message=told.append)))
    assert n_heard == pytest.approx(8 * SAMPLE_RATE, abs=SAMPLE_RATE)
    assert "damaged packet was left out" in told[0]


def test_what_is_no_sound_is_an_error_with_its_cure(song, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(bytes(9999))))
    (tmp_path / "text.wav").write_text("no sound at all")
    for source, container, message in (
        ("-", None, r"^stdin .* --raw s16le:44100:2$"),
        (song, "nosuch", "no container 'nosuch'"),
        (tmp_path / "missing.wav", None, "missing.wav cannot be read"),
        (tmp_path / "text.wav", None, "text.wav cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            list(live(str(source), container=container))


def test_an_address_of_another_kind_is_refused_and_no_password_is_told():
    with pytest.raises(InputError, match=r"^ftp://host/a\.mp3\?…: use an address of") as caught:
        list(live("ftp://me:secret@host/a.mp3?token=secret"))
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("attempts")
def test_a_stream_that_drops_out_is_named_without_its_password():
    told = []
    with pytest.raises(NotAudioError) as caught:
        list(live("http://me:secret@radio/a?key=secret", give_up_s=5, on_message=told.append))
    assert told and "secret" not in f"{told}{caught.value}"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder, and its address on a web server of this machine."""
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    (tmp_path / "web").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "web", f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_playlist_from_the_web_leads_to_the_web_only(served, tmp_path):
    (folder, address), secret = served, tmp_path / "secret.aac"
    encode(secret, np.zeros(44_100), rate=44_100, codec="aac", container="adts")
    shutil.copy(secret, folder / "a.aac")
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
    for name, place in {"good": "a.aac", "bad": f"file://{secret}", "worse": str(secret)}.items():
        (folder / f"{name}.m3u8").write_text(f"{head}{place}\n#EXT-X-ENDLIST\n")
    blocks = live(f"{address}/good.m3u8")
    assert len(next(blocks))
    blocks.close()
    for name in ("bad", "worse"):
        with watched(tmp_path) as opened, pytest.raises(NotAudioError):
            list(live(f"{address}/{name}.m3u8", give_up_s=0))
        assert "secret.aac" not in opened()


@pytest.fixture
def clock(monkeypatch):
    """The seconds that have passed; sleeping makes them pass."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", sleep)
    return now


@pytest.fixture
def attempts(clock, monkeypatch):
    """How many blocks each attempt gives before the stream drops out; then none comes any more."""
    blocks = []

    def connected(*_):
        for _ in range(blocks.pop(0) if blocks else 0):
            clock[0] += 1.0
            yield BLOCK
        raise av.error.ConnectionResetError(104, "reset")

    monkeypatch.setattr(module, "_connected", connected)
    return blocks


def test_a_stream_that_drops_out_is_reached_again_and_its_times_stay_right(attempts):
    attempts += [2, 0, 0, 3]
    told = []
    blocks = live("http://radio", on_message=told.append)
    heard = np.concatenate([next(blocks) for _ in range(13)])
    # Two seconds were heard, then nothing for 1 + 2 + 5 s, then three seconds.
    assert (heard[: 2 * SAMPLE_RATE] == 0.5).all()
    assert (heard[2 * SAMPLE_RATE : 10 * SAMPLE_RATE] == 0).all()
    assert (heard[10 * SAMPLE_RATE :] == 0.5).all() and len(heard) == 13 * SAMPLE_RATE
    assert len([line for line in told if "trying again" in line]) == 3
    assert told[-1] == "http://radio is back after 8 s"


@pytest.mark.usefixtures("attempts")
def test_a_stream_that_stays_away_is_given_up(clock):
    with pytest.raises(NotAudioError, match="sent nothing for 60 s"):
        list(live("http://radio", give_up_s=60.0))
    assert 60 < clock[0] < 120


def test_lost_sound_within_a_stream_is_silence(tmp_path):
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        loud = np.full((1, 2205), 9000, np.int16)
        for number in range(40):
            frame = av.AudioFrame.from_ndarray(loud, format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = number * 2205 + (3 * SAMPLE_RATE if number >= 20 else 0)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    heard = np.concatenate(list(live(str(path))))
    assert len(heard) == pytest.approx(7 * SAMPLE_RATE, abs=200)
    silent = np.flatnonzero(np.abs(heard) < 1e-4) / SAMPLE_RATE
    assert silent.min() == pytest.approx(2.0, abs=0.1) and silent.max() == pytest.approx(5, abs=0.1)
