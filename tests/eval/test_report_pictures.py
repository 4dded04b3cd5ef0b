"""Which pictures a report has, under which names, and that they follow the report's options."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from eval import report_pictures
from eval.report import Options, Report, measure_system
from eval.report_pictures import draw_pictures
from eval.trials import Scores
from tests.eval.plots.reading import legend


def scores_of(
    conditions: Sequence[str],
    sizes: Sequence[str] = ("",),
    *,
    sizes_of_nontargets: str | None = None,
) -> Scores:
    """60 targets and 60 nontargets of 30 recordings in each condition, sizes in turn."""
    rng = np.random.default_rng(4)
    n = 60
    own = np.tile(np.arange(n), 2 * len(conditions))
    label = np.tile(np.repeat([True, False], n), len(conditions))
    size = np.array([sizes[i % len(sizes)] for i in own])
    if sizes_of_nontargets is not None:
        size = np.where(label, size, sizes_of_nontargets)
    return Scores(
        path=Path("scores.csv"),
        reference=np.array([f"r{i}" for i in np.where(label, own, (own + 2) % n)]),
        probe=np.array([f"p{i}" for i in own]),
        label=label,
        condition=np.repeat(conditions, 2 * n),
        recording=np.array([f"song {i // 2}" for i in own]),
        extras={"snr_db": size},
        score=rng.normal(np.where(label, 1.0, 0.0)),
    )


def pictures_of(
    *systems: tuple[str, Scores], resamples: int = 10, seed: int = 0
) -> dict[str, Figure]:
    options = Options(resamples=resamples, seed=seed)
    return draw_pictures(
        Report([measure_system(name, scores, options=options) for name, scores in systems], options)
    )


def test_bands_and_sizes_take_the_options_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for name in ("roc_band", "points_by_size"):
        real = getattr(report_pictures, name)

        def spy(*words: object, real=real, **options: object) -> object:  # type: ignore[no-untyped-def]
            asked.append((options["resamples"], options["seed"]))
            return real(*words, **options)

        monkeypatch.setattr(report_pictures, name, spy)
    pictures_of(("a", scores_of(["c"], ["0", "10"])), resamples=12, seed=7)
    assert asked == [(12, 7), (12, 7)]


def test_without_resamples_no_picture_promises_resampled_intervals() -> None:
    drawn = pictures_of(("a", scores_of(["c"], ["0", "10"])), resamples=0)
    assert "size-c-snr_db" in drawn
    assert not [name for name, figure in drawn.items() if "resampled" in legend(figure)]


@pytest.mark.parametrize("sizes", [["0", "0", "10", "9e999"], ["1e308", "-1e308"]])
def test_sizes_that_no_axis_bears_do_not_stop_the_report(sizes: list[str]) -> None:
    assert "det-a" in pictures_of(("a", scores_of(["c"], sizes)))


def test_systems_of_different_sizes_have_the_points_that_they_have_trials_for() -> None:
    slow, fast = scores_of(["c"], ["1", "2"]), scores_of(["c"], ["8", "9"])
    assert "det-c" in pictures_of(("slow", slow), ("fast", fast))
    with_low = scores_of(["c"], ["1", "2", "8"])
    assert "size-c-snr_db" in pictures_of(("wide", with_low), ("low", scores_of(["c"], ["1", "2"])))


def test_nontargets_without_a_size_and_some_targets_do_not_forbid_the_picture() -> None:
    sizes = ["0", "5", "10", "0", "5", "10", ""]
    assert "size-c-snr_db" in pictures_of(("a", scores_of(["c"], sizes, sizes_of_nontargets="")))
    half = ["0", "", "10", ""]
    assert "size-c-snr_db" not in pictures_of(("a", scores_of(["c"], half))), "30 targets only"


def test_names_that_make_the_same_file_name_do_not_overwrite_each_other() -> None:
    names = set(pictures_of(("s", scores_of(["a b", "a+b"]))))
    assert names >= {"histogram-s-a-b", "histogram-s-a-b-2"}
    alike = set(pictures_of(("x y", scores_of(["c"])), ("X+Y", scores_of(["c"]))))
    assert alike >= {"histogram-x-y-c", "histogram-X-Y-c-2"}, "some file systems take X for x"


@pytest.mark.parametrize("letter", ["c", "音"])
def test_a_long_name_is_cut_and_told_apart_by_a_hash(letter: str) -> None:
    drawn = pictures_of((200 * letter, scores_of([300 * letter, 301 * letter])))
    found = [name for name in drawn if name.startswith("histogram-")]
    assert len(set(found)) == 2
    assert max(len(name.encode()) for name in drawn) < 160


def test_a_single_condition_called_all_has_its_pictures() -> None:
    assert list(pictures_of(("a", scores_of(["all"])))) == ["det-a", "roc-a", "histogram-a-all"]
    both = set(pictures_of(("a", scores_of(["all"])), ("b", scores_of(["x", "y"]))))
    assert {name for name in both if name.startswith("det")} == {"det-x", "det-y", "det-all"}
    assert "histogram-b-all" not in both
