"""What every detector learns from: one recording of a voice, and whether a machine made it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Utterance:
    """One recording, with what its data set says of it; "" is what the data set doesn't say.

    `group` is the recording or the speaker that it comes from: never on two sides of a split.
    `speaker` is who is heard. `system` made a fake. `split` is one of `SPLITS`. `collection` is
    a repository or a part of a data set.
    """

    path: Path
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""
    split: str = ""
    collection: str = ""


class DataWarning(UserWarning):
    """The data can be used, but something about them makes figures look better than they are."""


def missing_class(utterances: Iterable[Utterance]) -> str:
    """What a detector would lack in these, in words; "" where both classes are there.

    >>> missing_class([Utterance(Path("a.wav"), False, "a")])
    '1 real and no fake utterances'
    """
    counts = Counter(utterance.is_fake for utterance in utterances)
    if counts[False] and counts[True]:
        return ""
    return f"{counts[False] or 'no'} real and {counts[True] or 'no'} fake utterances"
