"""The pictures of an evaluation: each function returns a matplotlib figure, `save` writes it."""

from cqtnet.plotting import save
from eval.plots.det import det, roc
from eval.plots.scoreset import ScoreSet, calibration, histogram, tippett
from eval.plots.size import SizePoint, bin_edges, error_against_size, finite_sizes, points_by_size

__all__ = [
    "ScoreSet", "SizePoint", "bin_edges", "calibration", "det", "error_against_size",
    "finite_sizes", "histogram", "points_by_size", "roc", "save", "tippett",
]  # fmt: skip
