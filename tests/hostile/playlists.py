"""Lists and addresses that lead to files and places that were not given."""

from functools import cache
from pathlib import Path

import av
import numpy as np

from cqtnet import audio
from cqtnet.audio.live import live
from cqtnet.errors import InputError
from tests.cqtnet.audio.made import encode, sweep
from tests.hostile.watching import watched

Rng = np.random.Generator

LISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "b.m3u8": '#EXTM3U\n#EXT-X-MAP:URI="{}"\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n',
    "c.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n',
    "d.m3u8": '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{}"\n'
              '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n{}\n',
    "e.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "f.concat": "file {}\n",
    "g.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
             'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="audio/mp4">'
             '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation>'
             "</AdaptationSet></Period></MPD>",
    "h.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "i.asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "j.pls": "[playlist]\nFile1={}\nNumberOfEntries=1\n",
    "k.cue": 'FILE "{}" WAVE\n TRACK 01 AUDIO\n INDEX 01 00:00:00\n',
    "l.txt": "amovie={}",
    "m.imf": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file://{}">]><a>&x;</a>',
    "n.ram": "file://{}\n",
}  # fmt: skip
CONTAINERS = (None, "hls", "concat", "dash", "sdp", "lavfi", "image2", "tee", "imf", "vapoursynth")
SCHEMES = (
    "ftp", "sftp", "tcp", "tls", "gopher", "crypto+http", "concat", "subfile", "data", "pipe", "fd",
    "async", "cache", "rtmp", "mmsh", "icecast", "unix", "hls+http", "httpproxy", "smb", "ipfs",
)  # fmt: skip


@cache
def _secret(folder: Path) -> Path:
    place = folder / "elsewhere"
    place.mkdir(exist_ok=True)
    sound = sweep(seconds=1, rate=44_100)
    return encode(place / "secret.mp3", sound, rate=44_100, codec="libmp3lame")


def led_elsewhere(folder: Path, rng: Rng) -> str:
    """A list is no recording, and what it names is not opened."""
    secret = _secret(folder.parent)
    if rng.random() < 0.3:
        return _address(secret, rng)
    name = str(rng.choice(sorted(LISTS)))
    forms = ("{}", "file:{}", "file://{}", "concat:{}|{}", "subfile,,start,0,end,9,,:{}",
             "crypto:{}", "async:{}", "../elsewhere/secret.mp3", "cache:{}")  # fmt: skip
    place = str(rng.choice(forms)).replace("{}", str(secret))
    list_ = folder / name
    list_.write_text(LISTS[name].replace("{}", place))
    if rng.random() < 0.3:
        list_ = list_.rename(list_.with_suffix(str(rng.choice([".mp3", ".wav", ".mov"]))))
    container = CONTAINERS[rng.integers(len(CONTAINERS))]
    with watched(secret.parent) as opened:
        try:
            if rng.random() < 0.4:
                audio.load(list_)
            else:
                is_known = container in (None, *av.formats_available)
                list(live(str(list_), container=container if is_known else None))
        except InputError:
            result = "list: refused"
        else:
            result = "list: read, without the file that it names"
    assert opened() == [], f"{name} with {container} opened {opened()}"
    return result


def _address(secret: Path, rng: Rng) -> str:
    scheme = str(rng.choice(SCHEMES))
    with watched(secret.parent) as opened:
        try:
            list(live(f"{scheme}://me:pass%77ord@{secret}?key=pass%77ord"))
        except InputError as error:
            assert "pass%77ord" not in str(error), "a password is told"
            assert f"{scheme}://" in str(error) and "use an address of" in str(error)
        else:
            raise AssertionError(f"{scheme} was opened")
    assert opened() == [], f"{scheme} opened {opened()}"
    return "address: refused"
