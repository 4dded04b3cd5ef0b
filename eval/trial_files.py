"""The distinct files of a list of trials, and errors that name the trials which need them."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.errors import ManifestError
from eval.trials import Trials

SHOWN = 3  # files that cannot be used, named in one error


@dataclass(frozen=True, eq=False)
class TrialFiles:
    """Every file of a list once.

    >>> files = TrialFiles.of(read_trials("tempo.csv"))
    >>> files.paths[files.pairs[0, 1]]  # the probe of the first trial
    PosixPath('tempo/0001.flac')
    """

    trials: Trials
    names: tuple[str, ...]  # (n,) in order
    pairs: NDArray[np.int64]  # (trials, 2) places in `names`: reference and probe

    @classmethod
    def of(cls, trials: Trials) -> "TrialFiles":
        """The distinct names of all trials."""
        both = np.stack([trials.reference, trials.probe], axis=1)
        names, places = np.unique(both, return_inverse=True)
        return cls(trials, tuple(names.tolist()), places.reshape(both.shape))

    @property
    def paths(self) -> list[Path]:
        """Where the files lie, (n,)."""
        return [self.trials.file(name) for name in self.names]

    def require_all(self) -> None:
        """Raise unless every file is there."""
        found = {file: _missing(path) for file, path in enumerate(self.paths)}
        self.refuse({file: reason for file, reason in found.items() if reason})

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Raise where there are reasons not to use files, by the first trials that need these."""
        if not reasons:
            return
        needed = np.full(len(self.names), self.pairs.size)
        np.minimum.at(needed, self.pairs.ravel(), np.arange(self.pairs.size))
        files = sorted(reasons, key=lambda file: int(needed[file]))
        texts = [self._place(int(needed[file])) + reasons[file] for file in files[:SHOWN]]
        if len(files) > SHOWN:
            texts.append(f"and {len(files) - SHOWN} more files that cannot be used")
        raise ManifestError("; ".join(texts))

    def _place(self, cell: int) -> str:
        row, column = divmod(cell, 2)
        return f"{self.trials.line(row)}: {('reference', 'probe')[column]}: "


def _missing(path: Path) -> str:
    """Why there is no file of that name; "" where there is one."""
    try:
        return "" if stat.S_ISREG(path.stat().st_mode) else f"{audio.shown(path)} is no file"
    except (FileNotFoundError, NotADirectoryError):
        return f"{audio.shown(path)} does not exist"
    except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
        reason = error.strerror if isinstance(error, OSError) else error
        return f"{audio.shown(path)} cannot be opened: {reason}; correct the name"
