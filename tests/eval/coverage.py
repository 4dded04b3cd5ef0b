"""How often 95 % intervals hold the truth, where the truth is known. Run it for the table of docs.

A world has recordings that differ: each has its own shift, which all its targets share, and which
a nontarget gets from both of its recordings. Targets are normal around `SEPARATION`, nontargets
around 0, both with variance 1, of which recordings make up the share `effect`.

    python -m tests.eval.coverage
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from eval.bootstrap import Recordings, evidence_of, interval, recordings_of, resample
from eval.metrics.scores import OperatingPoint, equal_error_rate_of, min_cllr
from tests.eval.planted import score_table

SEPARATION = 2.5
THRESHOLD = 1.25
POINTS = OperatingPoint(0.5), OperatingPoint(0.01)
FIGURES = ("EER", "minDCF 0.5", "minDCF 0.01", "minCllr", "misses", "false alarms")


@dataclass(frozen=True)
class World:
    """Recordings of 4 fragments; a fragment meets one other recording, or `dense`ly all."""

    recordings: int
    effect: float
    dense: bool


def truth():
    """The figures of infinitely many recordings, in the order of `FIGURES`."""
    costs = []
    for point in POINTS:
        best = point.threshold / SEPARATION + SEPARATION / 2  # the score of this log LR
        costs.append(float(point.cost(norm.sf(best), norm.cdf(best - SEPARATION))))
    rates = norm.cdf(THRESHOLD - SEPARATION), norm.sf(THRESHOLD)
    # The log LR of a target is normal around s²/2 with variance s², of a nontarget mirrored.
    ratio = norm(SEPARATION**2 / 2, SEPARATION)
    information = ratio.expect(lambda x: np.logaddexp(0, -x) / np.log(2))
    return np.array([norm.sf(SEPARATION / 2), *costs, information, *rates])


TRUTH = truth()


def drawn_scores(world, rng):
    """Scores of one evaluation in this world."""
    number, fragments = world.recordings, 4
    own = np.repeat(np.arange(number), fragments)
    step = np.arange(1, number) if world.dense else rng.integers(1, number, (len(own), 1))
    other = ((own[:, None] + step) % number).ravel()
    probe = np.repeat(own, len(other) // len(own))
    shift = rng.normal(size=number)
    rest = np.sqrt(1 - world.effect)
    target = SEPARATION + np.sqrt(world.effect) * shift[own] + rest * rng.normal(size=len(own))
    both = np.sqrt(world.effect / 2) * (shift[probe] + shift[other])
    nontarget = both + rest * rng.normal(size=len(other))
    label = np.arange(len(own) + len(other)) < len(own)
    probes, references = np.concatenate([own, probe]), np.concatenate([own, other])
    return score_table(references, probes, label, probes, np.concatenate([target, nontarget]))


def drawn_by(how, scores):
    """The recordings to draw: each trial, those of the probes, or both."""
    found, trial = recordings_of(scores), np.arange(len(scores))
    return {
        "trial": Recordings(trial, trial, len(scores)),
        "probe": Recordings(found.probe, found.probe, found.count),
        "both": found,
    }[how]


def holds(scores, recordings, rng, *, resamples=200):
    """Which intervals hold the truth, and how wide they are, in the order of `FIGURES`."""
    wrong = ((scores.score >= THRESHOLD) != scores.label).astype(np.float64)
    evidence = evidence_of(scores, recordings, {"threshold": wrong}, where="world")

    def figures(sample):
        lowest = (point.least_cost(sample.score) for point in POINTS)
        eer, information = equal_error_rate_of(sample.score), min_cllr.of(sample.score)
        return np.array([eer, *lowest, information, *sample.losses["threshold"]])

    value, resampled = resample(
        figures, evidence, recordings=recordings.count, resamples=resamples, rng=rng
    )
    low, high = interval(value, resampled)
    return (low <= TRUTH) & (high >= TRUTH), high - low


def coverage(world, how, *, worlds, seed=0):
    """Share of worlds whose interval holds the truth, and mean width, for each of `FIGURES`."""
    rng = np.random.default_rng(seed)
    drawn = (drawn_scores(world, rng) for _ in range(worlds))
    found = [holds(scores, drawn_by(how, scores), rng) for scores in drawn]
    held, width = zip(*found, strict=True)
    return np.mean(held, axis=0), np.mean(width, axis=0)


def independent_nontargets(world, *, worlds, seed=0):
    """N of the rule of three: 3/N is the rate of false alarms that 5 % of worlds show none of."""
    rng = np.random.default_rng(seed)
    drawn = (drawn_scores(world, rng) for _ in range(worlds))
    highest = [scores.score[~scores.label].max() for scores in drawn]
    return float(3 / norm.sf(np.quantile(highest, 0.05)))


def main():
    """Print the figures of docs/figures.md."""
    print("| nontargets | effect | drawn by |", " | ".join(FIGURES), "|\n" + "|---" * 9 + "|")
    for dense, pairs in ((False, "1 a fragment"), (True, "all pairs")):
        for effect in (0.0, 0.3, 0.6):
            for how in ("trial", "probe", "both"):
                held, width = coverage(World(50, effect, dense), how, worlds=200)
                cells = (f"{h:.0%} ({100 * w:.1f})" for h, w in zip(held, width, strict=True))
                print(f"| {pairs} | {effect} | {how} |", " | ".join(cells), "|", flush=True)
        for effect in (0.0, 0.5, 1.0):
            number = independent_nontargets(World(50, effect, dense), worlds=1000)
            print(f"{pairs}, effect {effect}: as {number:.0f} independent pairs", flush=True)


if __name__ == "__main__":
    main()
