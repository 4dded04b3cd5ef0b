"""What the project survives: mutated files, foreign archives, killed writers, full disks.

Each kind of attack is a function that makes one from a folder and a random generator, tries it,
and returns a word for what became of it. An InputError in one line is an answer; any other
exception, the end of the process and ten seconds without an end are none.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.archive.store import Store


@dataclass
class Outcome:
    """How often something was tried, what became of it, and what should not have happened."""

    tried: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def compare(self, store: "Store", expected: set[int], where: str) -> None:
        """Note as wrong an archive that is damaged, or holds other recordings than expected."""
        from tests.verify.archive.synthetic import numbers_in  # here, for fuzzing looks at imports

        problems = store.check()
        if problems:
            self.wrong.append(f"{where}: {problems[0]}")
        elif numbers_in(store) != expected:
            self.wrong.append(f"{where}: other recordings than were acknowledged")
