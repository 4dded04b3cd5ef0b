"""Test sets as they are drawn: fragments, changes, and what is compared with what."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cqtnet.errors import InputError
from eval.protocols import PROTOCOLS, Plan, Survey, draw_plan
from eval.protocols.draw import draw_fragments
from eval.protocols.listing import trials, trials_within
from tests.eval.surveyed import MANY, surveyed


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_seed_alone_decides_the_plan(name: str) -> None:
    first, again, other = (draw_plan(MANY, name, seed=seed) for seed in (1, 1, 2))
    assert first == again
    drawn, otherwise = (
        {(probe.stretch, probe.chain) for probe in plan.probes} for plan in (first, other)
    )
    assert not drawn & otherwise


@pytest.mark.parametrize("name", PROTOCOLS)
def test_another_recording_changes_no_draw_of_those_before(name: str) -> None:
    drawn = {(p.stretch, p.chain) for p in draw_plan(MANY, name).probes}
    more = [surveyed("new", "new"), *MANY]
    assert drawn == {
        (p.stretch, p.chain) for p in draw_plan(more, name).probes if p.stretch.recording != "new"
    }


def test_another_recording_changes_few_negatives() -> None:
    def pairs(plan: Plan) -> set[tuple[Any, Any]]:
        return {(p.stretch, plan.references[n]) for p in plan.probes for n in p.negatives}

    before, after = (pairs(draw_plan(r, "same")) for r in (MANY, [*MANY, surveyed("new", "new")]))
    assert len(before - after) <= len(before) / 5  # 1 in 30 references is new


@pytest.mark.parametrize(
    ("name", "column", "low", "high"),
    [
        ("paper-tempo", "factor", 0.85, 1.35),
        ("paper-pitch", "shift_semitones", -4, 4),
        ("both", "factor", 0.85, 1.35),
        ("both", "shift_semitones", -4, 4),
        ("speed", "factor", 0.85, 1.26),
        ("noise", "snr_db", 0, 10),
        ("reverb", "rt60_s", 0.4, 1.5),
        ("codec", "kbps", 4.75, 64),
        ("hard", "factor", 0.85, 1.35),
        ("hard", "shift_semitones", -4, 4),
        ("hard", "snr_db", 10, 10),
    ],
)
def test_sizes_fill_the_range_that_the_protocol_states(
    name: str, column: str, low: float, high: float
) -> None:
    probes = draw_plan(MANY, name).probes
    drawn = [
        numbers[column]
        for probe in probes
        for numbers in (effect.to_dict() for effect in probe.chain.effects)
        if column in numbers
    ]
    assert len(drawn) >= 30
    assert low <= min(drawn) <= low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) <= max(drawn) <= high


@pytest.mark.parametrize("name", ["paper-tempo", "paper-pitch", "both", "hard"])
def test_tempo_and_pitch_are_made_by_two_methods_with_even_odds(name: str) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(4):
        for probe in draw_plan(MANY, name, seed=seed).probes:
            kinds[probe.kind] += 1
            effects = {effect.name for effect in probe.chain.effects}
            assert any("wsola" in effect for effect in effects) == (probe.kind == "wsola")
            assert bool(effects & {"tempo", "pitch"}) == (probe.kind == "signalsmith")
    assert kinds.total() == 360
    assert 140 < kinds["wsola"] < 220  # four standard deviations


@pytest.mark.parametrize("seed", range(20))
def test_fragments_of_a_long_recording_do_not_overlap(seed: int) -> None:
    drawn = draw_fragments(
        np.random.default_rng(seed), surveyed("x", duration_s=75.0), length_s=20.0, count=3
    )
    starts = [fragment.start_s for fragment in drawn]
    assert len(starts) == 3
    assert np.diff(starts).min() >= 20
    assert starts[0] >= 0 and starts[-1] <= 55


def test_fragments_of_a_short_recording_overlap_as_little_as_can_be(
    rng: np.random.Generator,
) -> None:
    drawn = draw_fragments(rng, surveyed("x", duration_s=45.0), length_s=20.0, count=3)
    assert [fragment.start_s for fragment in drawn] == [0.0, 12.5, 25.0]


def test_fragments_that_would_be_nearly_the_same_are_not_drawn(rng: np.random.Generator) -> None:
    drawn = draw_fragments(rng, surveyed("x", duration_s=26.0), length_s=20.0, count=3)
    assert [fragment.start_s for fragment in drawn] == [0.0, 6.0]  # not nearer than 5 s
    assert len(draw_fragments(rng, surveyed("x", duration_s=24.5), length_s=20.0, count=3)) == 1
    assert draw_fragments(rng, surveyed("x", duration_s=19.9), length_s=20.0, count=3) == []


@pytest.mark.parametrize("seed", range(5))
def test_fragments_avoid_a_quiet_stretch(seed: int) -> None:
    half_quiet = surveyed("x", duration_s=200.0, quiet=(0.0, 120.0))
    drawn = draw_fragments(np.random.default_rng(seed), half_quiet, length_s=20.0, count=3)
    # A quarter of a fragment may be quiet.
    assert len(drawn) == 3
    assert all(fragment.start_s >= 115 for fragment in drawn)


def test_a_stretch_far_below_the_level_of_its_recording_has_no_content() -> None:
    loud = np.ones(40)
    faint = surveyed("x")
    source = faint.source
    assert Survey(source, 40.0, np.concatenate([loud, loud * 10**-1.8])).has_content(20.0, 20.0)
    assert not Survey(source, 40.0, np.concatenate([loud, loud * 10**-2.4])).has_content(20.0, 20.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_other_part_lies_elsewhere_in_the_same_recording(seed: int) -> None:
    plan = draw_plan(MANY, "other-part", seed=seed)
    for probe in plan.probes:
        own = plan.references[probe.reference]
        assert probe.stretch.recording == own.recording
        assert probe.stretch.length_s == own.length_s == 10
        assert abs(probe.stretch.start_s - own.start_s) >= 10
        assert 0 <= probe.stretch.start_s <= 60
        assert probe.chain.effects == ()


def test_crops_lie_within_their_fragment_and_are_conditions_of_their_own() -> None:
    plan = draw_plan(MANY, "crop")
    lengths = Counter(probe.condition for probe in plan.probes)
    assert lengths == {"crop-3s": 90, "crop-5s": 90, "crop-10s": 90}
    for probe in plan.probes:
        crop = probe.chain.effects[0].to_dict()
        length_s = float(probe.condition.removeprefix("crop-").removesuffix("s"))
        assert crop["end_s"] - crop["start_s"] == pytest.approx(length_s)
        assert crop["start_s"] >= 0 and crop["end_s"] <= 20


# Which are compared.


def collections_of(plan: Plan) -> dict[str, str]:
    return {source.recording: source.collection for source in plan.sources}


@pytest.mark.parametrize("count", [1, 9, 20, 40])
def test_negatives_are_other_references_of_other_collections(count: int) -> None:
    plan = draw_plan(MANY, "same", negatives=count)
    collection = collections_of(plan)
    for probe in plan.probes:
        others = [plan.references[place] for place in probe.negatives]
        assert len(set(others)) == count
        own = collection[probe.stretch.recording]
        assert own not in {collection[other.recording] for other in others}
        # 9 other collections with 27 recordings: as many of each as the count allows.
        assert len({collection[other.recording] for other in others}) == min(count, 9)
        assert len({other.recording for other in others}) == min(count, 27)


def test_negatives_are_spread_evenly_over_the_references() -> None:
    plan = draw_plan(MANY, "same", negatives=9)
    uses = Counter(place for probe in plan.probes for place in probe.negatives)
    assert len(uses) == 90
    assert max(uses.values()) <= 9 + 4 * 3  # binomial with mean 9


def test_all_negatives_are_every_reference_of_other_collections(tmp_path: Path) -> None:
    # Collections of 2, 1 and 1 recordings with 3 fragments each: 6·6 + 3·9 + 3·9 pairs.
    few = [surveyed("p", "x"), surveyed("q", "x"), surveyed("r", "y"), surveyed("s", "z")]
    plan = draw_plan(few, "same", negatives="all")
    pairs = trials(plan, tmp_path / "same.csv")
    assert int((~pairs.label).sum()) == 6 * 6 + 3 * 9 + 3 * 9
    assert int(pairs.label.sum()) == 12
    assert all(not probe.negatives for probe in plan.probes), "the plan stays small"


def test_pairs_within_a_collection_are_other_recordings_of_it(tmp_path: Path) -> None:
    few = [surveyed("p", "x"), surveyed("q", "x"), surveyed("r", "y")]
    plan = draw_plan(few, "same", within=True)
    pairs = trials_within(plan, tmp_path / "same.within.csv")
    assert set(pairs.condition) == {"same-within"}
    assert Counter(pairs.recording[pairs.label].tolist()) == {"p": 3, "q": 3}
    for reference, recording in zip(
        pairs.reference[~pairs.label], pairs.recording[~pairs.label], strict=True
    ):
        assert reference.startswith("references/q" if recording == "p" else "references/p")


def test_too_few_collections_or_references_are_an_error() -> None:
    alone = [surveyed("p", "x"), surveyed("q", "x")]
    with pytest.raises(InputError, match="all recordings are of one collection, 'x'"):
        draw_plan(alone, "same")
    with pytest.raises(
        InputError, match=r"has only 3 fragments of other .* --negatives 3 or fewer"
    ):
        draw_plan([*alone, surveyed("r", "y")], "same", negatives=4)
    with pytest.raises(InputError, match="no pair within one"):
        draw_plan([surveyed("p", "x"), surveyed("r", "y")], "same", within=True)


def test_short_recordings_are_left_out_with_the_reason() -> None:
    plan = draw_plan([*MANY[:6], surveyed("brief", duration_s=12.0)], "same")
    assert plan.skipped == {"brief": "lasts 12.0 s, less than the 20 s of same"}
    assert "brief" not in collections_of(plan)
    brief = draw_plan([*MANY[:6], surveyed("brief", duration_s=19.0)], "other-part")
    assert brief.skipped == {
        "brief": "lasts 19.0 s: beside its fragments there are no other 10 s to hear"
    }
    with pytest.raises(InputError, match=r"none of 1 recordings .*brief: lasts 12.0 s"):
        draw_plan([surveyed("brief", duration_s=12.0)], "same")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "loud"}, "no protocol is named 'loud'; choose from paper-tempo"),
        ({"fragments": 0}, "0 fragments of a recording are too few"),
        ({"negatives": 0}, "0 negatives a fragment are too few"),
        ({"name": "other-part", "against": "recording"}, "a whole recording holds both"),
    ],
)
def test_wishes_that_cannot_be_granted_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_plan(MANY, **{"name": "same", **options})
