import csv
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet.audio import file_sha256
from cqtnet.errors import FragmentTooShortError, InputError, NoContentError, NotAudioError
from cqtnet.music import make_music
from verify.commands.diff import diff
from verify.edits import Edit, EditMap, write_labels
from verify.results import Line, Stretch

RATE = 22050


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`original.wav`, and `edited.wav`, from which 12 to 15 s of it are missing."""
    folder = tmp_path_factory.mktemp("sounds")
    samples, other = make_music(5, duration_s=26.0), make_music(8, duration_s=12.0)
    sounds = {"original": samples, "short": samples[:RATE], "other": other, "silence": 0 * other}
    sounds["edited"] = np.concatenate([samples[: 12 * RATE], samples[15 * RATE :]])
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE)
    (folder / "text.wav").write_text("no audio")
    return folder


def invoke(*words):
    return CliRunner().invoke(diff, [str(word) for word in words])


def test_a_cut_is_a_line_between_the_stretches_beside_it(folder):
    result = invoke(folder / "edited.wav", folder / "original.wav")
    assert result.exit_code == 1, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("--- B ") and "original.wav  0:26" in lines[0]
    assert lines[1].startswith("+++ A ") and "edited.wav  0:23" in lines[1]
    assert lines[2].endswith("(100 % of A); 1 edit")
    assert [line[0] for line in lines[3:]] == ["=", "-", "="]
    assert "cut: 3.0" in lines[4] and "s of B are missing" in lines[4]


@pytest.mark.parametrize(("a", "code", "words"), [
    ("original", 0, "A is B from beginning to end"),
    ("other", 1, "nothing in common was found"),
])  # fmt: skip
def test_identical_files_exit_0_and_others_1(folder, a, code, words):
    result = invoke(folder / f"{a}.wav", folder / "original.wav")
    assert result.exit_code == code, result.output
    assert words in result.stdout.splitlines()[2]


def test_json_names_the_files_by_their_bytes_and_is_the_same_every_time(folder):
    words = (folder / "edited.wav", folder / "original.wav", "--json")
    first, second = invoke(*words), invoke(*words)
    assert first.stdout == second.stdout
    record = json.loads(first.stdout)
    assert record["a"]["sha256"] == file_sha256(folder / "edited.wav")
    assert record["identical"] is False
    assert [s["tempo"] for s in record["stretches"]] == pytest.approx([1, 1], abs=0.001)
    (edit,) = record["edits"]
    assert edit["kind"] == "cut"
    assert (edit["b_start_s"], edit["b_end_s"]) == pytest.approx((12, 15), abs=0.15)


def test_labels_and_a_page_are_written_and_not_replaced_unless_forced(folder, tmp_path):
    page, sounds = tmp_path / "edits.html", (folder / "edited.wav", folder / "original.wav")
    words = (*sounds, "--labels", tmp_path / "edits.txt")
    assert invoke(*words, "--report", page).exit_code == 1
    assert "s of B are missing" in page.read_text() and "<script" not in page.read_text()
    assert "--force" in str(invoke(*sounds, "--report", page).exception)
    rows = [line.split("\t") for line in (tmp_path / "edits.txt").read_text().splitlines()]
    assert [row[2].split(":")[0] for row in rows] == ["B 0", "cut", "B 0"]
    assert rows[1][0] == rows[1][1], "a cut is a moment of A"
    assert float(rows[1][0]) == pytest.approx(12, abs=0.15)
    again = invoke(*words)
    assert isinstance(again.exception, InputError) and "--force" in str(again.exception)
    assert invoke(*words, "--force").exit_code == 1
    refused = str(invoke("none.wav", "none.wav", "--labels", "edits.doc").exception)
    assert ".txt (Audacity) or .csv (Reaper), not '.doc'" in refused, "before any work"


@pytest.mark.parametrize(("name", "error", "message"), [
    ("none.wav", NotAudioError, "none.wav"), ("text.wav", NotAudioError, "text.wav"),
    ("silence.wav", NoContentError, "silence.wav is digital silence"),
    ("short.wav", FragmentTooShortError, "1.00 s are too short .*give at least 3 s"),
])  # fmt: skip
def test_a_file_that_holds_nothing_to_compare_is_named_in_an_error(folder, name, error, message):
    files = folder / name, folder / "original.wav"
    for result in (invoke(*files), invoke(*files[::-1])):
        with pytest.raises(error, match=message):
            raise result.exception or AssertionError(result.output)


def test_reaper_gets_regions_and_markers_in_the_order_of_a_with_tempo_and_pitch(tmp_path):
    repeated = Edit("repeated", 2.0, 4.0, 1.0, 3.0, "again")
    stretch = Stretch(0.0, 10.0, Line(1.1, -2.0, 4.0), 0.9, 0.9)
    inserted = Edit("inserted", 10.0, 13.0, 15.0, 15.0, "3.00 s, by hand")
    trimmed = Edit("trimmed", 10.0, 10.0, 15.0, 30.0, "B goes on")
    edits = EditMap(13.0, 30.0, (stretch,), (inserted, trimmed, repeated))
    write_labels(edits, tmp_path / "edits.csv")
    with (tmp_path / "edits.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    altered = "B 0:04.00–0:15.00, tempo ×1.1000, pitch -2.00 semitones"
    assert header == ["#", "Name", "Start", "End", "Length"]
    assert rows == [
        ["R1", altered, "0.000", "10.000", "10.000"],
        ["R2", "repeated: again", "2.000", "4.000", "2.000"],
        ["M3", "trimmed: B goes on", "10.000", "", ""],
        ["R4", "inserted: 3.00 s, by hand", "10.000", "13.000", "3.000"],
    ]
