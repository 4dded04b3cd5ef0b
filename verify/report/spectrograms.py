"""Both recordings as their constant-Q spectra, one above the other, with what they have in common.

That is what the network and the alignment hear: 84 semitones from C1, 43 frames a second.
"""

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cqtnet.cqt import BINS_PER_OCTAVE, C1_HZ, N_BINS
from verify.features import Floats, cqt
from verify.recording import Recording
from verify.report import style
from verify.report.joins import draw_joins
from verify.report.view import Span, View

COLUMNS = 1300
BLACK_QUANTILE = 0.995
OCTAVES = (1, 2, 3, 4, 5, 6, 7)


def draw_spectrograms(view: View) -> style.Picture:
    """A above, B below, on their own clocks; bands join what is the same."""
    figure = style.blank(5.6)
    heights = (5, 1.6, 5) if view.stretches else (5, 0.1, 5)
    above, between, below = figure.subplots(3, 1, height_ratios=heights)
    _draw(above, view.a, view.a_s, "A")
    _draw(below, view.b, view.b_s, "B")
    above.tick_params(labelbottom=True)
    draw_joins(between, view, view.a_s, view.b_s)
    for number, stretch in enumerate(view.stretches):
        colour = view.colour(number)
        above.axvspan(stretch.a_start_s, stretch.a_end_s, color=colour, alpha=0.16, linewidth=0)
        below.axvspan(stretch.b_start_s, stretch.b_end_s, color=colour, alpha=0.16, linewidth=0)
    below.set_xlabel("minutes and seconds of each recording", fontsize=style.SMALL_PT + 0.5)
    joined = f"{len(view.stretches)} stretches of A are joined to" if view.stretches else "no part"
    return style.as_png(figure, f"Spectra of A, above, and of B, below; {joined} stretches of B.")


def levels(recording: Recording, span: Span) -> Floats:
    """Roots of CQT magnitudes (84, at most COLUMNS) of a part, each the loudest of its moment."""
    samples = recording.samples(*span)
    with torch.inference_mode():
        roots: Floats = cqt()(torch.from_numpy(samples)[None])[0].sqrt().numpy()
    n = roots.shape[1]
    edges: NDArray[np.int64] = np.unique(np.linspace(0, n, min(n, COLUMNS) + 1).astype(int)[:-1])
    return np.asarray(np.maximum.reduceat(roots, edges, axis=1))


def _draw(axes: Axes, recording: Recording, span: Span, name: str) -> None:
    style.dress(axes)
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=style.INK, pad=3)
    axes.set(xlim=span, ylim=(0, N_BINS))
    axes.grid(False)
    style.on_the_clock(axes)
    hertz = [C1_HZ * 2**octave for octave in range(len(OCTAVES))]
    axes.set_yticks(
        [BINS_PER_OCTAVE * octave + 0.5 for octave in range(len(OCTAVES))],
        [f"C{octave} {value:,.0f} Hz" for octave, value in zip(OCTAVES, hertz, strict=True)],
    )
    if recording.problem:
        axes.text(
            0.5, 0.5, f"{name} {recording.problem}", transform=axes.transAxes, ha="center",
            color=style.PALE, fontsize=style.SMALL_PT + 1,
        )  # fmt: skip
        return
    image = levels(recording, span)
    black = max(float(np.quantile(image, BLACK_QUANTILE)), 1e-6)
    axes.imshow(
        image, cmap="Greys", vmin=0, vmax=black, origin="lower", aspect="auto",
        extent=(*span, 0, N_BINS), interpolation="antialiased",
    )  # fmt: skip
