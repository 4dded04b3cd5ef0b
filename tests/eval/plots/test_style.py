"""What all pictures promise: readable in grey, nothing covered, the same bytes."""

import threading
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from eval import plots as p
from eval.metrics import OperatingPoint
from tests.eval.plots.reading import texts

LONG = "mean over time of the log-CQT, cosine, best of ±6 bin shifts (baseline a), " * 2


def systems():
    """Three systems of which one makes no error and one has a long name."""
    rng = np.random.default_rng(5)
    found = []
    for name, apart in (("ours", 4.0), (LONG, 1.5), ("flawless", 60.0)):
        target, nontarget = rng.normal(apart, 1, 200), rng.normal(0, 1, 1000)
        found.append(p.ScoreSet(name, target, nontarget, 2 * target - 4, 2 * nontarget - 4))
    return found


def by_size():
    def points(r):
        for s in np.linspace(0.85, 1.35, 8):
            yield p.SizePoint(s, s - 0.03, s + 0.03, r * s, r * s / 2, 2 * r * s, 80, 90)

    return {"ours": list(points(0.0)), LONG: list(points(0.07))}


PICTURES: dict[str, Callable[[], Figure]] = {
    "det": lambda: p.det(systems(), operating_points=[OperatingPoint(), OperatingPoint(0.01)]),
    "roc": lambda: p.roc(systems()),
    "histogram": lambda: p.histogram(systems()[1], threshold=2.0),
    "tippett": lambda: p.tippett(systems()),
    "calibration": lambda: p.calibration(systems()[1]),
    "size": lambda: p.error_against_size(by_size(), xlabel="tempo factor"),
}


@pytest.fixture(scope="module", params=PICTURES)
def figure(request):
    """Each picture, drawn; only to be looked at."""
    drawn = PICTURES[request.param]()
    drawn.canvas.draw()
    return drawn


@pytest.mark.parametrize("name", ["det", "size"])
def test_the_same_scores_give_the_same_bytes_in_threads_side_by_side(name, tmp_path):
    def save(file):
        p.save(PICTURES[name](), tmp_path / file)

    before = dict(matplotlib.rcParams)
    threads = [threading.Thread(target=save, args=[file]) for file in ("one.two", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(matplotlib.rcParams) == before
    first, svg, *second = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert [path.stem for path in sorted(tmp_path.iterdir())] == 2 * ["one.two"] + 2 * ["second"]
    assert [first, svg] == second
    assert first.startswith(b"\x89PNG") and b"Software" not in first
    assert b"<svg" in svg and b"dc:date" not in svg
    assert matplotlib.__version__.encode() not in svg


def test_saving_does_not_change_the_figure(tmp_path):
    figure = PICTURES["roc"]()
    first, again = ([f.read_bytes() for f in p.save(figure, tmp_path / "a")] for _ in range(2))
    assert again == first


def test_text_and_axes_are_large_enough_to_read(figure):
    assert min(text.get_fontsize() for text in texts(figure)) >= 9
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.width > 0.35 * figure.bbox.width
        assert box.height > 0.09 * figure.bbox.height


def test_the_legend_covers_no_curve_and_all_words_are_on_the_picture(figure):
    (legend,) = figure.legends
    words = list(legend.get_texts())
    for axes in figure.axes:
        tight = axes.get_tightbbox()
        assert tight is not None and tight.y0 >= legend.get_window_extent().y1
        titles_and_notes = [part for part in axes.get_children() if isinstance(part, Text)]
        words += [axes.xaxis.label, axes.yaxis.label, *titles_and_notes]
    for text in words:
        box, whole = text.get_window_extent(), figure.bbox
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and box.y1 <= whole.y1, text.get_text()
