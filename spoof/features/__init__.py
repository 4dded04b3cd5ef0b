"""What the detectors see: each a function of mono float32 samples and their rate, giving float32.

Too short a clip raises `InputError`; silence and DC give finite numbers.
"""

from spoof.features.cepstra import chroma_cqt, lfcc, mfcc, mfcc_means
from spoof.features.picture import mel_picture, mfcc_picture, spectrogram_picture
from spoof.features.rows import COLUMNS, second_rows
from spoof.features.spectra import log_mel

__all__ = [
    "COLUMNS",
    "chroma_cqt",
    "lfcc",
    "log_mel",
    "mel_picture",
    "mfcc",
    "mfcc_means",
    "mfcc_picture",
    "second_rows",
    "spectrogram_picture",
]
