"""A small size of every attack; `make hostile` makes thousands."""

import os

import pytest

from tests.hostile import crafted, papers, playlists, sounds
from tests.hostile.attempts import attempts, harmful
from tests.hostile.processes import search_beside_a_writer

SIZE = float(os.environ.get("HOSTILE_SIZE", "1"))
"""Times the small size."""
HANGS_S = 300
"""Also where a machine is ten times slower."""


@pytest.mark.parametrize(("attack", "few"), [
    (sounds.mutated_sound, 60), (sounds.mutated_stream, 20), (sounds.heard_in_a_stream, 1),
    (papers.any_paper, 100), (playlists.led_elsewhere, 40), (crafted.crafted_archive, 15),
])  # fmt: skip
def test_an_attack_is_answered_in_a_line_and_harms_nothing(tmp_path, attack, few):
    count = max(1, round(SIZE * few))
    outcome = attempts(attack, tmp_path / "a", count, most_s=HANGS_S)
    assert (outcome.tried, outcome.wrong) == (count, [])


def test_who_searches_beside_a_writer_meets_no_error(tmp_path):
    outcome = search_beside_a_writer(tmp_path / "archive", 2, SIZE)
    assert outcome.wrong == [] and outcome.counts["searched"] >= 2


def test_the_campaign_notices_tracebacks_ends_and_hangs(tmp_path):
    outcome = attempts(harmful, tmp_path / "a", 3, most_s=1, start_s=0)
    assert outcome.tried == 3
    assert "KeyError: 'not an answer'" in outcome.wrong[0]
    assert outcome.wrong[1:] == ["harmful 1: ends the process with 3", "harmful 2: hangs"]
