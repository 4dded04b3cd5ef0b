"""Audio in: any recording a person has, as mono float32 at one sample rate, in bounded memory.

>>> samples = load("evidence.m4a", start_s=60.0, duration_s=20.0)  # (441000,) float32
>>> with stream("broadcast.mp3", block_s=30.0) as blocks:
...     lengths = [block.size for block in blocks]
>>> blocks.notes  # what an examiner must know about the file
('truncated or damaged: the header declares 7200.00 s, 4000.31 s decoded',)

libsndfile reads uncompressed recordings, FFmpeg (which PyAV brings along) reads the rest:
`augment.audio` holds the decoders and the limits.
"""

from augment.audio.decode import coding, probe
from augment.audio.files import (
    AUDIO_SUFFIXES,
    DEFAULT_LIMITS,
    AudioWarning,
    FileStatus,
    Limits,
    StrPath,
    file_sha256,
    find_audio,
    shown,
    told,
    unchanged,
    unreadable,
)
from augment.audio.integrity import AudioInfo
from cqtnet.audio.stream import (
    SILENCE_DBFS,
    AudioStream,
    Source,
    file_of,
    is_path,
    load,
    require_content,
    sources_of,
    stream,
)

__all__ = [
    "AUDIO_SUFFIXES", "DEFAULT_LIMITS", "SILENCE_DBFS", "AudioInfo", "AudioStream", "AudioWarning",
    "FileStatus", "Limits", "Source", "StrPath", "coding", "file_of", "file_sha256", "find_audio",
    "is_path", "load", "probe", "require_content", "shown", "sources_of", "stream", "told",
    "unchanged", "unreadable",
]  # fmt: skip
