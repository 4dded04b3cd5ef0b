"""The vocabulary of edit maps: what A and B have in common, and how A was made from B."""

from dataclasses import asdict, dataclass
from typing import Any

from verify.results import Stretch

KINDS = ("cut", "inserted", "replaced", "repeated", "looped", "moved", "trimmed")
"""What may have been done; trimmed: B goes on before or after what A holds."""


@dataclass(frozen=True)
class Edit:
    """One thing that was done to B on the way to A.

    Of A: where it is heard, both times the same where something is gone. Of B: what is gone, or
    what was taken; both times the same where something foreign was put in.
    """

    kind: str  # one of KINDS
    a_start_s: float
    a_end_s: float
    b_start_s: float
    b_end_s: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """The edit as plain data, seconds to the millisecond."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class EditMap:
    """What A and B have in common, in the order of A, and what was done in between."""

    a_duration_s: float
    b_duration_s: float
    stretches: tuple[Stretch, ...]
    edits: tuple[Edit, ...]

    @property
    def is_identical(self) -> bool:
        """Whether A is B from beginning to end, at its tempo and pitch."""
        return bool(self.stretches) and not self.edits and not self.is_altered

    @property
    def is_altered(self) -> bool:
        """Whether some stretch has another tempo or pitch than in B."""
        return any(stretch.is_altered for stretch in self.stretches)

    @property
    def common_s(self) -> float:
        """Seconds of A that come from B."""
        return sum(stretch.duration_s for stretch in self.stretches)

    def to_dict(self) -> dict[str, Any]:
        """The map as plain data, for JSON."""
        return {
            "a_duration_s": round(self.a_duration_s, 3),
            "b_duration_s": round(self.b_duration_s, 3),
            "common_s": round(self.common_s, 3),
            "stretches": [stretch.to_dict() for stretch in self.stretches],
            "edits": [edit.to_dict() for edit in self.edits],
        }
