"""What is drawn from recordings, and the plan as a file."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cqtnet.errors import InputError, ManifestError
from eval.protocols import PROTOCOLS, Plan, draw_plan, read_plan
from eval.protocols.survey import chosen_items
from tests.eval.protocols.conftest import RATE
from tests.eval.surveyed import MANY


def test_noise_is_recorded_every_other_time_where_there_are_recordings(recordings: Path) -> None:
    plan = draw_plan(MANY, "noise", noise_root=recordings / "noise")
    kinds = Counter(probe.kind for probe in plan.probes)
    assert set(kinds) == {"white", "pink", "brown", "recorded"}
    assert 25 < kinds["recorded"] < 65
    assert list(plan.noise) == ["hiss.wav"], "by its path below the folder"
    effects = [probe.chain.effects[0].to_dict() for probe in plan.probes]
    assert {effect.get("path", "hiss.wav") for effect in effects} == {"hiss.wav"}


def test_noise_that_is_a_bang_in_silence_is_not_used(recordings: Path, tmp_path: Path) -> None:
    bang = np.zeros(3 * RATE, np.float32)
    bang[:1000] = 0.5
    soundfile.write(tmp_path / "bang.wav", bang, RATE)
    with pytest.raises(InputError, match="mostly silence"):
        draw_plan(MANY, "noise", noise_root=tmp_path)
    shutil.copy(recordings / "noise" / "hiss.wav", tmp_path)
    assert list(draw_plan(MANY, "noise", noise_root=tmp_path).noise) == ["hiss.wav"]


def test_a_list_gives_the_rows_of_a_split_and_a_folder_all(
    recordings: Path, tmp_path: Path
) -> None:
    rows = [f"{p},{p.stem},{s}" for p, s in zip(
        sorted((recordings / "music").rglob("*.wav")), ("train", "devtest", "devtest", "test"),
        strict=True,
    )]  # fmt: skip
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["path,id,split", *rows]) + "\n")
    assert len(chosen_items(path)) == 2
    assert [item.split for item in chosen_items(path, split="test")] == ["test"]
    assert len(chosen_items(recordings / "music")) == 4
    with pytest.raises(ManifestError, match=r"but 1 train, 2 devtest, 1 test; .* --split train"):
        chosen_items(path, split="valid")
    with pytest.raises(InputError, match="is a folder and has no splits"):
        chosen_items(recordings / "music", split="test")


def test_a_list_without_splits_gives_all_its_rows(recordings: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    files = sorted((recordings / "music").rglob("*.wav"))
    path.write_text("\n".join(["path", *map(str, files)]) + "\n")
    assert [item.path for item in chosen_items(path)] == files
    with pytest.raises(InputError, match="is a list that has no splits; leave --split out"):
        chosen_items(path, split="train")
    path.write_text("path,split\n")
    with pytest.raises(ManifestError, match=r"list\.csv lists no recordings"):
        chosen_items(path)


def test_a_limit_takes_from_as_many_collections_as_can_be(recordings: Path) -> None:
    chosen = chosen_items(recordings / "music", limit=2)
    assert {item.collection for item in chosen} == {"a", "b"}


# The plan as a file.


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_plan_survives_its_file(name: str, sets: Path, tmp_path: Path) -> None:
    path = sets / f"{name}.plan.json"
    plan = read_plan(path)
    assert plan.protocol == name and plan.probes
    assert plan.to_json() == path.read_text()
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "not of format"),
        ({"probes": []}, "no probes"),
        ({"sources": []}, "is not among its sources"),
        ({"references": []}, "no reference 0"),
        ({"against": "nothing"}, "'nothing' is unknown"),
        ({"sample_rate": 8000}, "its sample rate is 8000"),
        ({"negatives": None}, "neither a number nor all"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_a_damaged_plan_is_refused_by_name(
    change: dict[str, Any], message: str, sets: Path, tmp_path: Path
) -> None:
    record = json.loads((sets / "same.plan.json").read_text())
    path = tmp_path / "bad.plan.json"
    path.write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError, match=rf"bad\.plan\.json is no plan of a protocol .*{message}"):
        read_plan(path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("sources", 0, "path"), 5, "path 5 is of the wrong type; str"),
        (("sources", 0, "sha256"), None, "sha256 None is of the wrong type"),
        (("noise",), [], "noise .* is of the wrong type; dict"),
        (("skipped",), {"a": 1}, "skipped 1 is of the wrong type"),
        (("protocol",), ["same"], "protocol .* is of the wrong type"),
        (("seed",), "0", "seed '0' is of the wrong type"),
        (("within",), 0, "within 0 is of the wrong type"),
        (("negatives",), True, "negatives True are neither"),
        (("references", 0, 0), 7, "recording 7 is of the wrong type"),
        (("probes", 0, "condition"), 7, "condition 7 is of the wrong type"),
        (("probes", 0, "reference"), 0.0, r"it has no reference 0\.0"),
        (("probes", 0, "reference"), 2, "has its reference in"),
        (("probes", 0, "effects"), [{"name": "gain"}], "gain needs 'gain_db'"),
    ],
)
def test_a_plan_with_a_wrong_type_is_refused_by_name(
    place: tuple[Any, ...], value: Any, message: str, sets: Path, tmp_path: Path
) -> None:
    record = json.loads((sets / "same.plan.json").read_text())
    *above, last = place
    inner = record
    for key in above:
        inner = inner[key]
    inner[last] = value
    path = tmp_path / "bad.plan.json"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=rf"bad\.plan\.json is no plan of a protocol .*{message}"):
        read_plan(path)


def test_what_is_no_json_and_what_is_missing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json is no plan"):
        read_plan(tmp_path / "x.json")
    with pytest.raises(InputError, match=r"y\.json cannot be read"):
        read_plan(tmp_path / "y.json")
