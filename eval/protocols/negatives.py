"""Which references a probe is compared with that are not its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import InputError
from eval.protocols.chance import name_hash
from eval.protocols.plan import Negatives, Source, Stretch


class Pool:
    """The references of a set, and whose they are."""

    def __init__(
        self, references: Sequence[Stretch], source_of: dict[str, Source], *, seed: int
    ) -> None:
        self._names = [reference.recording for reference in references]
        self._collections = [source_of[name].collection for name in self._names]
        self.recording = np.unique(self._names, return_inverse=True)[1]
        self.collection = np.unique(self._collections, return_inverse=True)[1]
        self._key = np.array(
            [name_hash(seed, r.recording, r.start_s, r.length_s) for r in references], np.uint64
        )

    def negatives(self, own: int, wanted: Negatives) -> tuple[int, ...]:
        """References of other collections than that of the reference `own`, so many or all."""
        others = np.flatnonzero(self.collection != self.collection[own])
        if not others.size:
            raise InputError(
                f"all recordings are of one collection, {self._collections[own]!r}: there is no "
                "pair of different recordings; add some of another, or, "
                "where they are unrelated, give the very folder that they lie in"
            )
        if wanted != "all" and others.size < wanted:
            raise InputError(
                f"{wanted} negatives a fragment are wanted, but {self._names[own]!r} has only "
                f"{others.size} fragments of other collections; give --negatives {others.size} "
                "or fewer, or more recordings"
            )
        return self._spread(own, others, wanted)

    def siblings(self, own: int, wanted: Negatives) -> tuple[int, ...]:
        """References of other recordings of the same collection, up to so many or all."""
        alike = self.collection == self.collection[own]
        return self._spread(
            own, np.flatnonzero(alike & (self.recording != self.recording[own])), wanted
        )

    def _spread(self, own: int, places: NDArray[np.int64], wanted: Negatives) -> tuple[int, ...]:
        """So many of the places: from as many collections, then recordings, as can be.

        Among equals the order is that of a hash of both references. So it is even, and a
        reference that comes or goes changes no choice but those it takes part in.
        """
        if wanted == "all":
            return tuple(int(place) for place in places)
        ranked = places[np.argsort(_mixed(self._key[own], self._key[places]), kind="stable")]
        chosen: list[int] = []
        for group in (self.collection, self.recording, np.arange(len(self.recording))):
            seen = {group[place] for place in chosen}
            for place in ranked:
                if len(chosen) == wanted:
                    return tuple(chosen)
                if group[place] not in seen:
                    seen.add(group[place])
                    chosen.append(int(place))
        return tuple(chosen)


def _mixed(one: np.uint64, many: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of one key with each of many: the finaliser of SplitMix64 (Steele et al. 2014)."""
    mixed = many ^ ((one << np.uint64(1)) | (one >> np.uint64(63)))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
