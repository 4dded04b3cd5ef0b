"""Data sets of real and synthetic speech: read, split, cut, joined, counted.

>>> utterances = load_data(Path("LA"))  # or Fake-or-Real, DEEP-VOICE, folders, a table
>>> balance(utterances).lines()[0]
'303 real, 2615 fake: 8.63 fake to 1 real'
>>> split = split_by_group(utterances)
"""

from spoof.data.choose import LAYOUTS, load_data
from spoof.data.rows import Rows, read_rows
from spoof.data.segments import Joined, joined, joined_segments, segments
from spoof.data.split import Split, folds, split_by_group
from spoof.data.utterance import SPLITS, Balance, DataWarning, Utterance, balance, class_weights

__all__ = [
    "LAYOUTS",
    "SPLITS",
    "Balance",
    "DataWarning",
    "Joined",
    "Rows",
    "Split",
    "Utterance",
    "balance",
    "class_weights",
    "folds",
    "joined",
    "joined_segments",
    "load_data",
    "read_rows",
    "segments",
    "split_by_group",
]
