import math

import numpy as np
import pytest

from cqtnet import SAMPLE_RATE
from tests.verify.archive.pieces import comparer
from verify.archive.results import Entry, Match
from verify.archive.search import strongest
from verify.archive.timeline import CHUNK_S, STEP_S, chunks, overlap
from verify.archive.track import Side
from verify.results import Line


@pytest.mark.parametrize("block", [4_000, 100_000, 10_000_000])
def test_chunks_are_the_same_whatever_the_blocks(block):
    samples = np.arange(60 * SAMPLE_RATE, dtype=np.float32)
    blocks = [samples[i : i + block] for i in range(0, samples.size, block)]
    found = list(chunks(blocks, comparer().embedder))
    assert [chunk.start_s for chunk, *_ in found] == [0, STEP_S, 2 * STEP_S, 3 * STEP_S]
    assert [chunk.duration_s for chunk, *_ in found] == [CHUNK_S, CHUNK_S, CHUNK_S, 15]
    assert [first for _, first, _ in found] == [True, False, False, False]
    assert [last for _, _, last in found] == [False, False, False, True]
    assert all(chunk.samples[0] == chunk.start_s * SAMPLE_RATE for chunk, *_ in found)


def test_a_side_ends_where_the_sum_of_counts_is_highest():
    one, other = Line(1.0, 0.0, 3.0), Line(1.0, 0.0, 4.0)
    side = Side(one, one, best_s=0.0)
    side.count(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, -1.0, -1.0]))
    assert (side.best_s, side.best, side.total) == (2.0, 3.0, 1.0)
    side.line = other
    side.count(np.array([5.0, 6.0]), np.array([1.0, 0.5]))  # sums to 2.5: less than 3
    assert (side.best_s, side.best_line) == (2.0, one)
    side.count(np.array([7.0]), np.array([1.0]))
    assert (side.best_s, side.best_line) == (7.0, other)


def match_at(start_s, end_s, correlation):
    entry = Entry(1, "", (), 100.0, (), "", 20)
    return Match(
        entry, "", 5.0, 5.0, start_s, end_s, start_s, end_s, Line(1.0, 0.0, 0.0), 0.5, correlation,
        correlation * math.sqrt(10),
    )  # fmt: skip


def test_of_two_matches_for_one_stretch_the_stronger_is_kept_and_others_in_order():
    weak, strong = match_at(0, 30, 0.3), match_at(10, 40, 0.8)
    assert overlap(weak, strong) == pytest.approx(20 / 30)
    assert strongest([weak, strong]) == [strong]
    early, late = match_at(0, 30, 0.3), match_at(25, 60, 0.8)
    assert strongest([late, early]) == [early, late]
