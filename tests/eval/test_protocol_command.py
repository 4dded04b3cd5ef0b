"""`cqtnet eval protocol` as a user calls it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from cqtnet.cli import cqtnet
from cqtnet.errors import InputError
from eval.protocols import PROTOCOLS
from eval.trials import read_trials

RATE = 22050


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of 21 s in two folders, one of 3 s, and a list of them."""
    folder = tmp_path_factory.mktemp("music")
    for number, (name, seconds) in enumerate(
        [("a/one", 21), ("a/two", 21), ("b/three", 21), ("b/brief", 3)]
    ):
        tone = 0.3 * np.sin(2 * np.pi * 220 * (1 + number) * np.arange(seconds * RATE) / RATE)
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", tone, RATE)
    rows = ["a/one.wav,devtest,x", "a/two.wav,devtest,x", "b/three.wav,devtest,y"]
    (folder / "list.csv").write_text("path,split,collection\n" + "\n".join(rows) + "\n")
    return folder


def invoke(*words: object) -> Result:
    return CliRunner().invoke(cqtnet, ["eval", "protocol", "--workers", "1", *map(str, words)])


def test_a_folder_becomes_a_set_and_what_is_left_out_is_said(music: Path, tmp_path: Path) -> None:
    result = invoke("same", "speed", "--audio", music, "--out", tmp_path / "sets")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("same: 3 target and 3 nontarget trials, 3 probes of 3 recordings → ")
    assert "same leaves 1 recordings out: b/brief.wav: lasts 3.0 s" in result.stderr
    assert len(read_trials(tmp_path / "sets" / "speed.csv")) == 6


def test_a_list_becomes_a_set_and_its_plan_the_same_set_again(music: Path, tmp_path: Path) -> None:
    first = invoke(
        "paper-pitch", "--audio", music / "list.csv", "--out", tmp_path / "1", "--within", "--json"
    )
    assert first.exit_code == 0, first.output
    (record,) = json.loads(first.stdout)
    assert (record["targets"], record["nontargets"], record["collections"]) == (3, 3, 2)
    assert len(read_trials(Path(record["within_csv"]))) == 4
    again = invoke(tmp_path / "1/paper-pitch.plan.json", "--audio", music, "--out", tmp_path / "2")
    assert again.exit_code == 0, again.output
    files = [p.relative_to(tmp_path / "1") for p in (tmp_path / "1").rglob("*") if p.is_file()]
    assert len(files) == 4 + 3 + 3
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()


def test_all_makes_every_protocol(music: Path, tmp_path: Path) -> None:
    result = invoke("all", "--audio", music, "--out", tmp_path / "sets", "--fragments", 2)
    assert result.exit_code == 0, result.output
    assert {path.stem for path in (tmp_path / "sets").glob("*.csv")} == set(PROTOCOLS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["louder", "--audio", "MUSIC"], "'louder' is no protocol"),
        (["same", "--audio", "MUSIC/none.csv"], "none.csv does not exist; give a folder or a list"),
        (["same", "--audio", "MUSIC/a/one.wav"], "is audio; give a folder or a list"),
        (["same", "--audio", "MUSIC/list.csv", "--split", "valid"], "marks no recording 'valid'"),
        (["same", "--audio", "MUSIC", "--split", "valid"], "is a folder and has no splits"),
        (["all", "--audio", "MUSIC", "--limit", "1"], "all recordings are of one collection"),
        (["same", "--audio", "MUSIC", "--negatives", "9"], "9 negatives a fragment are wanted"),
        (["noise", "--audio", "MUSIC", "--noise", "MUSIC/none"], "none cannot be read"),
        (["MUSIC/list.csv", "--audio", "MUSIC"], "is no plan of a protocol"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(
    words: list[str], message: str, music: Path, tmp_path: Path
) -> None:
    given = [word.replace("MUSIC", str(music)) for word in words]
    result = invoke(*given, "--out", tmp_path / "sets")
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "sets").exists()


def test_a_plan_without_its_recordings_writes_nothing(music: Path, tmp_path: Path) -> None:
    made = invoke("same", "--audio", music, "--out", tmp_path / "1")
    assert made.exit_code == 0
    shutil.copytree(music, tmp_path / "some")
    (tmp_path / "some/b/three.wav").unlink()
    for source, message in (("none", "none does not exist"), ("some", "three.wav cannot be read")):
        plan, audio = tmp_path / "1/same.plan.json", tmp_path / source
        result = invoke(plan, "--audio", audio, "--out", tmp_path / "2")
        assert isinstance(result.exception, InputError)
        assert message in str(result.exception)
        assert not (tmp_path / "2").exists()


def test_files_beside_a_folder_are_not_of_one_collection(music: Path, tmp_path: Path) -> None:
    (tmp_path / "music/stray").mkdir(parents=True)
    for name, copy in (("a/one", "one"), ("a/two", "two"), ("b/three", "stray/three")):
        shutil.copy(music / f"{name}.wav", tmp_path / f"music/{copy}.wav")
    result = invoke("same", "--audio", tmp_path / "music", "--out", tmp_path / "s", "--negatives=2")
    assert result.exit_code == 0, result.output
    assert "3 target and 6 nontarget" in result.stdout


def test_broken_noise_is_left_out_with_a_warning(music: Path, tmp_path: Path) -> None:
    noise = tmp_path / "street"
    noise.mkdir()
    (noise / "broken.wav").write_bytes(b"RIFF and nothing else")
    words = ["noise", "hard", "--audio", music, "--noise", noise, "--seed", 4]
    result = invoke(*words, "--out", tmp_path / "1")
    assert isinstance(result.exception, InputError)
    assert "no recording of noise can be read" in str(result.exception)
    hiss = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    soundfile.write(noise / "hiss.wav", hiss, RATE)
    result = invoke(*words, "--out", tmp_path / "2")
    assert result.exit_code == 0, result.output
    assert "noise broken.wav: " in result.stderr


def test_sets_are_not_written_among_the_recordings(music: Path) -> None:
    result = invoke("same", "--audio", music, "--out", music / "sets")
    assert isinstance(result.exception, InputError)
    assert "lies in the folder of recordings" in str(result.exception)
    assert not (music / "sets").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["same", "--negatives", "some"], "neither a number from 1 on nor `all`"),
        (["same", "--negatives", "0"], "neither a number from 1 on nor `all`"),
        (["same", "--against", "everything"], "'everything' is not one of"),
        (["PLAN", "--seed", "7"], "a plan is drawn already: leave --seed out"),
        (["PLAN", "same"], "name each set once"),
    ],
)
def test_a_wrong_call_is_explained(
    words: list[str], message: str, music: Path, tmp_path: Path
) -> None:
    made = invoke("same", "--audio", music, "--out", tmp_path / "1")
    assert made.exit_code == 0
    given = [word.replace("PLAN", str(tmp_path / "1/same.plan.json")) for word in words]
    result = invoke(*given, "--audio", music, "--out", tmp_path / "2")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "2").exists()


def test_every_protocol_has_its_section_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
    for name, protocol in PROTOCOLS.items():
        section = page.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert f"cqtnet eval protocol {name} " in section
        assert protocol.question in section
