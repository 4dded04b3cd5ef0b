"""A system whose scores are known by heart: recordings are alike that are of one size."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import NotAudioError
from eval.systems.interface import Description, Settings


class PlantedSystem:
    """Minus the difference in bytes; it remembers what it was asked, and stops when told to."""

    described: ClassVar[list[str]] = []
    scored: ClassVar[list[int]] = []
    stop_after = 10**9
    version = 1
    pairs_at_once = 3
    columns = ()

    def __init__(self, settings: Settings) -> None:
        self.parameters = {"version": self.version, "model_sha256": settings.model}

    @classmethod
    def forget(cls) -> None:
        """Begin to remember anew."""
        cls.described.clear()
        cls.scored.clear()

    def describe(self, path: Path) -> Description:
        if len(self.described) + len(self.scored) >= self.stop_after:
            raise KeyboardInterrupt
        text = path.read_text()
        if text.startswith("bad"):
            raise NotAudioError(f"{path.name} is bad")
        self.described.append(path.name)
        return {"size": np.array(len(text))}

    def score(
        self, recordings: Sequence[Description], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        if len(self.described) + len(self.scored) >= self.stop_after:
            raise KeyboardInterrupt
        self.scored.append(len(pairs))
        sizes = np.array([float(recording["size"]) for recording in recordings])
        return np.asarray(-np.abs(sizes[pairs[:, 0]] - sizes[pairs[:, 1]]))
