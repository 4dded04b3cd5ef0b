"""The words that data sets use for real, fake and the sides of a split."""

REAL_WORDS = ("real", "bonafide", "genuine", "human")
FAKE_WORDS = ("fake", "spoof", "synth", "synthetic", "deepfake")
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation", "devtest"),
}

_IS_FAKE = {**dict.fromkeys(REAL_WORDS, False), **dict.fromkeys(FAKE_WORDS, True)}
_SPLIT = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def is_fake_word(word: str) -> bool | None:
    """Whether a word means fake (True) or real (False); None where it says neither.

    Numbers say neither: some data sets write real = 1, others fake = 1.

    >>> is_fake_word("Bona-Fide"), is_fake_word("SPOOF"), is_fake_word("1")
    (False, True, None)
    """
    return _IS_FAKE.get(word.strip().casefold().replace("-", "").replace("_", ""))


def split_word(word: str) -> str | None:
    """The side of a split that a word means: train, valid or test; None where it means none.

    >>> split_word("validation"), split_word("devtest")
    ('valid', 'test')
    """
    return _SPLIT.get(word.strip().casefold())
