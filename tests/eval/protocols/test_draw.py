"""Test sets as they are drawn: fragments, changes, what is compared, and the plan as a file."""

import json
import shutil
from collections import Counter
from functools import reduce
from operator import getitem

import numpy as np
import pytest
import soundfile

from cqtnet.errors import InputError, ManifestError
from eval.protocols.catalogue import PROTOCOLS, RENDITION, VOICE_OVER, draw_plan
from eval.protocols.plan import read_plan, trials
from eval.protocols.survey import Survey, chosen_items
from tests.eval.planted import MANY, surveyed
from tests.eval.protocols.conftest import RATE


@pytest.mark.parametrize("name", sorted(PROTOCOLS.keys() - {VOICE_OVER}))
def test_the_seed_and_a_recordings_name_alone_decide_its_draws(name):
    def drawn(recordings, seed):
        probes = draw_plan(recordings, name, seed=seed).probes
        return {(p.stretch, p.chain) for p in probes if p.stretch.recording != "new"}

    assert draw_plan(MANY, name, seed=1) == draw_plan(MANY, name, seed=1)
    assert drawn(MANY, 1) == drawn([surveyed("new", "new"), *MANY], 1)
    assert not drawn(MANY, 1) & drawn(MANY, 2)


@pytest.mark.parametrize(("name", "column", "low", "high"), [
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
    ("wide", "factor", 0.5, 2),
    ("wide", "shift_semitones", -12, 12),
    ("speed-wide", "factor", 0.5, 2),
    ("slowed", "factor", 0.7, 1.4),
    ("slowed", "reverberance", 50, 100),
    ("device", "cutoff_hz", 200, 8000),
    ("device", "rt60_s", 0.4, 1.5),
    ("phone", "snr_db", 15, 30),
])  # fmt: skip
def test_sizes_fill_the_range_that_the_protocol_states(name, column, low, high):
    effects = [e.to_dict() for probe in draw_plan(MANY, name).probes for e in probe.chain.effects]
    drawn = [numbers[column] for numbers in effects if column in numbers]
    assert len(drawn) >= 30 and low <= min(drawn) <= low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) <= max(drawn) <= high


@pytest.mark.parametrize("name", ["paper-tempo", "paper-pitch", "both", "hard", "wide"])
def test_tempo_and_pitch_are_made_by_two_methods_with_even_odds(name):
    kinds: Counter[str] = Counter()
    for seed in range(4):
        for probe in draw_plan(MANY, name, seed=seed).probes:
            kinds[probe.kind] += 1
            effects = {effect.name for effect in probe.chain.effects}
            assert any("wsola" in effect for effect in effects) == (probe.kind == "wsola")
            assert bool(effects & {"tempo", "pitch"}) == (probe.kind == "signalsmith")
    assert kinds.total() == 360
    assert 140 < kinds["wsola"] < 220  # four standard deviations


@pytest.mark.parametrize("effects", [
    set(), {"codec"}, {"coloured_noise"}, {"soft_clip", "room"}, {"telephone", "codec"},
])  # fmt: skip
def test_a_state_of_renditions_is_one_of_eight_with_even_odds(effects):
    probes = [p for seed in range(8) for p in draw_plan(MANY, RENDITION, seed=seed).probes]
    names = [{effect.name for effect in probe.chain.effects} for probe in probes]
    found = sum(effects <= own if len(effects) > 1 else effects == own for own in names)
    assert 0.09 < found / len(probes) < 0.165  # four standard deviations


def starts(seed, recording, *, length_s=20.0):
    return [f.start_s for f in recording.fragments(np.random.default_rng(seed), length_s, 3)]


@pytest.mark.parametrize("seed", range(10))
def test_fragments_of_a_long_recording_do_not_overlap_and_avoid_a_quiet_stretch(seed):
    drawn = starts(seed, surveyed("x", duration_s=75.0))
    assert len(drawn) == 3 and np.diff(drawn).min() >= 20
    assert drawn[0] >= 0 and drawn[-1] <= 55
    half_quiet = starts(seed, surveyed("x", duration_s=200.0, quiet=(0.0, 120.0)))
    assert len(half_quiet) == 3
    assert all(start_s >= 115 for start_s in half_quiet), "a quarter of a fragment may be quiet"


def test_fragments_of_a_short_recording_overlap_as_little_as_possible():
    assert starts(0, surveyed("x", duration_s=45.0)) == [0.0, 12.5, 25.0]
    assert starts(0, surveyed("x", duration_s=26.0)) == [0.0, 6.0], "not nearer than 5 s"
    assert len(starts(0, surveyed("x", duration_s=24.5))) == 1
    assert starts(0, surveyed("x", duration_s=19.9)) == []
    for level, is_heard in ((10**-1.8, True), (10**-2.4, False)):
        power = np.repeat([1.0, level], 40)
        assert Survey(surveyed("x").source, 40.0, power).has_content(20.0, 20.0) == is_heard


@pytest.mark.parametrize("seed", range(3))
def test_the_other_part_lies_elsewhere_in_the_same_recording(seed):
    plan = draw_plan(MANY, "other-part", seed=seed)
    for probe in plan.probes:
        own = plan.references[probe.reference]
        assert probe.stretch.recording == own.recording
        assert probe.stretch.length_s == own.length_s == 10
        assert abs(probe.stretch.start_s - own.start_s) >= 10
        assert 0 <= probe.stretch.start_s <= 60 and probe.chain.effects == ()


@pytest.mark.parametrize(("name", "lengths_s"), [("crop", (3, 5, 10)), ("short", (2, 3))])
def test_crops_lie_within_their_fragment_and_are_conditions_of_their_own(name, lengths_s):
    plan = draw_plan(MANY, name)
    lengths = Counter(probe.condition for probe in plan.probes)
    assert lengths == {f"{name}-{length_s}s": 90 for length_s in lengths_s}
    for probe in plan.probes:
        crop = probe.chain.effects[0].to_dict()
        length_s = float(probe.condition.removeprefix(f"{name}-").removesuffix("s"))
        assert crop["end_s"] - crop["start_s"] == pytest.approx(length_s)
        assert crop["start_s"] >= 0 and crop["end_s"] <= 20


def test_short_recordings_are_left_out_with_the_reason():
    plan = draw_plan([*MANY[:6], surveyed("brief", duration_s=12.0)], "same")
    assert plan.skipped == {"brief": "lasts 12.0 s, less than the 20 s of same"}
    assert "brief" not in plan.source_of
    brief = draw_plan([*MANY[:6], surveyed("brief", duration_s=19.0)], "other-part")
    reason = "lasts 19.0 s: beside its fragments there are no other 10 s to hear"
    assert brief.skipped == {"brief": reason}
    quiet = draw_plan([*MANY[:6], surveyed("quiet", quiet=(2.0, 68.0))], "same")
    assert quiet.skipped == {"quiet": "has no stretch with enough to hear for same"}
    with pytest.raises(InputError, match=r"none of 1 recordings .*brief: lasts 12.0 s"):
        draw_plan([surveyed("brief", duration_s=12.0)], "same")


def test_noise_is_recorded_every_other_time_if_there_are_recordings(recordings, tmp_path):
    plan = draw_plan(MANY, "noise", noise_root=recordings / "noise")
    kinds = Counter(probe.kind for probe in plan.probes)
    assert set(kinds) == {"white", "pink", "brown", "recorded"}
    assert 25 < kinds["recorded"] < 65
    assert list(plan.noise) == ["hiss.wav"], "by its path below the folder"
    effects = [probe.chain.effects[0].to_dict() for probe in plan.probes]
    assert {effect.get("path", "hiss.wav") for effect in effects} == {"hiss.wav"}
    bang = np.zeros(3 * RATE, np.float32)
    bang[:1000] = 0.5
    soundfile.write(tmp_path / "bang.wav", bang, RATE)
    with pytest.raises(InputError, match="mostly silence"):
        draw_plan(MANY, "noise", noise_root=tmp_path)
    shutil.copy(recordings / "noise" / "hiss.wav", tmp_path)
    assert list(draw_plan(MANY, "noise", noise_root=tmp_path).noise) == ["hiss.wav"]


@pytest.mark.parametrize("count", [1, 9, 20, 40])
def test_negatives_are_other_references_of_other_collections(count):
    plan = draw_plan(MANY, "same", negatives=count)
    collection = {name: source.collection for name, source in plan.source_of.items()}
    for probe in plan.probes:
        others = [plan.references[place] for place in probe.negatives]
        assert len(set(others)) == count
        own = collection[probe.stretch.recording]
        assert own not in {collection[other.recording] for other in others}
        # 9 other collections with 27 recordings: as many of each as the count allows.
        assert len({collection[other.recording] for other in others}) == min(count, 9)
        assert len({other.recording for other in others}) == min(count, 27)
    uses = Counter(place for probe in plan.probes for place in probe.negatives)
    if count == 9:
        assert len(uses) == 90
        assert max(uses.values()) <= 9 + 4 * 3, "even: binomial with mean 9"


def test_all_negatives_are_of_other_collections_and_pairs_within_are_of_one(tmp_path):
    # Collections of 2, 1 and 1 recordings with 3 fragments each: 6·6 + 3·9 + 3·9 pairs.
    few = [surveyed("p", "x"), surveyed("q", "x"), surveyed("r", "y"), surveyed("s", "z")]
    plan = draw_plan(few, "same", negatives="all", within=True)
    pairs = trials(plan, tmp_path / "same.csv")
    assert int((~pairs.label).sum()) == 6 * 6 + 3 * 9 + 3 * 9
    assert int(pairs.label.sum()) == 12
    assert all(not probe.negatives for probe in plan.probes), "the plan stays small"
    within = trials(plan, tmp_path / "same.within.csv", within=True)
    assert int((~within.label).sum()) == 6 * 3
    few = [surveyed("p", "x"), surveyed("q", "x"), surveyed("r", "y")]
    plan = draw_plan(few, "same", within=True)
    pairs = trials(plan, tmp_path / "same.within.csv", within=True)
    assert set(pairs.condition) == {"same-within"}
    assert Counter(pairs.recording[pairs.label].tolist()) == {"p": 3, "q": 3}
    other = pairs.where(~pairs.label)
    for reference, recording in zip(other.reference, other.recording, strict=True):
        assert reference.startswith("references/q" if recording == "p" else "references/p")


def test_too_few_collections_or_references_are_an_error():
    p, q, r = surveyed("p", "x"), surveyed("q", "x"), surveyed("r", "y")
    for recordings, options, message in (
        ([p, q], {}, "all recordings are of one collection, 'x'"),
        ([p, q, r], {"negatives": 4}, "only 3 fragments of other .* --negatives 3 or fewer"),
        ([p, r], {"within": True}, "no pair within one"),
    ):
        with pytest.raises(InputError, match=message):
            draw_plan(recordings, "same", **options)


@pytest.mark.parametrize(("options", "message"), [
    ({"fragments": 0}, "0 fragments of a recording are too few"),
    ({"name": VOICE_OVER}, "needs recordings of voices; give their folder by --noise"),
    ({"name": "other-part", "against": "recording"}, "a whole recording holds both"),
])  # fmt: skip
def test_options_that_make_no_set_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        draw_plan(MANY, **{"name": "same", **options})


def test_a_list_gives_the_rows_of_a_split_and_a_folder_all(recordings, tmp_path):
    music, path = recordings / "music", tmp_path / "list.csv"
    files = sorted(music.rglob("*.wav"))
    splits = ("train", "devtest", "devtest", "test")
    rows = [f"{p},{p.stem},{s}" for p, s in zip(files, splits, strict=True)]
    path.write_text("\n".join(["path,id,split", *rows]) + "\n")
    assert len(chosen_items(path)) == 2
    assert [item.split for item in chosen_items(path, split="test")] == ["test"]
    assert len(chosen_items(music)) == 4
    limited = chosen_items(music, limit=2)
    assert {item.collection for item in limited} == {"a", "b"}, "as many collections as possible"
    with pytest.raises(ManifestError, match=r"but 1 train, 2 devtest, 1 test; .* --split train"):
        chosen_items(path, split="valid")
    with pytest.raises(InputError, match="is a folder and has no splits"):
        chosen_items(music, split="test")
    path.write_text("\n".join(["path", *map(str, files)]) + "\n")
    assert [item.path for item in chosen_items(path)] == files, "a list without splits"
    with pytest.raises(InputError, match="is a list that has no splits; leave --split out"):
        chosen_items(path, split="train")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_plan_survives_its_file(name, sets):
    path = sets / f"{name}.plan.json"
    plan = read_plan(path)
    assert plan.protocol == name and plan.probes
    assert plan.to_json() == path.read_text()


@pytest.mark.parametrize(("place", "value", "message"), [
    (("format",), 99, "not of format"),
    (("probes",), [], "no probes"),
    (("sources",), [], "is not among its sources"),
    (("references",), [], "no reference 0"),
    (("against",), "nothing", "'nothing' is unknown"),
    (("sample_rate",), 8000, "its sample rate is 8000"),
    (("negatives",), None, "neither a number nor all"),
    (("surplus",), 1, "surplus"),
    (("sources", 0, "path"), 5, "path 5 is of the wrong type; it must be str"),
    (("negatives",), True, "negatives True are neither"),
    (("references", 0, 1), -1, "is not a number of seconds"),
    (("references", 0, 2), 0, "is empty"),
    (("probes", 0, "reference"), 0.0, r"it has no reference 0\.0"),
    (("probes", 0, "reference"), 2, "has its reference in"),
    (("probes", 0, "effects"), [{"name": "gain"}], "gain needs 'gain_db'"),
])  # fmt: skip
def test_a_damaged_plan_is_refused_with_the_reason(place, value, message, sets, tmp_path):
    record = json.loads((sets / "same.plan.json").read_text())
    *above, last = place
    reduce(getitem, above, record)[last] = value
    path = tmp_path / "bad.plan.json"
    path.write_text(json.dumps(record))
    message = rf"bad\.plan\.json is not the plan of a protocol .*{message}"
    with pytest.raises(InputError, match=message):
        read_plan(path)


def test_a_plan_that_is_no_json_or_missing_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json is not the plan"):
        read_plan(tmp_path / "x.json")
    with pytest.raises(InputError, match=r"y\.json cannot be read"):
        read_plan(tmp_path / "y.json")
