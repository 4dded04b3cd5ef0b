import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.errors import InputError, ManifestError
from cqtnet.music import make_music
from tests.verify.report import cases
from verify.calibration import Calibration
from verify.commands.compare import compared, pairs_of, read_pairs
from verify.comparison import Comparer
from verify.recording import Recording


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    song, other = make_music(31, duration_s=20.0), make_music(32, duration_s=12.0)
    sounds = {"song": song, "cut": song[5 * SAMPLE_RATE : 15 * SAMPLE_RATE], "other": other}
    for name, samples in (sounds | {"silence": np.zeros(5 * SAMPLE_RATE)}).items():
        soundfile.write(folder / f"{name}.flac", samples, SAMPLE_RATE)
    (folder / "broken.flac").write_bytes(b"no audio at all")
    return folder


def call(folder, *words, stdin=None):
    known = {path.name for path in folder.iterdir()}
    paths = [str(folder / str(word)) if word in known else str(word) for word in words]
    return CliRunner().invoke(cqtnet, ["compare", *paths], input=stdin)


@pytest.mark.parametrize(("b", "code", "head"), [
    ("song.flac", 0, "SAME RECORDING  LR "), ("other.flac", 1, "DIFFERENT RECORDINGS  LR 1/"),
    ("silence.flac", 3, "INSUFFICIENT EVIDENCE  LR 1 "),
])  # fmt: skip
def test_the_verdict_is_the_first_line_and_the_exit_code(folder, b, code, head):
    done = call(folder, "cut.flac", b)
    assert done.exit_code == code, done.output
    assert done.stdout.startswith(head)


@pytest.mark.parametrize(("words", "verdict", "against"), [
    ([], "rendition", "rendition"), (["--against", "unrelated"], "different", "unrelated"),
])  # fmt: skip
def test_a_rendition_is_named_unless_it_is_ruled_out(folder, monkeypatch, words, verdict, against):
    monkeypatch.setattr(Calibration, "ratios", lambda *_: cases.ratios(-5.0, -4.0, 6.0))
    done = call(folder, "cut.flac", "song.flac", "--json", "--population", "speech", *words)
    row = json.loads(done.stdout)
    assert (done.exit_code, row["verdict"], row["against"]) == (1, verdict, against)
    names = ("same_unrelated", "same_rendition", "rendition_unrelated")
    assert row["log_lrs"] == dict(zip(names, (-5.0, -4.0, 6.0), strict=True))
    assert row["log_lr"] == row["log_lrs"][f"same_{against}"] and row["population"] == "speech"
    assert row["waveform"] is row["edits"] is None and row["copy"]["band_correlation"] > 0.9
    told = call(folder, "cut.flac", "song.flac", *words).stdout
    assert told.startswith({"rendition": "ANOTHER RENDITION  LR 1/55 "}.get(verdict, "DIFFERENT"))


def test_one_file_against_several_is_a_line_of_json_each(folder):
    done = call(folder, "cut.flac", "song.flac", "other.flac", "--json")
    assert done.exit_code == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["verdict"] for row in rows] == ["same", "different"]
    assert rows[0]["alignment"]["b_start_s"] == pytest.approx(5.0, abs=0.05)


def test_a_list_of_pairs_goes_on_past_a_broken_file(folder, tmp_path):
    cut, listed = folder / "cut.flac", tmp_path / "pairs.csv"
    listed.write_text(f"a,b\n{cut},{folder}/broken.flac\n{cut},{folder}/song.flac")
    for where, stdin in ((listed, None), ("-", listed.read_text())):
        done = call(folder, "--pairs", where, stdin=stdin)
        assert done.exit_code == 2
        assert "broken.flac" in done.stderr and done.stdout.startswith("SAME RECORDING")
    alone = call(folder, "cut.flac", "broken.flac").exception
    assert isinstance(alone, InputError) and "broken.flac" in str(alone)


def test_a_broken_first_file_is_read_once_for_all_pairs(folder, monkeypatch):
    read = Mock(wraps=Recording.read)
    monkeypatch.setattr(Recording, "read", read)
    pairs = [(folder / "broken.flac", folder / f"{name}.flac") for name in ("song", "cut", "other")]
    results = list(compared(Comparer.named(), pairs))
    assert len(results) == 3 and all(isinstance(result, InputError) for result in results)
    assert [call.args[0] for call in read.call_args_list] == [folder / "broken.flac"]


@pytest.mark.parametrize(("error", "message"), [
    (OSError("gone"), "song.flac cannot be compared: gone"), (InputError("no"), "no"),
])  # fmt: skip
def test_a_file_that_vanishes_before_it_is_compared_is_told(folder, monkeypatch, error, message):
    monkeypatch.setattr(Comparer, "compare", Mock(side_effect=error))
    (result,) = compared(Comparer.named(), [(folder / "cut.flac", folder / "song.flac")])
    assert isinstance(result, InputError) and str(result).endswith(message)


def test_a_report_is_written_once_with_or_without_sound(folder, tmp_path):
    words = ("cut.flac", "song.flac", "--report", tmp_path / "page.html")
    with cases.unpainted():
        assert call(folder, *words, "--players").exit_code == 0
        page = words[-1].read_text()
        assert page.count("<audio") == 2
        assert "use --force" in str(call(folder, *words).exception)
        assert words[-1].read_text() == page
        assert call(folder, *words, "--force").exit_code == 0
    assert "<audio" not in words[-1].read_text()


def test_several_pairs_are_one_page_that_names_what_could_not_be_compared(folder, tmp_path):
    page = tmp_path / "page.html"
    names = ("cut.flac", "song.flac", "broken.flac", "other.flac")
    with cases.unpainted():
        done = call(folder, *names, "--report", page)
    assert done.exit_code == 2 and done.stdout.count("LR ") == 2
    content = page.read_text()
    assert content.count("<article id=") == 2 and "These could not be compared" in content
    assert "broken.flac is not audio" in content


@pytest.mark.parametrize(("text", "message"), [
    ("x,y\n1,2\n", ":1: no column a, b; found x, y"),
    ("a,b\none.wav,\n", ":2: a or b is empty"),
    ("a,b\n", "holds no row"),
    (None, "cannot be read"),
])  # fmt: skip
def test_a_wrong_list_names_its_line_and_a_right_one_starts_at_its_folder(tmp_path, text, message):
    path = tmp_path / "pairs.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_pairs(path)
    path.write_text("a,b\none.wav,/two.wav\n")
    assert read_pairs(path) == [(tmp_path / "one.wav", Path("/two.wav"))]


def test_too_few_files_or_both_ways_of_naming_them_are_refused():
    for files, listed in (((), None), ((Path("a"),), None), ((Path("a"), Path("b")), Path("c"))):
        with pytest.raises(InputError, match="give"):
            pairs_of(files, listed)
