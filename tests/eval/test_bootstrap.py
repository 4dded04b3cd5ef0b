from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from cqtnet.eer import equal_error_rate
from cqtnet.errors import ManifestError
from eval.bootstrap import Recordings, draw, interval, pair_sums, recordings_of, resample
from eval.metrics import auc, cllr, min_cllr, min_dcf
from eval.metrics.discrimination import auc_of, equal_error_rate_of
from eval.metrics.information import OperatingPoint, bits_lost, min_cllr_of, min_dcf_of
from eval.metrics.quantities import evidence_of, runs
from eval.trials import Scores, Trials
from tests.eval.coverage import FIGURES, World, coverage

EVEN = OperatingPoint(0.5)


def trials(rows: list[tuple[str, str, int, str]]) -> Trials:
    reference, probe, label, recording = (np.array(column) for column in zip(*rows, strict=True))
    return Trials(Path("t"), reference, probe, label == 1, np.full(len(rows), "c"), recording)


def test_a_reference_is_of_the_recording_whose_targets_it_is_in() -> None:
    found = recordings_of(
        trials(
            [
                ("a.wav", "b1.wav", 0, "B"),  # a.wav is of A: the third row says so
                ("b.wav", "b1.wav", 1, "B"),
                ("a.wav", "a1.wav", 1, "A"),
                ("b1.wav", "a1.wav", 0, "A"),  # a probe of B
                ("x.wav", "a1.wav", 0, "A"),  # known from nowhere: by itself
                ("x.wav", "b1.wav", 0, "B"),
                ("a.wav", "c1.wav", 1, "C"),  # of two recordings, the first is taken
            ]
        )
    )
    assert found.probe.tolist() == [0, 0, 1, 1, 1, 0, 2]
    assert found.reference.tolist() == [1, 0, 1, 0, 3, 3, 2]
    assert found.count == 4


def test_a_probe_of_two_recordings_is_an_error_with_its_line() -> None:
    rows = [("a", "p", 1, "A"), ("b", "q", 0, "B"), ("b", "p", 0, "B")]
    with pytest.raises(ManifestError, match=r"^t:4: probe p is of recording 'B' here and of 'A'"):
        recordings_of(trials(rows))


def test_a_file_called_like_a_recording_is_not_taken_for_it() -> None:
    found = recordings_of(trials([("r", "p", 1, "A"), ("A", "p", 0, "A")]))
    assert found.reference.tolist() == [0, 1]


def test_independent_recordings_are_those_of_the_scarcer_side() -> None:
    one_reference = Recordings(np.arange(5), np.full(5, 7), 8)
    assert one_reference.independent() == 1


def test_a_part_of_the_trials_keeps_its_numbers_until_it_stands_alone() -> None:
    recordings = Recordings(np.array([0, 1, 5, 1]), np.array([3, 3, 5, 5]), 6)
    part = recordings.where(np.array([False, True, True, True]))
    assert (part.probe.tolist(), part.reference.tolist(), part.count) == ([1, 5, 1], [3, 5, 5], 6)
    alone = part.renumbered()
    assert (alone.probe.tolist(), alone.reference.tolist()) == ([0, 2, 0], [1, 2, 2])
    assert alone.count == 3


def test_a_trial_counts_as_often_as_both_of_its_recordings_were_drawn() -> None:
    # Pairs (0,0) a target, (0,1), (1,2), (1,2): worth 1, 10, 100, 1000.
    recordings = Recordings(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]), 3)
    sums = pair_sums(csr_array(np.array([[1.0], [10], [100], [1000]])), recordings)
    drawn = np.array([[1, 1, 1], [2, 1, 0], [0, 1, 2], [3, 0, 0]], np.float64)
    weighted = sums.weighted(drawn).ravel().tolist()
    assert weighted == [1111, 2 * 1 + 2 * 1 * 10, 1 * 2 * 1100, 3 * 1]


def test_a_draw_has_as_many_recordings_as_there_are(rng: np.random.Generator) -> None:
    drawn = draw(7, 2000, rng)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)


def test_runs_join_neighbours_of_one_class_and_keep_ties_of_both_apart() -> None:
    score = np.array([9, 8, 7, 7, 6, 5, 5, 4, 3.0])
    label = np.array([1, 1, 1, 0, 0, 0, 0, 1, 1], bool)
    assert runs(score, label).tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3]
    shuffled = np.random.default_rng(0).permutation(9)
    assert runs(score[shuffled], label[shuffled]).tolist() == [
        [0, 0, 1, 1, 2, 2, 2, 3, 3][i] for i in shuffled
    ]


def random_scores(rng: np.random.Generator, decimals: int) -> Scores:
    """All pairs of 12 recordings with 2 fragments, with ties."""
    own = np.repeat(np.arange(12), 2)
    probe, reference = (side.ravel() for side in np.meshgrid(own, np.arange(12), indexing="ij"))
    label = probe == reference
    score = (rng.normal(size=len(label)) + 2 * label).round(decimals)
    names = [np.char.add(kind, side.astype(str)) for kind, side in (("r", reference), ("p", probe))]
    condition = np.full(len(label), "c")
    return Scores(Path("s"), *names, label, condition, names[1], {}, score, score - 1)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_a_resample_is_the_list_with_trials_repeated(
    rng: np.random.Generator, decimals: int
) -> None:
    scores = random_scores(rng, decimals)
    recordings = recordings_of(scores)
    losses = {"cllr": bits_lost(np.where(scores.label, -scores.log_lr, scores.log_lr))}
    evidence = evidence_of(scores, recordings, losses, where="s")

    def figures(target: np.ndarray, nontarget: np.ndarray) -> np.ndarray:
        s = evidence.sample(target, nontarget)
        ranked = auc_of(s.score), equal_error_rate_of(s.score), min_dcf_of(s.score, EVEN)
        return np.array([*ranked, min_cllr_of(s.log_lr), sum(s.losses["cllr"]) / 2])

    def of(target: np.ndarray, nontarget: np.ndarray) -> list[float]:
        ranked = auc(target, nontarget), equal_error_rate(target, nontarget)
        lowest = min_dcf(target, nontarget, EVEN), min_cllr(target, nontarget)
        return [*ranked, *lowest, cllr(target - 1, nontarget - 1)]

    seeds = np.random.default_rng(3), np.random.default_rng(3)
    value, resampled = resample(
        figures,
        evidence.target,
        evidence.nontarget,
        recordings=recordings.count,
        resamples=20,
        rng=seeds[0],
    )
    label = scores.label
    assert value == pytest.approx(of(scores.score[label], scores.score[~label]))
    for drawn, found in zip(draw(12, 20, seeds[1]), resampled, strict=True):
        probe, reference = drawn[recordings.probe], drawn[recordings.reference]
        times = np.where(label, probe, probe * reference).astype(int)
        repeated = np.repeat(scores.score, times), np.repeat(label, times)
        assert found == pytest.approx(of(repeated[0][repeated[1]], repeated[0][~repeated[1]]))


def test_resampling_in_blocks_changes_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = random_scores(rng, 1)
    evidence = evidence_of(scores, recordings_of(scores), {}, where="s")

    def found() -> np.ndarray:
        return resample(
            lambda target, nontarget: np.array([target.sum(), nontarget.sum()]),
            evidence.target,
            evidence.nontarget,
            recordings=12,
            resamples=30,
            rng=np.random.default_rng(0),
        )[1]

    whole = found()
    monkeypatch.setattr("eval.bootstrap._BLOCK", 1000)
    assert (found() == whole).all()


def test_resamples_without_a_class_are_left_out() -> None:
    # The nontarget needs both recordings: one draw in two of two recordings has them.
    columns = csr_array(np.ones((1, 1)))
    target = pair_sums(columns, Recordings(np.array([0]), np.array([0]), 2))
    nontarget = pair_sums(columns, Recordings(np.array([0]), np.array([1]), 2))
    _, resampled = resample(
        lambda tar, non: np.concatenate([tar, non]),
        target,
        nontarget,
        recordings=2,
        resamples=1000,
        rng=np.random.default_rng(0),
    )
    assert len(resampled) == pytest.approx(500, abs=80)
    assert (resampled == 1).all()


def test_an_interval_is_moved_by_twice_the_bias_and_holds_its_value() -> None:
    resampled = np.linspace(0, 1, 10001)
    assert interval(0.5, resampled) == pytest.approx((0.025, 0.975))
    # A value of 0.6, resampled 0.1 too low, stands for a truth of 0.7.
    assert interval(0.6, resampled) == pytest.approx((0.225, 1.175))
    assert interval(2.0, resampled)[0] == 2.0


def test_intervals_by_both_recordings_hold_the_truth_and_by_the_probe_alone_do_not() -> None:
    # docs/metrics.md has the whole table, of 200 worlds: here 94 % and 66 %.
    world = World(recordings=50, effect=0.3, dense=True)
    both, probe = (coverage(world, how, worlds=30)[0] for how in ("both", "probe"))
    at = FIGURES.index("false alarms")
    assert both[at] >= 0.85
    assert probe[at] <= 0.8
